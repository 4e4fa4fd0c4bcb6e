using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>What the ledger holds of one SKU: document <c>balance</c>. All numbers are units, except value (ten-thousandths of the base currency).</summary>
public sealed record Balance
{
    public const string DocumentId = "balance";
    public string Id { get; init; } = DocumentId;
    public required string Sku { get; init; }
    public string Type { get; init; } = "balance";

    /// <summary>The last entry's number, from 1, and its hash: the head of the chain.</summary>
    public long Sequence { get; set; }
    public string? LastHash { get; set; }

    public SortedDictionary<string, Stock> Locations { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Units per account of ours that is at no location: <c>transit/…</c>, <c>consigned/…</c>.</summary>
    public SortedDictionary<string, long> Away { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Units and value per outside account; with ours, all units and all value sum to zero.</summary>
    public SortedDictionary<string, Side> Outside { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Open supply by purchase order or ASN line.</summary>
    public SortedDictionary<string, OpenSupply> Supply { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Ring-fences by key (<c>channel:…</c>, <c>group:…</c>).</summary>
    public SortedDictionary<string, RingFence> Fences { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Sum of all <c>short</c> claims.</summary>
    public long Short { get; set; }

    /// <summary>What all our units are worth, and what the last one that came in cost.</summary>
    public long Value { get; set; }
    public long LastCost { get; set; }

    /// <summary>True while those who wait are still being served in further batches.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Rebalancing { get; set; }
    [JsonPropertyName("_etag"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public string? ETag { get; set; }
}

/// <summary>One location's part of a balance.</summary>
public sealed record Stock
{
    /// <summary>On-hand units by bin and condition: <c>"" , "A-01", "#B", "A-01#B"</c>. Without a condition they are sellable.</summary>
    public SortedDictionary<string, long> Bins { get; init; } = new(StringComparer.Ordinal);

    /// <summary>As of when each bin was last counted, by bin and condition: what happened before and is told after it was counted already. Null: none was.</summary>
    public SortedDictionary<string, DateTimeOffset>? Counted { get; set; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Staged { get; set; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Quarantine { get; set; }

    /// <summary>Sum of the claims here that are not staged, and the part of it that is tentative.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Held { get; set; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Tentative { get; set; }

    /// <summary>Units that channels which ask first must leave here.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Floor { get; set; }

    [JsonIgnore] public long OnHand { get { long sum = 0; foreach (var units in Bins.Values) sum += units; return sum; } }

    [JsonIgnore]
    public long Sellable { get { long sum = 0; foreach (var (bin, units) in Bins) if (!bin.Contains('#', StringComparison.Ordinal)) sum += units; return sum; } }

    /// <summary>onHand (sellable) − claims here. Below zero only between a fact and its uncovering.</summary>
    [JsonIgnore] public long Available => Sellable - Held;
}

/// <summary>What one outside account gave (negative) or got (positive): units, and value in ten-thousandths of the base currency.</summary>
public sealed record Side
{
    public long Units { get; set; }
    public long Value { get; set; }
}

/// <summary>What is still to come.</summary>
public sealed record OpenSupply
{
    public required string Location { get; init; }
    public required long Quantity { get; set; }
    public DateTimeOffset? Due { get; init; }
    public required string Status { get; init; }
    public required long Revision { get; init; }
    /// <summary>Units pegged to it by claims.</summary>
    public long Claimed { get; set; }
}

/// <summary>Units set apart for some buyers and not shipped to them yet, and how many units these buyers hold now at locations, staged ones included.</summary>
public sealed record RingFence
{
    public long Quantity { get; set; }
    public long Held { get; set; }

    /// <summary>Names the ring-fence of a sales channel, of a group of customers, of one customer.</summary>
    public static string Channel(string id) => "channel:" + id;
    public static string Group(string id) => "group:" + id;
    public static string Customer(string id) => "customer:" + id;

    /// <summary>What others must leave.</summary>
    [JsonIgnore] public long Open => Math.Max(0, Quantity - Held);
}

/// <summary>Who holds how much at one place: document <c>c:&lt;order&gt;:&lt;line&gt;:&lt;place&gt;</c>. Gone when nothing is held or staged.</summary>
public sealed record Claim
{
    public required string Id { get; init; }
    public required string Sku { get; init; }
    public string Type { get; init; } = "claim";
    public required string Order { get; init; }
    public required string Line { get; init; }
    /// <summary>A location, <c>supply/&lt;id&gt;</c> or <c>short</c>.</summary>
    public required string Place { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public ClaimKind Kind { get; init; }
    public long Held { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Staged { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Shipped { get; init; }
    public long Revision { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public int Priority { get; init; }
    /// <summary>When the line first asked: among equals, the earliest is served first.</summary>
    public DateTimeOffset At { get; init; }
    public DateTimeOffset? RequiredBy { get; init; }
    public DateTimeOffset? ExpiresAt { get; init; }
    public string? Owner { get; init; }
    public string? Channel { get; init; }
    /// <summary>The ring-fence it draws on.</summary>
    public string? Fence { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Tentative { get; init; }
    /// <summary>The locations it may be served from, in order, where that is more than its own place.</summary>
    public IReadOnlyList<string>? Places { get; init; }

    /// <summary>Text order is the order in which waiting claims are served: priority, then required-by, then first come.</summary>
    [JsonIgnore] public string Urgency => string.Create(null, $"{9 - Priority}|{(RequiredBy is { } by ? InstantConverter.Text(by) : "9")}|{InstantConverter.Text(At)}");

    /// <summary><see cref="Urgency"/> where it is asked for by query: only waiting claims are in this index.</summary>
    public string? Rank => Place == Accounts.Short ? Urgency : null;

    [JsonIgnore] public bool IsGone => Held == 0 && Staged == 0;
}

/// <summary>Units, and value where the boundary is crossed, from one account to another. Without units it moves value only, from or to <see cref="Accounts.Inventory"/>.</summary>
public sealed record Move(string From, string To, long Units, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long Value = 0);

/// <summary>One line of the journal: document <c>e:&lt;key&gt;</c>. Never changed, never deleted.</summary>
public sealed record Entry
{
    public required string Id { get; init; }
    public required string Sku { get; init; }
    public string Type { get; init; } = "entry";
    public required long Sequence { get; init; }
    /// <summary>The command's kind, e.g. <c>setClaim</c>, <c>ship</c>, <c>receive</c>; <c>superseded</c> for a revision that came too late.</summary>
    public required string Kind { get; init; }
    public required string Key { get; init; }
    /// <summary>Hash of the command's content; null where the entry stands in for a command that had not come.</summary>
    public string? Content { get; init; }
    public required string Actor { get; init; }
    public string? Reason { get; init; }
    /// <summary>The approval of a second person it was done by.</summary>
    public string? Approval { get; init; }
    public string? Order { get; init; }
    public string? Line { get; init; }
    public string? Channel { get; init; }
    public required DateTimeOffset At { get; init; }
    public DateTimeOffset? EffectiveAt { get; init; }
    public IReadOnlyList<Move>? Moves { get; init; }
    /// <summary>Every claim this entry touched, as it was afterwards, in the order they were touched.</summary>
    public IReadOnlyList<ClaimAfter>? Claims { get; init; }
    /// <summary>Supply, ring-fence or floor as stated by this entry.</summary>
    public SupplyAfter? Supply { get; init; }
    public LimitAfter? Limit { get; init; }
    /// <summary>The account that was counted, whether it differed or not.</summary>
    public string? Counted { get; init; }
    /// <summary>The touched accounts and sums afterwards.</summary>
    public required SortedDictionary<string, long> After { get; init; }
    public required Outcome Outcome { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Rebalancing { get; init; }

    /// <summary>True in the first entry of a SKU and absent in all others: the index over it lists every SKU that has a journal, whatever became of its balance.</summary>
    public bool? First => Sequence == 1 ? true : null;

    /// <summary>Hash of the entry before, and of this one.</summary>
    public string? Previous { get; init; }
    public string? Hash { get; init; }
}

/// <summary>A claim as it was after an entry; without held and staged units it was gone.</summary>
public sealed record ClaimAfter(
    string Order, string Line, string Place, long Held,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long Staged,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long Shipped,
    long Revision,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] ClaimKind Kind,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] int Priority,
    DateTimeOffset At, DateTimeOffset? RequiredBy, DateTimeOffset? ExpiresAt, string? Owner, string? Channel, string? Fence,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Tentative,
    IReadOnlyList<string>? Places);

/// <summary>Open supply as an entry stated it.</summary>
public sealed record SupplyAfter(string Id, string Location, long Quantity, DateTimeOffset? Due, string Status, long Revision);

/// <summary>A ring-fence or a floor as an entry stated it.</summary>
public sealed record LimitAfter(string? Fence, string? Location, long Quantity);

/// <summary>Source-generated (de)serialization of the ledger's documents: one pass, no reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true, Converters = [typeof(InstantConverter)])]
[JsonSerializable(typeof(Balance))]
[JsonSerializable(typeof(Claim))]
[JsonSerializable(typeof(Entry))]
[JsonSerializable(typeof(string))]
internal sealed partial class LedgerJson : JsonSerializerContext;
