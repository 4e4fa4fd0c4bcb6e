using System.Text.Json.Serialization;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Receiving;

/// <summary>Whether something is still to come.</summary>
[JsonConverter(typeof(CamelCaseEnum<SupplyStatus>))]
public enum SupplyStatus
{
    Open,
    /// <summary>All of it came.</summary>
    Received,
    /// <summary>A person expects no more of it.</summary>
    Closed,
}

/// <summary>
/// What was ordered from a supplier: document of container <c>work</c>. What is still to come of each line, and not on an ASN, is open supply of the ledger
/// (<see cref="Supply"/>), stated anew with every version of the document. Unit costs are in ten-thousandths of <see cref="Currency"/>.
/// </summary>
public sealed record PurchaseOrder : IWork
{
    public const string KindName = "purchaseOrder";
    public required string Id { get; init; }

    /// <summary>First part of the partition key, the same for all purchase orders.</summary>
    [JsonPropertyName("location")] public string Partition { get; init; } = KindName;
    public string Kind { get; init; } = KindName;
    public required string At { get; init; }
    public SupplyStatus Status { get; init; }
    public required string Supplier { get; init; }

    /// <summary>ISO 4217, and how much base currency one unit of it is, as decimal text.</summary>
    public required string Currency { get; init; }
    public required string Rate { get; init; }
    public DateTimeOffset? Due { get; init; }
    public required IReadOnlyList<SupplyLine> Lines { get; init; }

    /// <summary>The supply of another that takes over what is pegged to a line, by line: where the last ASN took a part of it.</summary>
    public IReadOnlyDictionary<string, string>? Onto { get; init; }

    /// <summary>Units on ASNs that are still to come, by ASN and line.</summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>>? Shipped { get; init; }

    /// <summary>Units that came, by receipt and line.</summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>>? Receipts { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Ended { get; init; }

    /// <summary>Counts what changes supply, from 1: the revision the ledger is told; and the last one it was told.</summary>
    public required long Version { get; init; }
    public long Stated { get; init; }
    public string Actor { get; init; } = "";
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public DateTimeOffset? Attention { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>The ledger's name of a line's supply: claims are pegged to <c>supply/&lt;this&gt;</c>.</summary>
    public static string Supply(string id, string line) => Ids.Join(["po", id, line], 100);

    public long Received(string line) => Units(Receipts, line);
    public long OnTheWay(string line) => Units(Shipped, line);

    /// <summary>ASNs of which something is still to come.</summary>
    internal IReadOnlyList<string> OnTheWay() => [.. (Shipped ?? new Dictionary<string, IReadOnlyDictionary<string, long>>()).Where(asn => asn.Value.Values.Any(units => units > 0)).Select(asn => asn.Key)];

    /// <summary>Units of a line that are still to come and on no ASN.</summary>
    public long Open(SupplyLine line) => Ended ? 0 : Math.Max(0, line.Quantity - Received(line.Line) - OnTheWay(line.Line));

    internal PurchaseOrder Judged() => this with
    {
        Status = Ended ? SupplyStatus.Closed : Lines.Any(line => line.Quantity > Received(line.Line)) ? SupplyStatus.Open : SupplyStatus.Received,
    };

    internal static long Units(IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>>? by, string line)
    {
        var sum = 0L;
        foreach (var part in by?.Values ?? []) sum += part.GetValueOrDefault(line);
        return sum;
    }

    public object View(Caller caller) => new
    {
        Id, Location = At, Status, Supplier, Currency, Rate, Due, Version, Receipts = Receipts?.Keys, Asns = Shipped?.Keys, Actor, CreatedAt, UpdatedAt,
        Lines = Lines.Select(line => new
        {
            line.Line, line.Sku, line.Quantity, UnitCost = line.UnitCost is { } cost && caller.SeesValue ? Money.Text(cost) : null,
            Received = Received(line.Line), OnTheWay = OnTheWay(line.Line), Open = Open(line), Supply = Supply(Id, line.Line),
        }),
    };
}

/// <summary>Units of one SKU on a purchase order or an ASN, ≥ 0 in all.</summary>
/// <param name="UnitCost">In ten-thousandths of the document's currency; null: not stated.</param>
/// <param name="Ordered">For an ASN's line: the line of the purchase order it is a part of.</param>
public sealed record SupplyLine(string Line, string Sku, long Quantity, long? UnitCost = null, string? Ordered = null);

/// <summary>
/// What a supplier says is on its way: document of container <c>work</c>. Its lines are open supply of their own; where it is against a purchase order, in place
/// of that part of the order's, and what is pegged to the order's goes over to it.
/// </summary>
public sealed record Asn : IWork
{
    public const string KindName = "asn";
    public required string Id { get; init; }

    /// <summary>First part of the partition key, the same for all ASNs.</summary>
    [JsonPropertyName("location")] public string Partition { get; init; } = KindName;
    public string Kind { get; init; } = KindName;
    public required string At { get; init; }
    public SupplyStatus Status { get; init; }
    public string? PurchaseOrder { get; init; }
    public string? Supplier { get; init; }
    public string Currency { get; init; } = "";
    public string Rate { get; init; } = "1";
    public DateTimeOffset? Due { get; init; }
    public required IReadOnlyList<SupplyLine> Lines { get; init; }
    public IReadOnlyList<AsnCarton>? Cartons { get; init; }
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>>? Receipts { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Ended { get; init; }
    public required long Version { get; init; }
    public long Stated { get; init; }
    public string Actor { get; init; } = "";
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public DateTimeOffset? Attention { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <inheritdoc cref="PurchaseOrder.Supply"/>
    public static string Supply(string id, string line) => Ids.Join(["asn", id, line], 100);

    public long Received(string line) => Receiving.PurchaseOrder.Units(Receipts, line);
    public long Open(SupplyLine line) => Ended ? 0 : Math.Max(0, line.Quantity - Received(line.Line));

    internal Asn Judged() => this with
    {
        Status = Ended ? SupplyStatus.Closed : Lines.Any(line => line.Quantity > Received(line.Line)) ? SupplyStatus.Open : SupplyStatus.Received,
    };

    /// <summary>What of the purchase order's lines is still to come on this, by their line.</summary>
    internal SortedDictionary<string, long> OfOrder()
    {
        var parts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var line in Lines) if (line.Ordered is { } ordered) parts[ordered] = parts.GetValueOrDefault(ordered) + Open(line);
        return parts;
    }

    public object View(Caller caller) => new
    {
        Id, Location = At, Status, PurchaseOrder, Supplier, Currency = Currency.Length > 0 ? Currency : null, Rate, Due, Version, Cartons, Receipts = Receipts?.Keys, Actor, CreatedAt, UpdatedAt,
        Lines = Lines.Select(line => new
        {
            line.Line, line.Sku, line.Quantity, UnitCost = line.UnitCost is { } cost && caller.SeesValue ? Money.Text(cost) : null, OrderLine = line.Ordered,
            Received = Received(line.Line), Open = Open(line), Supply = Supply(Id, line.Line),
        }),
    };
}

/// <summary>A carton on its way.</summary>
/// <param name="Sscc">GS1's serial shipping container code: 18 digits, the last a check digit.</param>
/// <param name="Lines">Units in it, by the ASN's line.</param>
public sealed record AsnCarton(string Sscc, IReadOnlyDictionary<string, long> Lines);
