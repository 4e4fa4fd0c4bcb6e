using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Receiving;

/// <summary>What landed cost is spread by.</summary>
[JsonConverter(typeof(CamelCaseEnum<LandedBasis>))]
public enum LandedBasis
{
    Value,
    Quantity,
    /// <summary>Grams, as the product master has them.</summary>
    Weight,
}

/// <summary>Goods that came in: a fact, document of container <c>work</c>. It is written with all its postings before the ledger is told of the first.</summary>
public sealed record Receipt : IWork
{
    public const string KindName = "receipt";
    public required string Id { get; init; }

    /// <summary>First part of the partition key, the same for all receipts.</summary>
    [JsonPropertyName("location")] public string Partition { get; init; } = KindName;
    public string Kind { get; init; } = KindName;
    public required string At { get; init; }

    /// <summary><c>posting</c> until the ledger and what it was received against have all of it, then <c>posted</c>.</summary>
    public string Status { get; init; } = "posting";
    public string? PurchaseOrder { get; init; }
    public string? Asn { get; init; }
    public required IReadOnlyList<ReceiptPosting> Postings { get; init; }
    public IReadOnlyList<LandedCost> LandedCosts { get; init; } = [];
    public string? Reason { get; init; }
    public required string Content { get; init; }
    public required string Actor { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public DateTimeOffset? Attention { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>The key of a posting in the ledger.</summary>
    public string Key(int posting) => Ids.Join(["receipt", Id, posting.ToString(System.Globalization.CultureInfo.InvariantCulture)], Ids.CosmosLimit - 2);

    public object View(Caller caller) => new
    {
        Id, Location = At, Status, PurchaseOrder, Asn, Reason, Actor, CreatedAt, UpdatedAt,
        Lines = Postings.Select(posting => new
        {
            posting.Sku, posting.Units, posting.Damaged, posting.Over, Bin = posting.Bin.Length > 0 ? posting.Bin : null, posting.Line,
            Value = posting.Worth is { } worth && caller.SeesValue ? Money.Text(worth) : null,
        }),
        LandedCosts = caller.SeesValue ? LandedCosts.Select(cost => cost.View()) : null,
    };
}

/// <summary>Units of one SKU as one entry of the ledger.</summary>
/// <param name="Line">The line of what it was received against; null: none has the SKU.</param>
/// <param name="Supply">The open supply it arrives on; null for what is more than was open.</param>
/// <param name="Value">What it costs in ten-thousandths of the base currency; null: not stated and known to the ledger alone, so the average or the last cost.</param>
public sealed record ReceiptPosting(string Sku, long Units, string Bin, string? Line, string? Supply, long? Value)
{
    /// <summary>Broken: to quarantine.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Damaged { get; init; }

    /// <summary>More than was open.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Over { get; init; }

    /// <summary>What the ledger took it in at, in ten-thousandths of the base currency; null until it did.</summary>
    public long? Worth { get; init; }
}

/// <summary>
/// Freight, duty and the like of a receipt, in base currency, spread over its SKUs to the last ten-thousandth. What falls on units that we still own changes
/// what they are worth; what falls on units that are gone by then is expensed (<c>loss/variance</c>), since their cost was recognised when they left.
/// </summary>
public sealed record LandedCost(string Id, long Amount, string Currency, string Rate, LandedBasis Basis, IReadOnlyList<LandedShare> Shares, string Actor, DateTimeOffset At, string Content)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Posted { get; init; }

    public object View() => new
    {
        Id, Amount = Money.Text(Amount), Currency, Rate, Basis, At, Actor, Posted,
        Shares = Shares.Select(share => new { share.Sku, Capitalized = Money.Text(share.Capitalized), Expensed = Money.Text(share.Expensed) }),
    };
}

/// <summary>One SKU's share of a landed cost, in ten-thousandths of the base currency.</summary>
public sealed record LandedShare(string Sku, long Capitalized, long Expensed);
