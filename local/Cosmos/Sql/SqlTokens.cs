using System.Globalization;
using System.Text;

namespace Selvedge.Local.Cosmos.Sql;

internal enum TokenKind
{
    End,
    Name,
    Number,
    String,
    Parameter,
    Symbol,
}

/// <summary>A token; <paramref name="Position"/> counts characters from 1 and is what error messages name.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, int Position)
{
    public string Shown => Kind switch
    {
        TokenKind.End => "the end of the query",
        TokenKind.String => $"the string '{(Text.Length <= 30 ? Text : Text[..30] + "…")}'",
        _ => $"'{Text}'",
    };
}

/// <summary>The tokens of a query, and where its parser stands.</summary>
internal sealed class SqlTokens
{
    /// <summary>The longest query text, in characters (https://learn.microsoft.com/azure/cosmos-db/concepts-limits).</summary>
    public const int MaxLength = 512 * 1024;

    private static readonly string[] Symbols = ["<=", ">=", "!=", "<>", "||", "??"];

    private readonly List<Token> _tokens = [];
    private int _at;

    /// <exception cref="CosmosError">400: text that is no token.</exception>
    public SqlTokens(string text)
    {
        if (text.Length > MaxLength)
        {
            throw CosmosError.BadRequest($"The query has {text.Length} characters; the limit is {MaxLength}.");
        }

        var at = 0;
        while (SkipBlank(text, ref at))
        {
            _tokens.Add(Next(text, ref at));
        }

        _tokens.Add(new Token(TokenKind.End, "", text.Length + 1));
    }

    public Token Current => _tokens[_at];

    public Token Following => _tokens[Math.Min(_at + 1, _tokens.Count - 1)];

    public Token Take() => _at < _tokens.Count - 1 ? _tokens[_at++] : _tokens[_at];

    /// <summary>Where the parser stands, for <see cref="Return"/>.</summary>
    public int Mark() => _at;

    public void Return(int mark) => _at = mark;

    /// <summary>Moves to <paramref name="keyword"/>, past whatever is in brackets, or to the bracket or end that closes this query.</summary>
    public void SkipTo(string keyword)
    {
        var depth = 0;
        while (Current.Kind != TokenKind.End && (depth > 0 || !IsWord(keyword) || (_at > 0 && _tokens[_at - 1] is { Kind: TokenKind.Symbol, Text: "." })))
        {
            var change = Current.Kind != TokenKind.Symbol ? 0 : Current.Text is "(" or "[" or "{" ? 1 : Current.Text is ")" or "]" or "}" ? -1 : 0;
            if (depth + change < 0)
            {
                return;
            }

            depth += change;
            Take();
        }
    }

    public bool IsSymbol(string symbol) => Current.Kind == TokenKind.Symbol && Current.Text == symbol;

    public bool IsWord(string keyword) => Current.Kind == TokenKind.Name && Current.Text.Equals(keyword, StringComparison.OrdinalIgnoreCase);

    public bool TakeSymbol(string symbol) => IsSymbol(symbol) && Take().Position > 0;

    public bool TakeWord(string keyword) => IsWord(keyword) && Take().Position > 0;

    public void Expect(string symbol)
    {
        if (!TakeSymbol(symbol))
        {
            throw Unexpected($"'{symbol}'");
        }
    }

    public void ExpectWord(string keyword)
    {
        if (!TakeWord(keyword))
        {
            throw Unexpected(keyword);
        }
    }

    public CosmosError Unexpected(string wanted) => Syntax($"{wanted} was expected, not {Current.Shown}", Current.Position);

    public static CosmosError Syntax(string problem, int position) =>
        CosmosError.BadRequest($"Syntax error at position {position}: {problem}.");

    public static CosmosError Unsupported(string construct, int position) =>
        CosmosError.BadRequest($"{construct} is not supported here (position {position}).");

    private static bool SkipBlank(string text, ref int at)
    {
        while (at < text.Length)
        {
            if (char.IsWhiteSpace(text[at]))
            {
                at++;
            }
            else if (text.AsSpan(at).StartsWith("--"))
            {
                var end = text.IndexOf('\n', at);
                at = end < 0 ? text.Length : end + 1;
            }
            else if (text.AsSpan(at).StartsWith("/*"))
            {
                var end = text.IndexOf("*/", at + 2, StringComparison.Ordinal);
                at = end < 0 ? throw Syntax("the comment has no end", at + 1) : end + 2;
            }
            else
            {
                return true;
            }
        }

        return false;
    }

    private static Token Next(string text, ref int at)
    {
        var start = at;
        var c = text[at];
        if (char.IsLetter(c) || c == '_')
        {
            return new Token(TokenKind.Name, Word(text, ref at), start + 1);
        }

        if (c == '@')
        {
            at++;
            var name = Word(text, ref at);
            return name.Length > 0 ? new Token(TokenKind.Parameter, "@" + name, start + 1) : throw Syntax("a parameter needs a name", start + 1);
        }

        if (char.IsAsciiDigit(c) || (c == '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])))
        {
            return Number(text, ref at);
        }

        if (c is '\'' or '"')
        {
            return String(text, ref at);
        }

        foreach (var symbol in Symbols)
        {
            if (text.AsSpan(at).StartsWith(symbol))
            {
                at += 2;
                return new Token(TokenKind.Symbol, symbol, start + 1);
            }
        }

        if (c is '&' or '|' or '^' or '~')
        {
            throw Unsupported($"The bitwise operator '{c}'", start + 1);
        }

        at++;
        return "()[]{},.:*/%+-=<>?!".Contains(c)
            ? new Token(TokenKind.Symbol, c.ToString(), start + 1)
            : throw Syntax($"'{c}' has no meaning", start + 1);
    }

    private static string Word(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_'))
        {
            at++;
        }

        return text[start..at];
    }

    private static Token Number(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '.'
            || (text[at] is '+' or '-' && text[at - 1] is 'e' or 'E')))
        {
            at++;
        }

        var number = text[start..at];
        return double.TryParse(number, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? new Token(TokenKind.Number, number, start + 1)
            : throw Syntax($"'{number}' is not a number", start + 1);
    }

    private static Token String(string text, ref int at)
    {
        var start = at;
        var quote = text[at++];
        var value = new StringBuilder();
        while (at < text.Length && text[at] != quote)
        {
            value.Append(text[at] == '\\' ? Escape(text, ref at) : text[at]);
            at++;
        }

        return at++ < text.Length
            ? new Token(TokenKind.String, value.ToString(), start + 1)
            : throw Syntax("the string has no end", start + 1);
    }

    private static char Escape(string text, ref int at)
    {
        var start = at++;
        switch (at < text.Length ? text[at] : '\0')
        {
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case '\'' or '"' or '\\' or '/':
                return text[at];
            case 'u' when at + 4 < text.Length && ushort.TryParse(text.AsSpan(at + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code):
                at += 4;
                return (char)code;
            default:
                throw Syntax("unknown escape in a string", start + 1);
        }
    }
}
