using System.Text;

namespace Selvedge.Local.Cosmos;

/// <summary>
/// Rules for ids (https://learn.microsoft.com/azure/cosmos-db/concepts-limits): items 1-1023 bytes, databases and containers 1-255
/// characters, none of <c>/ \ ? #</c> and, as the service does, no trailing space.
/// </summary>
internal static class ItemId
{
    public const int MaxBytes = 1023;

    /// <exception cref="CosmosError">400, saying which rule is broken.</exception>
    public static void Check(string id)
    {
        if (Problem(id, Encoding.UTF8.GetByteCount(id), MaxBytes) is { } problem)
        {
            throw CosmosError.BadRequest($"The item id '{Shown(id)}' is not allowed: {problem}.");
        }
    }

    /// <exception cref="CosmosError">400, saying which rule is broken.</exception>
    public static void CheckResourceName(string id)
    {
        if (Problem(id, id.Length, 255) is { } problem)
        {
            throw CosmosError.BadRequest($"The name '{Shown(id)}' is not allowed: {problem}.");
        }
    }

    private static string? Problem(string id, int length, int most) =>
        length == 0 ? "it is empty or missing"
        : length > most ? $"it is longer than {most}"
        : id.AsSpan().IndexOfAny(@"/\?#") >= 0 ? @"it contains one of / \ ? #"
        : id[^1] == ' ' ? "it ends with a space"
        : id is "." or ".." ? "a URI cannot name it"
        : null;

    private static string Shown(string id) => id.Length <= 60 ? id : id[..60] + "…";
}
