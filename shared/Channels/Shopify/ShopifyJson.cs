using System.Text;
using System.Text.Json;

namespace Selvedge.Channels.Shopify;

/// <summary>What answers of the GraphQL Admin API have in common.</summary>
internal static class ShopifyJson
{
    /// <summary>Where the next page of a connection begins; null: this is the last.</summary>
    public static string? Next(JsonElement connection) => connection.GetProperty("pageInfo") is var page && page.GetProperty("hasNextPage").GetBoolean() ? page.GetProperty("endCursor").GetString() : null;

    /// <summary>What the first of a payload's <c>userErrors</c> says; null: it has none.</summary>
    public static string? FirstError(JsonElement payload, string errors = "userErrors")
    {
        if (payload.ValueKind is not JsonValueKind.Object || !payload.TryGetProperty(errors, out var list)) return "Shopify answered without a result.";
        foreach (var error in list.EnumerateArray())
            return (error.TryGetProperty("code", out var code) && code.GetString() is { } word ? word + ": " : "") + (error.GetProperty("message").GetString() ?? "It does not say why.");
        return null;
    }

    /// <summary>A location's gid from its number or gid; null when it is neither.</summary>
    public static string? Place(string? id) => ShopifyStock.IsGid(id, ShopifyStock.PlaceKind) ? id : id is { Length: > 0 and <= 19 } && id.All(char.IsAsciiDigit) ? "gid://shopify/Location/" + id : null;

    /// <summary>Answers as they came: one as it is, several as a list of them.</summary>
    public static ReadOnlyMemory<byte> Bytes(List<string> answers) => Encoding.UTF8.GetBytes(answers.Count == 1 ? answers[0] : $"[{string.Join(',', answers)}]");

    public static string IdOf(JsonElement of) => of.GetProperty("id").GetString()!;
}
