using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>Which state of the channel's order a document shows. A payload of an earlier state changes nothing, whenever it comes.</summary>
/// <param name="UpdatedAt">When the channel last changed the order, by its clock (Shopify: <c>updated_at</c>, whole seconds).</param>
/// <param name="SeenAt">When this state was sent or read, to tell two of one second apart (Shopify: <c>X-Shopify-Triggered-At</c>).</param>
/// <param name="ListsRefunds">The payload names the refunds that its quantities count.</param>
public sealed record ChannelVersion(
    DateTimeOffset UpdatedAt, DateTimeOffset? SeenAt = null, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool ListsRefunds = false)
{
    /// <summary>Whether this state shows all that happened in a second: it is of a later one, or was seen when that second was over.</summary>
    public bool Covers(DateTimeOffset second) => UpdatedAt > second || (UpdatedAt == second && SeenAt >= second.AddSeconds(1));
}

/// <summary>What a channel says happened with refunded units (Shopify: <c>restock_type</c>).</summary>
[JsonConverter(typeof(CamelCaseEnum<Restock>))]
public enum Restock
{
    /// <summary>Money only: what is held stays held, what was sent stays with the customer.</summary>
    None,
    /// <summary>Units that were not sent are no longer wanted: what the line holds of them is let go of.</summary>
    Cancel,
    /// <summary>Units that were sent come back: expected, and in stock only when they are there. A till has them at once.</summary>
    Return,
}

/// <summary>A refund of the channel's. It is not a return: it moves no stock but at a till (design, section 4).</summary>
/// <param name="Id">The channel's id.</param>
/// <param name="At">When, by the channel's clock.</param>
/// <param name="Lines">What it names, one per line, kind and place.</param>
/// <param name="Till">Made at a till, where the goods are taken back at once.</param>
/// <param name="Counted">The quantities of the order's applied state count it already.</param>
public sealed record Refund(
    string Id, DateTimeOffset? At, IReadOnlyList<RefundLine> Lines, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Till = false,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Counted = false);

/// <summary>A refund's units of one line.</summary>
/// <param name="Line">The order line.</param>
/// <param name="Restock">What happened with them.</param>
/// <param name="Units">How many.</param>
/// <param name="Location">The channel's id of the place they are put back at.</param>
/// <param name="Unsent">The channel says the line was not wholly sent then.</param>
public sealed record RefundLine(
    string Line, Restock Restock, long Units, string? Location = null, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Unsent = false);

/// <summary>A fact of a till that the ledger is told: planned on the order, then posted under its own key.</summary>
/// <param name="Id">Its key within the order.</param>
/// <param name="Line">The order line.</param>
/// <param name="Sku">What moved.</param>
/// <param name="Units">Sold when above zero, taken back when below.</param>
/// <param name="Place">Our location.</param>
/// <param name="Done">The ledger has it.</param>
public sealed record TillPosting(
    string Id, string Line, string Sku, long Units, string Place, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Done = false);

/// <summary>What the buyer saw and paid in, where that is not the order's currency.</summary>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Total">Of the whole order, in ten-thousandths of it.</param>
/// <param name="Rate">Order currency for one unit of it, as decimal text: what the channel used.</param>
public sealed record Presentment(string Currency, long Total, string? Rate);

/// <summary>A line's money in the buyer's currency, in ten-thousandths: price of one unit; discount, tax, share of shipping and its tax of all units ordered.</summary>
public sealed record LineMoney(long UnitPrice, long Discount, long Tax, long ShippingShare, long ShippingTax);

/// <summary>Where a person at the channel moved a line to.</summary>
/// <param name="Place">Our location.</param>
/// <param name="At">When: the latest counts.</param>
public sealed record Move(string Place, DateTimeOffset At);
