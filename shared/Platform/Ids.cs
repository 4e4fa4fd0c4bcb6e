using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Selvedge.Platform;

/// <summary>
/// The one place ids are built (design, section 3, "Idempotency"). Parts are joined by ':'; inside a part, ':', '~', '%',
/// blanks, control characters and what Cosmos DB forbids in an id (<c>/ \ ? #</c>) are written as '~' and two hex digits for each UTF-8 byte,
/// so that two different lists of parts never give the same id, and no id has a '%' (docs/decisions/0005).
/// </summary>
public static class Ids
{
    /// <summary>Longest Cosmos DB item id, in characters.</summary>
    public const int CosmosLimit = 255;

    /// <summary>Joins <paramref name="parts"/> into an id of at most <paramref name="limit"/> characters; a longer one keeps
    /// a readable prefix and ends in '~' and the SHA-256 of the whole (base64url, 43 characters).</summary>
    /// <exception cref="ArgumentException">A part is not well-formed UTF-16.</exception>
    public static string Join(ReadOnlySpan<string> parts, int limit = CosmosLimit)
    {
        var text = new StringBuilder(64);
        for (var i = 0; i < parts.Length; i++)
        {
            if (i > 0) text.Append(':');
            Encode(parts[i], text);
        }
        return Fit(text.ToString(), limit);
    }

    /// <summary>The id of a claim: <c>c:&lt;order&gt;:&lt;line&gt;:&lt;place&gt;</c>.</summary>
    public static string Claim(string order, string line, string place) => ClaimPrefix(order, line) + Part(place, 60);

    /// <summary>What all claim ids of one order line start with.</summary>
    public static string ClaimPrefix(string order, string line) => "c:" + Line(order, line);

    /// <summary>The id of the entry that a command with <paramref name="key"/> writes: <c>e:&lt;key&gt;</c>. The key was built by
    /// <see cref="Join"/> and is used as it is.</summary>
    public static string Entry(string key) => Fit("e:" + key, CosmosLimit);

    /// <summary>The key of revision <paramref name="revision"/> of an order line's claim: <c>&lt;order&gt;:&lt;line&gt;:r&lt;revision&gt;</c>.</summary>
    public static string Revision(string order, string line, long revision) =>
        Line(order, line) + string.Create(null, $"r{revision}");

    /// <summary>The key of a shipment of an order line: it starts as the line's revisions do, so one prefix finds the line's whole history.</summary>
    public static string Shipment(string order, string line, string shipment) =>
        Line(order, line) + "s" + Part(shipment, 60);

    /// <summary>What the entry ids of all revisions and shipments of one order line start with.</summary>
    public static string LinePrefix(string order, string line) => "e:" + Line(order, line);

    /// <summary>The key of what revision <paramref name="revision"/> states of a supply: <c>supply:&lt;supply&gt;:r&lt;revision&gt;</c>.</summary>
    public static string Supply(string supply, long revision) => SupplyRevisions(supply) + string.Create(null, $"{revision}");

    /// <summary>What the entry ids of all revisions of one supply start with.</summary>
    public static string SupplyPrefix(string supply) => "e:" + SupplyRevisions(supply);

    /// <summary>The id of an order: <c>&lt;channel&gt;:&lt;external id&gt;</c>.</summary>
    public static string Order(string channel, string externalId) => Join([channel, externalId]);

    /// <summary>The channel of the order with this id; null where it is no such id.</summary>
    public static string? ChannelOf(string? order) => order?.IndexOf(':', StringComparison.Ordinal) is > 0 and var end ? order[..end] : null;

    /// <summary>True when the text can stand in an id and a partition key as it is: 1 to <paramref name="longest"/> characters, no
    /// control characters, none of <c>/ \ ? # : % ~</c>, no lone surrogates, no blanks at the ends.</summary>
    public static bool IsPlain(string? text, int longest = 100)
    {
        if (string.IsNullOrEmpty(text) || text.Length > longest || char.IsWhiteSpace(text[0]) || char.IsWhiteSpace(text[^1])) return false;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsControl(c) || c is '/' or '\\' or '?' or '#' or ':' or '%' or '~') return false;
            if (char.IsSurrogate(c) && !(char.IsHighSurrogate(c) && ++i < text.Length && char.IsLowSurrogate(text[i]))) return false;
        }
        return true;
    }

    static string SupplyRevisions(string supply) => "supply:" + Part(supply, 200) + ":r";

    // Order and line are shortened each for itself, so that what starts with them still does when they are very long.
    static string Line(string order, string line) => Part(order, 110) + ":" + Part(line, 66) + ":";

    static string Part(string part, int limit)
    {
        var text = new StringBuilder(part.Length);
        Encode(part, text);
        return Fit(text.ToString(), limit);
    }

    static void Encode(string part, StringBuilder text)
    {
        var plain = true;
        foreach (var c in part) plain &= c is not (':' or '~' or '%' or '/' or '\\' or '?' or '#' or ' ') && !char.IsControl(c) && !char.IsSurrogate(c);
        if (plain) { text.Append(part); return; }
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in part.EnumerateRunes())
        {
            if (rune.Value == 0xFFFD && !part.Contains('\uFFFD')) throw new ArgumentException("An id part is not well-formed text (lone surrogate).", nameof(part));
            if (rune.Value is ':' or '~' or '%' or '/' or '\\' or '?' or '#' or ' ' || Rune.IsControl(rune))
            {
                foreach (var b in utf8[..rune.EncodeToUtf8(utf8)]) text.Append('~').Append(b.ToString("X2", null));
            }
            else text.Append(rune.ToString());
        }
    }

    static string Fit(string id, int limit)
    {
        if (id.Length <= limit) return id;
        var keep = limit - 44;
        if (char.IsHighSurrogate(id[keep - 1])) keep--;
        return string.Concat(id.AsSpan(0, keep), "~", Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(id))));
    }
}
