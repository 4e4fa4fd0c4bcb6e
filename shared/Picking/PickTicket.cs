using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>Where a pick ticket stands.</summary>
[JsonConverter(typeof(CamelCaseEnum<TicketStatus>))]
public enum TicketStatus
{
    /// <summary>In the queue, nobody has it.</summary>
    Open,
    /// <summary>Someone has it, alone or in a wave.</summary>
    Picking,
    /// <summary>Every unit is staged or short.</summary>
    Picked,
    /// <summary>In cartons.</summary>
    Packed,
    /// <summary>Handed to the carrier: carrier and tracking are known, the ledger is being told.</summary>
    Shipping,
    /// <summary>The ledger has it: the units left.</summary>
    Shipped,
    /// <summary>Called off; what was staged is put back by a task of its own.</summary>
    Cancelled,
}

/// <summary>
/// What is to be picked at one location for one delivery: document of container <c>work</c>. The ledger's claims say what is to be picked where; the
/// ticket is their paper and follows them (<see cref="TicketDemand"/>). Units staged are the ledger's too: where both differ, the ledger is right.
/// </summary>
public sealed record PickTicket
{
    public const string KindName = "pick";
    public required string Id { get; init; }
    public required string Location { get; init; }
    public string Kind { get; init; } = KindName;
    public required TicketStatus Status { get; init; }

    /// <summary>What the claims are under: an order's id, or <c>transfer:&lt;id&gt;</c>.</summary>
    public required string Order { get; init; }

    /// <summary>The order's delivery, from 1, and its run: the orchestration that waits for the ticket. A transfer's are 1.</summary>
    public required int Delivery { get; init; }
    public required int Run { get; init; }

    /// <summary>Set for a stock transfer: the units stay ours and go to <c>transit/&lt;transfer&gt;</c>.</summary>
    public string? Transfer { get; init; }
    public string? Channel { get; init; }

    /// <summary>0 to 9; higher is picked first. Then by <see cref="ShipBy"/>, then the oldest.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public int Priority { get; init; }
    public DateTimeOffset? ShipBy { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public required IReadOnlyList<TicketLine> Lines { get; init; }

    /// <summary>Something happened that the order is to be told (short, shipped, called off): told again after this time, until it is seen; null when it was.</summary>
    public DateTimeOffset? Attention { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>Seconds to live, once it is over and summed up on the order.</summary>
    public int? Ttl { get; init; }
}

/// <summary>One claim's units on a ticket.</summary>
public sealed record TicketLine
{
    /// <summary>The ledger's line of the claim: an order line's id, or of a bundle one part's (<see cref="Orders.Bundles.PartId"/>).</summary>
    public required string Line { get; init; }
    public required string Sku { get; init; }

    /// <summary>Units to pick in all, ≥ 0.</summary>
    public required long Quantity { get; init; }

    /// <summary>Units staged by scans; units a picker did not find; units that left.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Picked { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Short { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Shipped { get; init; }
}

/// <summary>What claims hold for one delivery now: what its tickets are to say.</summary>
/// <param name="Order">The order's id, or <c>transfer:&lt;id&gt;</c>.</param>
/// <param name="Delivery">From 1.</param>
/// <param name="Run">The orchestration's run.</param>
/// <param name="Known">Ids of the tickets made before, as the order document lists them.</param>
/// <param name="Lines">Claimed units (held and staged, not shipped) by ledger line and location; locations where our people, or a partner's, pick.</param>
public sealed record TicketDemand(string Order, int Delivery, int Run, IReadOnlyList<string> Known, IReadOnlyList<TicketDemandLine> Lines)
{
    public string? Transfer { get; init; }
    public string? Channel { get; init; }
    public int Priority { get; init; }
    public DateTimeOffset? ShipBy { get; init; }
}

/// <summary>Units of one claim at one location: held (still on the shelf) and staged.</summary>
public sealed record TicketDemandLine(string Line, string Sku, string Location, long Held, long Staged);

/// <summary>Ids of documents in container <c>work</c> say where they are, so that one is found by its id alone:
/// <c>&lt;location&gt;.&lt;12 letters and digits of what it is for&gt;.&lt;delivery&gt;.&lt;number&gt;</c>; short enough for a barcode on paper.</summary>
public static class WorkIds
{
    const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /// <summary>The id of a ticket: number <paramref name="number"/>, from 1, of this delivery at this location.</summary>
    public static string Ticket(string location, string order, int delivery, int number) => string.Create(null, $"{location}.{Tag(order)}.{delivery}.{number}");

    /// <summary>The location of a document with this id; null where it is no such id.</summary>
    public static string? LocationOf(string id)
    {
        var end = id.Length;
        for (var part = 0; part < 3; part++)
            if (end <= 0 || (end = id.LastIndexOf('.', end - 1)) <= 0) return null;
        return id[..end];
    }

    /// <summary>60 bits of the SHA-256 of <paramref name="text"/> in Crockford's base 32.</summary>
    public static string Tag(string text)
    {
        var hash = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text));
        var bits = System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(hash);
        return string.Create(12, bits, static (span, left) =>
        {
            for (var i = 0; i < span.Length; i++, left <<= 5) span[i] = Alphabet[(int)(left >> 59)];
        });
    }
}
