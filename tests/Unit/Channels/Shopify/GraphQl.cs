using System.Text.RegularExpressions;

namespace Selvedge.Tests.Unit.Channels.Shopify;

/// <summary>A type as a document or a schema writes it, e.g. <c>[ID!]!</c>.</summary>
internal sealed record TypeRef(string? Name, TypeRef? Of, bool Required)
{
    public string Leaf => Name ?? Of!.Leaf;
    public override string ToString() => (Name ?? $"[{Of}]") + (Required ? "!" : "");
}

internal sealed record Variable(string Name, TypeRef Type, object? Default, bool HasDefault);
internal sealed record DirectiveUse(string Name, Dictionary<string, object?> Arguments);

/// <summary>A field, or, where <see cref="Name"/> is null, an inline fragment on a type.</summary>
internal sealed record Selection(string? Name, string? On, Dictionary<string, object?> Arguments, List<DirectiveUse> Directives, List<Selection> Selections);
internal sealed record Operation(string Kind, string Name, List<Variable> Variables, List<Selection> Selections);

/// <summary>Values: <see cref="VariableUse"/>, <see cref="EnumUse"/>, string, long, double, bool, null, lists and objects.</summary>
internal sealed record VariableUse(string Name);
internal sealed record EnumUse(string Name);

/// <summary>Reads one operation of a GraphQL document (spec, October 2021, section 2), as far as this project writes them: no named fragments, no block strings.</summary>
internal sealed partial class GraphQl
{
    readonly List<string> tokens;
    int at;

    GraphQl(string document) => tokens = [.. Token().Matches(document).Select(match => match.Value).Where(token => !string.IsNullOrWhiteSpace(token) && token[0] is not (',' or '#'))];

    [GeneratedRegex("""#[^\n]*|\.\.\.|[_A-Za-z][_0-9A-Za-z]*|-?\d+(\.\d+)?([eE][+-]?\d+)?|"(\\.|[^"\\])*"|[\s,]+|.""")]
    private static partial Regex Token();

    public static Operation Parse(string document)
    {
        var reader = new GraphQl(document);
        var operation = new Operation(reader.Next(), reader.Next(), reader.Is("(") ? reader.Variables() : [], reader.Selections());
        return reader.at == reader.tokens.Count ? operation : throw new FormatException($"More than one operation: {reader.tokens[reader.at]}");
    }

    string Next() => at < tokens.Count ? tokens[at++] : throw new FormatException("The document ends too early.");
    bool Is(string token) => at < tokens.Count && tokens[at] == token;
    bool Takes(string token)
    {
        if (!Is(token)) return false;
        at++;
        return true;
    }

    void Expect(string token)
    {
        if (Next() is var next && next != token) throw new FormatException($"Expected {token}, got {next}.");
    }

    List<Variable> Variables()
    {
        Expect("(");
        var variables = new List<Variable>();
        while (!Takes(")"))
        {
            Expect("$");
            var name = Next();
            Expect(":");
            var type = Type();
            var has = Takes("=");
            variables.Add(new(name, type, has ? Value() : null, has));
        }
        return variables;
    }

    TypeRef Type()
    {
        TypeRef type;
        if (Takes("["))
        {
            type = new(null, Type(), false);
            Expect("]");
        }
        else type = new(Next(), null, false);
        return Takes("!") ? type with { Required = true } : type;
    }

    List<Selection> Selections()
    {
        Expect("{");
        var selections = new List<Selection>();
        while (!Takes("}"))
        {
            if (Takes("..."))
            {
                Expect("on");
                selections.Add(new(null, Next(), [], [], Selections()));
                continue;
            }
            var name = Next();
            if (Takes(":")) name = Next();
            var arguments = Is("(") ? Arguments() : [];
            var directives = new List<DirectiveUse>();
            while (Takes("@")) directives.Add(new(Next(), Is("(") ? Arguments() : []));
            selections.Add(new(name, null, arguments, directives, Is("{") ? Selections() : []));
        }
        return selections;
    }

    Dictionary<string, object?> Arguments()
    {
        Expect("(");
        return Members(")");
    }

    Dictionary<string, object?> Members(string end)
    {
        var members = new Dictionary<string, object?>();
        while (!Takes(end))
        {
            var name = Next();
            Expect(":");
            members.Add(name, Value());
        }
        return members;
    }

    object? Value()
    {
        var token = Next();
        if (token == "$") return new VariableUse(Next());
        if (token == "{") return Members("}");
        if (token == "[")
        {
            var list = new List<object?>();
            while (!Takes("]")) list.Add(Value());
            return list;
        }
        return token[0] is '"' ? token[1..^1] : char.IsAsciiDigit(token[^1]) && (token[0] is '-' || char.IsAsciiDigit(token[0])) ? (token.Contains('.', StringComparison.Ordinal) ? (object)double.Parse(token, System.Globalization.CultureInfo.InvariantCulture) : long.Parse(token, System.Globalization.CultureInfo.InvariantCulture))
            : token switch { "true" => true, "false" => false, "null" => null, _ => new EnumUse(token) };
    }
}
