using System.Text.Json;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Imports;

/// <summary>Styles as JSON: a list of what <c>PUT api/styles/{id}</c> takes, each with its <c>id</c>. A style is stated whole: SKUs it leaves out are archived.</summary>
public sealed class ProductJson : ProductSource
{
    readonly List<(int Start, int Length, int Line, int Rows)> styles = [];
    readonly ReadOnlyMemory<byte> json;
    readonly ImportErrors errors;

    /// <summary>Opens and checks a file; null when it is no list of objects (<paramref name="errors"/> says where).</summary>
    public static ProductJson? Open(ReadOnlyMemory<byte> json, ImportErrors errors)
    {
        if (json.Span.StartsWith<byte>([0xEF, 0xBB, 0xBF])) json = json[3..];
        try
        {
            return new(json, errors);
        }
        catch (JsonException wrong)
        {
            errors.Add((int)(wrong.LineNumber ?? 0) + 1, 0, null, null, $"It is not JSON here (byte {wrong.BytePositionInLine + 1} of the line): {wrong.Message.Split(" LineNumber:")[0]}");
            return null;
        }
    }

    ProductJson(ReadOnlyMemory<byte> json, ImportErrors errors)
    {
        (this.json, this.errors) = (json, errors);
        var reader = new Utf8JsonReader(json.Span, new JsonReaderOptions { MaxDepth = 32 });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            errors.Add(1, 0, null, null, "Expected a list of styles: [{\"id\": …, \"name\": …, \"matrix\": …}, …].");
            return;
        }
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var (line, counted) = (1, 0);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            line += json.Span[counted..start].Count((byte)'\n');
            counted = start;
            reader.Skip();
            styles.Add((start, (int)reader.BytesConsumed - start, line, 0));
            if (Read(styles.Count - 1) is not { } draft) continue;
            if (!ids.TryAdd(draft.Id, line)) errors.Add(line, 0, $"/{styles.Count - 1}/id", draft.Id, $"Style '{draft.Id}' is on line {ids[draft.Id]} already.");
            foreach (var sku in draft.Skus)
            {
                Parts.UnionWith(sku.Components.Select(part => part.Sku));
                foreach (var code in sku.Codes.Prepend(new(sku.Sku)).Concat(sku.Barcode is null ? [] : [new(sku.Barcode)]))
                    if (Taken(code, sku.Sku, line) is var (other, there) && other != sku.Sku) errors.Add(line, 0, sku.At, code.Code, $"It is a code of SKU '{other}' on line {there}; it cannot be one of SKU '{sku.Sku}' too.");
            }
            styles[^1] = styles[^1] with { Rows = draft.Skus.Count };
            Rows += draft.Skus.Count;
        }
        if (styles.Count == 0 && errors.Count == 0) errors.Add(1, 0, null, null, "The list is empty.");
        Checked();
    }

    public override int Styles => styles.Count;
    public override int RowsOf(int style) => styles[style].Rows;

    public override StyleDraft Draft(int style)
    {
        errors.Muted = true;
        var draft = Read(style);
        errors.Muted = false;
        return draft ?? new("", "", Stated.None, []);
    }

    public override void Note(Objection objection)
    {
        // Every pointer begins with the style's place in the list.
        var place = objection.At.Split('/').ElementAtOrDefault(1);
        var line = int.TryParse(place, out var index) && index < styles.Count ? styles[index].Line : 1;
        errors.Add(line, 0, objection.At + "/" + objection.Column.Replace("attribute:", "attributes/", StringComparison.Ordinal), null, objection.Detail);
    }

    StyleDraft? Read(int style)
    {
        var (start, length, line, _) = styles[style];
        try
        {
            var fields = RequestFields.Parse(json.Slice(start, length), $"/{style}");
            return StyleRequest.Parse(fields.Text("id", Sku.Longest), fields);
        }
        catch (ProblemException wrong) when (wrong.Status == 400)
        {
            foreach (var fault in wrong.Members.GetValueOrDefault("errors") is IEnumerable<object> faults ? faults.OfType<Fault>() : []) errors.Add(line, 0, fault.Pointer, null, fault.Detail);
            if (!wrong.Members.ContainsKey("errors")) errors.Add(line, 0, $"/{style}", null, wrong.Message);
            return null;
        }
    }
}
