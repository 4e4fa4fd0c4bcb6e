using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>
/// Something the ledger is asked or told about one SKU (design, section 3). A <b>request</b> can still be undone and may be refused;
/// a <b>fact</b> has happened and is always posted, with an exception where it contradicts the record.
/// </summary>
public abstract record Command
{
    /// <summary>The SKU, the partition of everything this touches.</summary>
    public required string Sku { get; init; }

    /// <summary>What the command means, never when it arrived; built by <see cref="Ids"/>. The same key is executed once, ever.</summary>
    public abstract string Key { get; }

    /// <summary>Who: a person or a named system.</summary>
    public required string Actor { get; init; }

    /// <summary>Why, in the words of who did it. Shown in the journal.</summary>
    public string? Reason { get; init; }

    /// <summary>When it happened, if not now: a back-dated fact is a new entry with an earlier effective time.</summary>
    public DateTimeOffset? EffectiveAt { get; init; }

    /// <summary>The approval of a second person that this is done by; the entry names it.</summary>
    public string? Approval { get; init; }

    /// <summary>How far this may go without a second person; null: as far as it likes. The policy of the moment, so it is not part of what the key stands for.</summary>
    [JsonIgnore] public Leeway? Leeway { get; init; }

    /// <summary>The business fields, in a fixed order: the same key with another content is refused (422).</summary>
    internal abstract void Describe(Canonical content);
}

/// <summary>What one person may do alone: units, and their value in ten-thousandths of the base currency. A ring-fence is not lowered alone at all.</summary>
public sealed record Leeway(long Units, long Value)
{
    public bool Covers(long units, long value) => units <= Units && Math.Abs(value) <= Value;
}

/// <summary>What happens with the units of a claim that the ledger cannot cover.</summary>
public enum Shortage
{
    /// <summary>All or nothing: the request is refused and nothing is held (channels that ask first).</summary>
    Refuse,
    /// <summary>What is there is held, the rest is dropped (channels that ask first and take part of it).</summary>
    Partial,
    /// <summary>The channel has sold it or waits for it: the rest is held as <c>short</c> and served by the next stock.</summary>
    Short,
}

/// <summary>Why a claim exists.</summary>
public enum ClaimKind
{
    /// <summary>An order: the units are promised.</summary>
    Commit,
    /// <summary>A quote, a cart, stock to be allocated by hand: with an owner and an expiry.</summary>
    Hold,
}

/// <summary>
/// States the target of one order line's claim: how many units in all it shall have, shipped ones included, filled from
/// <see cref="Places"/> in that order within one batch. A request.
/// </summary>
public sealed record SetClaim : Command
{
    public required string Order { get; init; }
    public required string Line { get; init; }

    /// <summary>Units the line wants in all (≥ 0). 0 releases.</summary>
    public required long Quantity { get; init; }

    /// <summary>Where from, in order: location ids, or <c>supply/&lt;id&gt;</c> to peg to open supply.</summary>
    public required IReadOnlyList<string> Places { get; init; }

    /// <summary>The order document's counter, from 1. A lower one than was seen is a recorded no-op.</summary>
    public required long Revision { get; init; }

    public Shortage Shortage { get; init; }
    public ClaimKind Kind { get; init; }

    /// <summary>Judged against the channel's own ats (floors, ring-fences, buffer, units others wait for) instead of what is available.</summary>
    public bool AsksFirst { get; init; }

    /// <summary>Units this channel must leave (section 5, buffer); counts only when <see cref="AsksFirst"/>.</summary>
    public long Buffer { get; init; }

    /// <summary>The channel that sells, e.g. <c>shopify-au</c>.</summary>
    public string? Channel { get; init; }

    /// <summary>Ring-fences this buyer may draw on, as <see cref="RingFence.Channel"/>, <see cref="RingFence.Group"/> and <see cref="RingFence.Customer"/> name
    /// them. A claim draws on one: the first that has enough set apart, else the one that has most.</summary>
    public IReadOnlyList<string> Fences { get; init; } = [];

    /// <summary>0 to 9; higher is served first.</summary>
    public int Priority { get; init; }
    public DateTimeOffset? RequiredBy { get; init; }

    /// <summary>For holds and tentative claims: when they lapse.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>For holds: whose it is.</summary>
    public string? Owner { get; init; }

    /// <summary>For holds: the most units of this SKU that the owner may hold, over all orders and places, staged and waiting ones included; null for no limit.
    /// The policy of the moment, so it is not part of what the key stands for.</summary>
    public long? OwnerLimit { get; init; }

    /// <summary>Part of an all-or-nothing order that is not decided yet: others who are short only because of it wait for its outcome.</summary>
    public bool Tentative { get; init; }

    /// <summary>Units that other lines of the same order hold tentatively of this SKU: their outcome is this one's, so they are not waited for.</summary>
    public long Beside { get; init; }

    /// <summary>Lines of the same order that are about to hold less of this SKU: what they are to give up comes to this line in the same entry, so that no one
    /// who waits comes in between. Each states its own target afterwards. What the order says at that moment, so it is not part of what the key stands for.</summary>
    public IReadOnlyList<Giver> Givers { get; init; } = [];

    public override string Key => Ids.Revision(Order, Line, Revision);

    internal override void Describe(Canonical c) => c.Name("setClaim").Add(Order).Add(Line).Add(Quantity).Add(Places).Add(Revision)
        .Add((int)Shortage).Add((int)Kind).Add(AsksFirst).Add(Buffer).Add(Channel).Add(Fences).Add(Priority).Add(RequiredBy).Add(ExpiresAt).Add(Owner).Add(Tentative).Add(Beside);
}

/// <summary>A line that keeps <paramref name="Quantity"/> units in all, shipped ones included, and gives up the rest.</summary>
public sealed record Giver(string Line, long Quantity)
{
    /// <summary>Most lines that one claim is served by.</summary>
    public const int Most = 8;
}

/// <summary>Decides a tentative claim or a hold: <see cref="Keep"/> makes it a firm commitment, otherwise it is released. A request: refused
/// when the claim is gone (lapsed, released).</summary>
public sealed record Settle : Command
{
    public required string Order { get; init; }
    public required string Line { get; init; }

    /// <summary>The revision that made the claim; a claim of a later one is left alone.</summary>
    public required long Revision { get; init; }
    public required bool Keep { get; init; }

    /// <summary>With <see cref="Keep"/>: what was tentative is a hold until then, not a commitment.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Released because its time came (<see cref="SetClaim.ExpiresAt"/>) and not because someone asked; then only if it has come.</summary>
    public bool Lapsed { get; init; }

    /// <summary>Which time of holding is meant, where one revision may hold more than once (staged units that were put back): the claim document's ETag
    /// as it was seen. Null: the revision is settled once.</summary>
    public string? Seen { get; init; }
    public override string Key => Ids.Revision(Order, Line, Revision) + (Lapsed ? ":lapsed" : Until is not null ? ":held" : Keep ? ":kept" : ":released")
        + (Seen is { } seen ? ":" + Ids.Join([seen.Trim('"')], 48) : "");
    internal override void Describe(Canonical c) => c.Name("settle").Add(Order).Add(Line).Add(Revision).Add(Keep).Add(Lapsed).Add(Until);
}

/// <summary>A live scan at the shelf: onHand → staged, and the claim of <see cref="Order"/>/<see cref="Line"/> with it. A request: refused when
/// that line holds fewer units here, so another order's unit cannot be picked.</summary>
public sealed record Pick : Command
{
    public required string Order { get; init; }
    public required string Line { get; init; }
    public required string Location { get; init; }
    public string Bin { get; init; } = "";
    public required long Quantity { get; init; }
    /// <summary>Pick ticket and scan: <c>&lt;pick&gt;:&lt;scan&gt;</c>.</summary>
    public required string Ticket { get; init; }
    public required string Scan { get; init; }
    public override string Key => Ids.Join([Ticket, Scan], Ids.CosmosLimit - 2);
    internal override void Describe(Canonical c) => c.Name("pick").Add(Order).Add(Line).Add(Location).Add(Bin).Add(Quantity);
}

/// <summary>Puts staged units back on the shelf: staged → onHand. With <see cref="Keep"/> the line still holds them, otherwise they are available again.</summary>
public sealed record Unpick : Command
{
    public required string Order { get; init; }
    public required string Line { get; init; }
    public required string Location { get; init; }
    public string Bin { get; init; } = "";
    public required long Quantity { get; init; }
    public bool Keep { get; init; }
    public required string Task { get; init; }
    public required string Scan { get; init; }
    public override string Key => Ids.Join([Task, Scan], Ids.CosmosLimit - 2);
    internal override void Describe(Canonical c) => c.Name("unpick").Add(Order).Add(Line).Add(Location).Add(Bin).Add(Quantity).Add(Keep);
}

/// <summary>
/// Units left for the customer (or, with <see cref="Transfer"/>, for another location): staged → customer or transit. A fact. What was not
/// staged is taken from onHand (a partner's confirmation); what the line did not hold opens an exception. Cost of goods is recognised here.
/// </summary>
public sealed record Ship : Command
{
    public required string Order { get; init; }
    public required string Line { get; init; }
    public required string Location { get; init; }
    public required long Quantity { get; init; }
    public required string Shipment { get; init; }
    /// <summary>Set for a stock transfer: the units go to <c>transit/&lt;transfer&gt;</c> and stay ours.</summary>
    public string? Transfer { get; init; }
    public override string Key => Ids.Shipment(Order, Line, Shipment);
    internal override void Describe(Canonical c) => c.Name("ship").Add(Order).Add(Line).Add(Location).Add(Quantity).Add(Transfer);
}

/// <summary>What moves units between two accounts without a claim of its own; the table of legal pairs is <c>Rules/Postings.cs</c>.</summary>
public enum PostKind
{
    /// <summary>supplier → onHand, quarantine. Value: <see cref="Post.UnitCost"/>.</summary>
    Receive,
    /// <summary>onHand ↔ loss/shrink, loss/damage, use/sample, customer/unexplained: a correction, a marketplace's adjustment, a sample.</summary>
    Adjust,
    /// <summary>onHand → customer at a till.</summary>
    PosSale,
    /// <summary>customer → onHand (grade A, or B with a condition), quarantine (ungraded) or loss/damage.</summary>
    Return,
    /// <summary>quarantine → onHand or loss/damage.</summary>
    Grade,
    /// <summary>Bin to bin or condition to condition at one location.</summary>
    Relocate,
    /// <summary>onHand at one location → onHand at another in one step. A request, judged against available.</summary>
    Transfer,
    /// <summary>transit → onHand, quarantine; or → loss/shrink to close what never arrived.</summary>
    Arrive,
    /// <summary>onHand → consigned, consigned → onHand or customer.</summary>
    Consign,
    /// <summary>onHand → conversion/&lt;work order&gt;: components of an assembly, or the prepack that is broken. A request, judged against available.</summary>
    Consume,
    /// <summary>conversion/&lt;work order&gt; → onHand: what an assembly or break made, at <see cref="Post.Value"/>.</summary>
    Produce,
}

/// <summary>Moves units from one account to another. A fact, except <see cref="PostKind.Transfer"/>, <see cref="PostKind.Consume"/> and what is <see cref="IfShown"/>.</summary>
public sealed record Post : Command
{
    public required PostKind Kind { get; init; }
    public required string From { get; init; }
    public required string To { get; init; }

    /// <summary>Units, ≥ 1.</summary>
    public required long Quantity { get; init; }

    /// <summary>For units that come in: cost of one, in ten-thousandths of the base currency. Null: the average at that moment, or the last cost.</summary>
    public long? UnitCost { get; init; }

    /// <summary>For units that come in: the cost of all of them, where it does not divide (conversions, returns at their shipment's cost). Wins over <see cref="UnitCost"/>.</summary>
    public long? Value { get; init; }

    /// <summary>The open supply (purchase order line, ASN line) that arrived: its pegged claims are served first.</summary>
    public string? Supply { get; init; }
    public string? Order { get; init; }
    public string? Line { get; init; }
    public string? Channel { get; init; }

    /// <summary>Told by somebody who can look again: a request, refused where the account shows fewer units. How it was told is not part of what the key stands for.</summary>
    [JsonIgnore] public bool IfShown { get; init; }

    /// <summary>Moves no more than the account shows, and says in its entry how many it moved, which may be none: for what others may have taken out meanwhile. No part of
    /// what the key stands for either.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool UpTo { get; init; }

    /// <summary>The key, given by who posts, e.g. <c>&lt;channel&gt;:refund:&lt;id&gt;:&lt;line&gt;</c>.</summary>
    public required string Id { get; init; }
    public override string Key => Id;

    internal override void Describe(Canonical c) => c.Name("post").Add((int)Kind).Add(From).Add(To).Add(Quantity).Add(UnitCost).Add(Value)
        .Add(Supply).Add(Order).Add(Line).Add(Channel);
}

/// <summary>What was counted in one bin: onHand ↔ loss/shrink by the difference. A fact.</summary>
public sealed record Count : Command
{
    public required string Location { get; init; }
    public string Bin { get; init; } = "";
    public string Condition { get; init; } = "";
    /// <summary>Units seen, ≥ 0.</summary>
    public required long Counted { get; init; }
    /// <summary>What the ledger showed at the counting window, if stock moved since; null compares with now.</summary>
    public long? Expected { get; init; }
    public required string Id { get; init; }
    public override string Key => Id;
    internal override void Describe(Canonical c) => c.Name("count").Add(Location).Add(Bin).Add(Condition).Add(Counted).Add(Expected);
}

/// <summary>Changes what our units are worth without moving any (late landed cost): value between <c>supplier</c> and ours, in ten-thousandths. A fact.</summary>
public sealed record Revalue : Command
{
    public required long Value { get; init; }

    /// <summary>The part of such a cost that falls on units that were sold before it was known: between <c>supplier</c> and <c>loss/variance</c>.</summary>
    public long Expensed { get; init; }
    public required string Id { get; init; }
    public override string Key => Id;
    internal override void Describe(Canonical c)
    {
        c.Name("revalue").Add(Value);
        if (Expensed != 0) c.Name("expensed").Add(Expensed);
    }
}

/// <summary>States what is still to come on a purchase order or ASN line. 0 closes it and turns its pegged claims <c>short</c>. A fact.</summary>
public sealed record SetSupply : Command
{
    public required string Supply { get; init; }
    public required string Location { get; init; }
    public required long Quantity { get; init; }
    public DateTimeOffset? Due { get; init; }
    /// <summary>e.g. <c>ordered</c>, <c>shipped</c>; the purchase order's word.</summary>
    public string Status { get; init; } = "ordered";
    public required long Revision { get; init; }

    /// <summary>The supply that takes over what is pegged to this one beyond its quantity, as far as it has room: an ASN in place of its part of a purchase
    /// order, or the other way round. Null: such claims turn <c>short</c>.</summary>
    public string? Onto { get; init; }
    public override string Key => Ids.Supply(Supply, Revision);
    internal override void Describe(Canonical c)
    {
        c.Name("setSupply").Add(Supply).Add(Location).Add(Quantity).Add(Due).Add(Status).Add(Revision);
        if (Onto is { } onto) c.Name("onto").Add(onto);
    }
}

/// <summary>
/// Sets units apart: a ring-fence for a channel or customer group (<see cref="Fence"/>), or a floor at a location (<see cref="Location"/>). A fact. The
/// buyers of a ring-fence draw on it first; what they were shipped is no longer set apart. 0 lifts it and gives all back.
/// </summary>
public sealed record SetLimit : Command
{
    /// <summary>Whose, as <see cref="RingFence.Channel"/> and the like name it, e.g. <c>channel:amazon-au</c>; null for a floor.</summary>
    public string? Fence { get; init; }
    /// <summary>Location of the floor; null for a ring-fence.</summary>
    public string? Location { get; init; }
    /// <summary>Units, ≥ 0.</summary>
    public required long Quantity { get; init; }
    public required string Id { get; init; }
    public override string Key => Id;
    internal override void Describe(Canonical c) => c.Name("setLimit").Add(Fence).Add(Location).Add(Quantity);
}

/// <summary>
/// Gives units that one order line holds to another that waits for them, in one batch: the first then waits as the second did. A request: refused when
/// the one holds fewer at places that the other may be served from, or the other waits for fewer.
/// </summary>
public sealed record Reassign : Command
{
    public required string FromOrder { get; init; }
    public required string FromLine { get; init; }
    public required string Order { get; init; }
    public required string Line { get; init; }
    public required long Quantity { get; init; }
    public required string Id { get; init; }
    public override string Key => Id;
    internal override void Describe(Canonical c) => c.Name("reassign").Add(FromOrder).Add(FromLine).Add(Order).Add(Line).Add(Quantity);
}

/// <summary>The ledger's own follow-up: goes on serving those who wait, or uncovering claims, where one batch had no room for all.</summary>
internal sealed record Rebalance : Command
{
    public required long After { get; init; }
    public override string Key => string.Create(null, $"rebalance:{After}");
    internal override void Describe(Canonical c) => c.Name("rebalance").Add(After);
}

/// <summary>What became of a command.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
public enum Verdict
{
    /// <summary>Posted, now or before (see <see cref="Outcome.Repeated"/>).</summary>
    Applied,
    /// <summary>A lower revision than one that was seen: recorded, nothing changed.</summary>
    Superseded,
    /// <summary>A request the ledger cannot grant: nothing was written.</summary>
    Refused,
}

/// <summary>The answer to a command.</summary>
/// <param name="Verdict">What became of it.</param>
/// <param name="Held">For claims: units now held per place, staged ones included; <c>short</c> for what waits.</param>
/// <param name="Short">For claims: units that could not be covered.</param>
/// <param name="Available">What could have been had, where refused.</param>
/// <param name="Refusal">Why it was refused, for a person.</param>
/// <param name="Exceptions">Contradictions this fact opened.</param>
/// <param name="Value">Value that crossed the boundary, in ten-thousandths of the base currency; cost of goods for a shipment.</param>
public sealed record Outcome(
    Verdict Verdict, IReadOnlyDictionary<string, long>? Held = null, long Short = 0, long Available = 0,
    string? Refusal = null, IReadOnlyList<Contradiction>? Exceptions = null, long Value = 0)
{
    /// <summary>Refused because it goes beyond <see cref="Command.Leeway"/>: it takes a second person. <see cref="Available"/> is what the account shows, <see cref="Value"/> what is at stake.</summary>
    [JsonIgnore] public bool NeedsApproval { get; init; }

    /// <summary>True when the entry was there already: the command was executed before.</summary>
    [JsonIgnore] public bool Repeated { get; init; }

    /// <summary>The entry's number within the SKU, from 1; 0 when refused.</summary>
    [JsonIgnore] public long Sequence { get; init; }
}

/// <summary>A fact and the record disagree; becomes an exception for a person.</summary>
/// <param name="Kind">e.g. <c>claimUncovered</c>, <c>shippedUnclaimed</c>, <c>belowZero</c>, <c>binMismatch</c>, <c>overReceipt</c>.</param>
/// <param name="Detail">Both sides of the contradiction.</param>
/// <param name="Order">The order it hits, if one.</param>
/// <param name="Line">Its line.</param>
/// <param name="Quantity">Units.</param>
public sealed record Contradiction(string Kind, string Detail, string? Order, string? Line, long Quantity);
