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

    /// <summary>Its place in the pick queue, while it waits there: text order is priority, then the day to ship by, then age; whatever else the container holds, a range of
    /// these texts is the queue of a location.</summary>
    public string? Queue => Status == TicketStatus.Open && OnHold is null ? string.Create(null,
        $"{QueueOf(Location)}{9 - Priority}|{(ShipBy is { } by ? InstantConverter.Text(by) : "9")}|{InstantConverter.Text(CreatedAt)}|{Id}") : null;

    /// <summary>What the queue texts of one location begin with.</summary>
    public static string QueueOf(string location) => location + "|";

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

    /// <summary>Who took it last; which taking it was, so that one whose answer was lost is known again; the wave and the slot of its cart it is picked in.</summary>
    public string? Picker { get; init; }
    public string? Taking { get; init; }
    public string? Wave { get; init; }
    public int? Slot { get; init; }

    /// <summary>The last scans, so that one whose answer was lost is answered again (<see cref="MostScans"/>); the ledger knows all of them.</summary>
    public IReadOnlyList<TicketScan>? Scans { get; init; }

    /// <summary>Every short pick: facts.</summary>
    public IReadOnlyList<ShortPick>? Shorts { get; init; }

    /// <summary>What it was packed into.</summary>
    public IReadOnlyList<Carton>? Cartons { get; init; }

    /// <summary>With whom it left, once it is shipping.</summary>
    public Consignment? Consignment { get; init; }

    /// <summary>Why it may be picked no further and may not leave (its order is blocked, or ships complete and waits for a unit), until its order lets it go on; null: it may.
    /// What was picked stays staged, and may be unpicked.</summary>
    public string? OnHold { get; init; }

    /// <summary>Something happened that the order is to be told (short, shipped, called off): told again after this time, until it is seen; null when it was.</summary>
    public DateTimeOffset? Attention { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>Seconds to live, once it is over and summed up on the order.</summary>
    public int? Ttl { get; init; }

    /// <summary>How many scans <see cref="Scans"/> keeps.</summary>
    public const int MostScans = 32;

    /// <summary>Nothing about it changes any more: shipped or called off.</summary>
    [JsonIgnore] public bool IsOver => Status is TicketStatus.Shipped or TicketStatus.Cancelled;

    /// <summary>It waits in the queue and nothing of it was picked.</summary>
    [JsonIgnore] public bool IsUntouched => Status == TicketStatus.Open && Lines.All(line => line.Picked == 0);

    /// <summary>On its way out: too late to call it off.</summary>
    [JsonIgnore] public bool HasLeft => Status is TicketStatus.Shipping or TicketStatus.Shipped;

    /// <summary>Units still to be picked.</summary>
    [JsonIgnore] public long Left => Lines.Sum(line => line.Left);
}

/// <summary>One claim's units on a ticket.</summary>
public sealed record TicketLine
{
    /// <summary>The ledger's line of the claim: an order line's id, or of a bundle one part's (<see cref="Orders.Bundles.PartId"/>).</summary>
    public required string Line { get; init; }
    public required string Sku { get; init; }

    /// <summary>Units to pick in all, ≥ 0: what its claim has here, and <see cref="Settled"/> ones.</summary>
    public required long Quantity { get; init; }

    /// <summary>Units staged by scans; units a picker did not find; units that left.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Picked { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Short { get; init; }

    /// <summary>Of the short units those that the claim here no longer has: the order was told and gets them elsewhere, later or not at all.
    /// <c>Short − Settled</c> above zero asks the order to act.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Settled { get; init; }

    /// <summary>Units that left with it; while it is shipping, that leave.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Shipped { get; init; }

    /// <summary>Cost of goods of what was shipped, in ten-thousandths of the base currency, once the ledger was told; a transfer's is 0.</summary>
    public long? Cost { get; init; }

    /// <summary>Units still to be picked.</summary>
    [JsonIgnore] public long Left => Math.Max(0, Quantity - Picked - Short);
}

/// <summary>What a scan was.</summary>
[JsonConverter(typeof(CamelCaseEnum<ScanKind>))]
public enum ScanKind { Pick, Unpick }

/// <summary>A scan and which lines got its units.</summary>
/// <param name="Id">The device's id of it: the same again is the same scan.</param>
/// <param name="Kind">What it was.</param>
/// <param name="Sku">What was scanned.</param>
/// <param name="Quantity">Units.</param>
/// <param name="Parts">Units by line, in the order of the ledger's entries.</param>
public sealed record TicketScan(string Id, ScanKind Kind, string Sku, long Quantity, IReadOnlyList<ScanPart> Parts);

/// <summary>Units of a scan that went to one line.</summary>
public sealed record ScanPart(string Line, long Quantity);

/// <summary>Why units were not picked.</summary>
[JsonConverter(typeof(CamelCaseEnum<ShortReason>))]
public enum ShortReason { NotFound, Damaged }

/// <summary>Units a picker did not find fit to send, and where.</summary>
public sealed record ShortPick(string Scan, string Line, string Sku, long Quantity, ShortReason Reason, string? Bin, DateTimeOffset At, string Actor);

/// <summary>A carton: its number on this ticket from 1, and the code on its label.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Code">An SSCC-18 where the company has a GS1 prefix; else a number of ours, which means nothing outside.</param>
/// <param name="Sscc">Whether the code is an SSCC.</param>
/// <param name="Lines">Units by ticket line.</param>
/// <param name="WeightGrams">Gross, where it was weighed.</param>
public sealed record Carton(int Number, string Code, bool Sscc, IReadOnlyList<CartonLine> Lines, long? WeightGrams = null);

/// <summary>Units of one ticket line in a carton.</summary>
public sealed record CartonLine(string Line, string Sku, long Quantity);

/// <summary>Who carries it, and who said so when.</summary>
public sealed record Consignment(string Carrier, string? Tracking, string? Service, DateTimeOffset At, string Actor);

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

    /// <inheritdoc cref="PickTicket.OnHold"/>
    public string? OnHold { get; init; }
}

/// <summary>Units of one claim at one location: held (still on the shelf) and staged.</summary>
public sealed record TicketDemandLine(string Line, string Sku, string Location, long Held, long Staged)
{
    /// <summary>Of the staged units those that nobody wants any more (the line was cut or called off after the scan): they go back to the shelf.</summary>
    public long Surplus { get; init; }

    /// <summary>Units that are to be sent.</summary>
    [JsonIgnore] public long Wanted => Held + Math.Max(0, Staged - Surplus);
}

/// <summary>Ids of documents in container <c>work</c> say where they are, so that one is found by its id alone:
/// <c>&lt;location&gt;.&lt;12 letters and digits of what it is for&gt;.&lt;delivery&gt;.&lt;number&gt;</c>; short enough for a barcode on paper.</summary>
public static class WorkIds
{
    const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /// <summary>The id of a ticket: number <paramref name="number"/>, from 1, of this delivery at this location.</summary>
    public static string Ticket(string location, string order, int delivery, int number) => string.Create(null, $"{location}.{Tag(order)}.{delivery}.{number}");

    /// <summary>The number in a ticket's id; 0 where it is no ticket's.</summary>
    public static int NumberOf(string id) => int.TryParse(id.AsSpan(id.LastIndexOf('.') + 1), System.Globalization.NumberStyles.None, null, out var number) ? number : 0;

    /// <summary>The id of what is to be put back at one location for one delivery.</summary>
    public static string PutBack(string location, string order, int delivery) => string.Create(null, $"{location}.{Tag(order)}.{delivery}.B");

    /// <summary>The id of a wave; <paramref name="seed"/> is different for each.</summary>
    public static string Wave(string location, string seed) => $"{location}.{Tag(seed)}.0.W";

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

/// <summary>Source-generated (de)serialization of the warehouse's documents: one pass, no reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = [typeof(InstantConverter)])]
[JsonSerializable(typeof(PickTicket))]
[JsonSerializable(typeof(PutBack))]
[JsonSerializable(typeof(Wave))]
internal sealed partial class PickingJson : JsonSerializerContext;
