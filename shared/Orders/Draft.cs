using Selvedge.Ledger;

namespace Selvedge.Orders;

/// <summary>An order as a surface hands it in, before it is resolved against the catalogue and routed. Money in ten-thousandths of
/// <see cref="Currency"/>.</summary>
public sealed record Draft
{
    /// <summary>Most lines of one order: with all fields at their longest the document stays below Cosmos DB's 2 MB.</summary>
    public const int MostLines = 2_000;

    /// <summary>Most units of one line.</summary>
    public const long MostUnits = 1_000_000;

    /// <summary>Longest id of an order or line, in characters.</summary>
    public const int LongestId = 120;

    /// <summary>Longest code of a line: a longer one is no SKU of ours.</summary>
    public const int LongestCode = 200;

    public required string ExternalId { get; init; }
    public string? Customer { get; init; }
    public string? CustomerGroup { get; init; }

    /// <summary>Set when it is to be held and not sold yet.</summary>
    public Hold? Hold { get; init; }
    public string? Name { get; init; }
    public DateTimeOffset? PlacedAt { get; init; }
    public DateTimeOffset? RequiredBy { get; init; }

    /// <summary>Within what time it is to leave.</summary>
    public ShipWindow? ShipWindow { get; init; }

    /// <summary>0 to 9; null: the channel's.</summary>
    public int? Priority { get; init; }
    /// <summary>Nothing leaves before everything is held; null: as the channel says.</summary>
    public bool? ShipComplete { get; init; }
    public required string Currency { get; init; }
    public required IReadOnlyList<DraftLine> Lines { get; init; }
    public Person? Person { get; init; }
    public bool Test { get; init; }
    public IReadOnlyDictionary<string, string>? References { get; init; }

    /// <summary>Why it is not to be begun yet, though its units are held.</summary>
    public IReadOnlyList<Block>? Blocks { get; init; }

    /// <summary>Whether the channel waits for its money: then it is blocked until the channel says that it came. Null: the channel does not say.</summary>
    public bool? Unpaid { get; init; }

    /// <summary>Set when it comes cancelled.</summary>
    public Cancel? Cancel { get; init; }

    /// <summary>Which state of the channel's order it is; null for an order that is handed in once and then ours.</summary>
    public ChannelVersion? Version { get; init; }
    public IReadOnlyList<Refund>? Refunds { get; init; }
    public Presentment? Presentment { get; init; }

    /// <summary>Sold over the counter, at the place of this id of the channel's: a fact, not a claim.</summary>
    public string? Till { get; init; }

    /// <summary>The channel sends it from its own warehouse: none of our stock.</summary>
    public bool ByMarketplace { get; init; }

    /// <summary>Who says so: a person, or a system such as <c>channel:shopify-au</c>.</summary>
    public required string Actor { get; init; }

    /// <summary>Hash of everything that was asked, in our canonical encoding.</summary>
    public string ContentHash()
    {
        var content = Canonical.Start().Name("order").Add(ExternalId).Add(Customer).Add(CustomerGroup).Add((int?)Hold?.Kind).Add(Hold?.Owner).Add(Hold?.ExpiresAt).Add(Name).Add(PlacedAt).Add(RequiredBy).Add((long?)Priority).Add(Currency).Add(Test);
        // Only where there is one: orders from before there were windows keep their hash.
        if (ShipWindow is { } window) content.Name("window").Add(window.From).Add(window.CancelAfter);
        foreach (var block in Blocks ?? []) content.Name("block").Add((int)block.Kind).Add(block.Reason);
        foreach (var line in Lines)
            content.Name("line").Add(line.Id).Add(line.Code).Add(line.Quantity).Add(line.UnitPrice).Add(line.Discount).Add(line.Tax).Add(line.TaxIncluded).Add(line.ShippingShare).Add(line.NeedsStock);
        content.Name("person").Add(Person?.Email).Add(Person?.Phone);
        Add(content, Person?.ShipTo);
        Add(content, Person?.BillTo);
        return content.ShortHash();
    }

    static void Add(Canonical content, PostalAddress? a) =>
        content.Name("address").Add(a?.Name).Add(a?.Company).Add(a?.Line1).Add(a?.Line2).Add(a?.City).Add(a?.Region).Add(a?.Postcode).Add(a?.Country).Add(a?.Phone);
}

/// <summary>A line as handed in.</summary>
public sealed record DraftLine
{
    public required string Id { get; init; }

    /// <summary>SKU, GTIN or another code as the surface knows it; null when it gave none.</summary>
    public string? Code { get; init; }
    public required long Quantity { get; init; }

    /// <summary>What was ordered, where that is more; the money is of these.</summary>
    public long? Ordered { get; init; }
    public long UnitPrice { get; init; }
    public long Discount { get; init; }
    public long Tax { get; init; }
    public bool TaxIncluded { get; init; }
    public long ShippingShare { get; init; }
    public long ShippingTax { get; init; }

    /// <summary>The same money in the buyer's currency, where that is another.</summary>
    public LineMoney? Shown { get; init; }

    /// <summary>False for gift cards and services.</summary>
    public bool NeedsStock { get; init; } = true;
}

/// <summary>Splits money over lines.</summary>
public static class Shares
{
    /// <summary>Splits <paramref name="total"/> in proportion to <paramref name="weights"/> (equally when all are zero), largest remainders
    /// first, so that the shares add up to it exactly.</summary>
    public static long[] Split(long total, ReadOnlySpan<long> weights)
    {
        var shares = new long[weights.Length];
        if (total == 0 || weights.Length == 0) return shares;
        Int128 sum = 0;
        foreach (var weight in weights) sum += Math.Max(0, weight);
        var remainders = new (Int128 Left, int At)[weights.Length];
        var given = 0L;
        for (var i = 0; i < weights.Length; i++)
        {
            var (share, rest) = sum == 0 ? Int128.DivRem(total, weights.Length) : Int128.DivRem((Int128)total * Math.Max(0, weights[i]), sum);
            shares[i] = (long)share;
            given += (long)share;
            remainders[i] = (rest, i);
        }
        Array.Sort(remainders, (a, b) => a.Left != b.Left ? Int128.Abs(b.Left).CompareTo(Int128.Abs(a.Left)) : a.At.CompareTo(b.At));
        for (var i = 0; given != total; i++)
        {
            var step = Math.Sign(total - given);
            shares[remainders[i].At] += step;
            given += step;
        }
        return shares;
    }
}
