using Selvedge.Platform;

namespace Selvedge.Exceptions;

/// <summary>How bad it is to leave it.</summary>
[System.Text.Json.Serialization.JsonConverter(typeof(CamelCaseEnum<Severity>))]
public enum Severity
{
    /// <summary>The record and the world differ; nobody waits for it.</summary>
    Low,
    /// <summary>It will cost units or money.</summary>
    Normal,
    /// <summary>A customer is waiting, or was promised what is not there.</summary>
    High,
}

/// <summary>One kind of exception: what contradicts what, and what ends it.</summary>
/// <param name="Kind">The stable name.</param>
/// <param name="Severity">How bad it is to leave it.</param>
/// <param name="DueHours">Hours after which it should have been looked at.</param>
/// <param name="Title">One line.</param>
/// <param name="Expected">Where the one side comes from.</param>
/// <param name="Found">Where the other side comes from.</param>
/// <param name="Resolves">What a person does about it.</param>
/// <param name="ClosesItself">When it is resolved by the app itself; null: never.</param>
public sealed record ExceptionKind(string Kind, Severity Severity, int DueHours, string Title, string Expected, string Found, string Resolves, string? ClosesItself = null);

/// <summary>The one table of kinds: served by <c>GET api/exceptions/kinds</c> and written out in docs/exceptions.md. A test fails when code opens another kind.</summary>
public static class ExceptionKinds
{
    public static IReadOnlyList<ExceptionKind> All { get; } =
    [
        new("oversell", Severity.High, 4, "Sold, and nobody has it", "the order as the channel sold it", "the ledger's claims for the line",
            "Find stock (transfer, receive), reassign another order's units, or tell the customer and cancel the units in the channel.", "every unit is held, or the order is cancelled"),
        new("claimUncovered", Severity.High, 4, "Promised units turned out not to be there", "the claim of the order's line", "the fact that took the units (a count, a sale, a write-off)",
            "Find the units, or serve the line from elsewhere.", "the line waits for nothing any more"),
        new("claimReassigned", Severity.High, 8, "Units were taken from an order for another", "the claim of the order's line", "the reassignment a person decided",
            "Tell the customer who now waits, or find other stock.", "the line waits for nothing any more"),
        new("supplyCut", Severity.High, 24, "Units promised from supply will not come", "the claim pegged to the purchase order or ASN", "the supply as stated now",
            "Order again, peg the line to another supply, or tell the customer.", "the line waits for nothing any more"),
        new("shippedUnclaimed", Severity.Normal, 24, "Shipped without being claimed", "the claims of the order's line", "the shipment",
            "Check what was sent: another order's units, or more than ordered. Correct by a return or a count."),
        new("belowZero", Severity.Normal, 24, "The record shows fewer than none", "the account, which cannot be below zero", "the fact that took more than there was",
            "Count the place. Something came in unrecorded, or went out twice.", "the account is at zero or above again"),
        new("binMismatch", Severity.Low, 72, "Taken from a bin that has none", "the bin as the ledger shows it", "the scan or sale that took from it",
            "Count both bins, or relocate the units in the record."),
        new("unknownSupply", Severity.Normal, 24, "Arrived on a supply that is not open", "the open purchase orders and ASNs", "the receipt",
            "Name the right supply, or accept the goods as unordered."),
        new("overReceipt", Severity.Normal, 48, "More arrived than was ordered", "the supply as it stood", "the receipt",
            "Accept the rest, or send it back to the supplier."),
        new("returnMismatch", Severity.Normal, 48, "Something else came back than was expected", "the return's expected lines", "the receipt of what came",
            "Refund what came, or send it back; the goods are in quarantine."),
        new("transferOver", Severity.Normal, 24, "More arrived than was sent", "the units in transit", "the receipt at the transfer's end",
            "Count the SKU where it was sent from: more left than was scanned."),
        new("unknownSku", Severity.High, 4, "Sold under a code we do not know", "the catalogue's SKUs, barcodes and codes", "the order line as the channel sent it",
            "Add the code to a SKU (PUT api/styles), or give the item its SKU in the channel.", "the code is known and claimed, or the line asks for nothing"),
        new("unknownPlace", Severity.Normal, 24, "Sold at a till whose place we do not know", "the channel's 'places'", "the order as the till sent it",
            "Add the place to the channel's 'places'.", "the place is known and the sale posted"),
        new("refundNotRestocked", Severity.Normal, 48, "Refunded, not sent, and not put back", "the claim that is still held", "the refund, which says nothing of restocking",
            "Send the units, or cancel them in the channel."),
        new("editRefused", Severity.High, 8, "The channel wants more than there is", "what the order holds", "the order as the channel changed it",
            "Correct the order in the channel, or find stock."),
        new("cancelledUnderWay", Severity.High, 2, "Cancelled while being sent", "the order's state here", "the channel's cancel",
            "Stop the parcel, or expect it back."),
        new("fulfilmentParked", Severity.High, 2, "A delivery stands still", "the delivery's next step", "that step, which keeps failing",
            "Put right what the error says, then let it go on (POST api/orders/{id}/deliveries/{delivery}/resume)."),
        new("shipWindowMissed", Severity.Normal, 24, "Not sent within its ship window", "the order's cancel date", "what had left by then",
            "Tell the customer, or take the order in again with another window."),
        new("deadLetter", Severity.High, 4, "A message could not be worked on", "the queue's function, which takes what it is sent", "the message, in the dead letters with a reason",
            "Read the reason (GET api/queues/orders/deadletters), put it right, and replay it; the order's date is looked at in any case."),
        new("intakeStuck", Severity.High, 1, "An order cannot be decided", "the order, which is durable", "its claims, which keep failing",
            "Read the log; the intake goes on trying by itself.", "the order is decided"),
        new("orderUnreadable", Severity.High, 4, "An order of the channel cannot be taken in", "an order as we can read it", "the order as the channel's own list has it",
            "Correct the order in the channel, or take it in by hand (POST api/orders)."),
        new("listingDrift", Severity.Normal, 24, "Stock was changed in a channel", "the number we sent, less the channel's sales", "the number the channel shows",
            "Find who changes stock there, and let them do it here: the ledger's number was sent again."),
        new("listingRefused", Severity.High, 4, "A channel will not take a listing's number", "the number the listing is to show", "the channel's answer",
            "Look at the listing in the channel; it is tried again with the next refresh."),
        new("listingMissing", Severity.Normal, 24, "A channel does not know a listing", "the mapping of the channel's item to a SKU", "the channel's own items",
            "Correct the mapping (POST api/listings/import), or list the item there."),
        new("productRefused", Severity.Normal, 24, "A style is not listed in a channel as it should be", "the product master, and that a person wants the style listed", "the channel's answer, or what is missing to be sent",
            "Complete the style (GET api/styles/{id}/listable), or put it right in the channel; then PUT api/listings/{channel}/styles/{style} again.", "the channel takes all of it"),
        new("channelRefused", Severity.High, 1, "A channel refuses our calls", "the channel's settings and its secrets", "its answer",
            "Put the settings or the secret right; it is tried again every five minutes.", "a later call is taken"),
        new("channelUntold", Severity.High, 4, "A channel will not hear what became of an order", "the order as it stands here", "the channel's answer",
            "Say it in the channel by hand, or put right what its answer names."),
        new("acceptOverdue", Severity.High, 1, "An order is about to lapse unaccepted", "the channel's deadline for acceptance", "the order, not accepted",
            "Find the units, or decline it in the channel."),
        new("shipOverdue", Severity.High, 4, "An order is about to leave late", "the channel's deadline for shipping", "the order, not sent",
            "Send it first, or tell the channel."),
        new("webhookSubscription", Severity.Normal, 24, "A channel does not send us what it should", "the webhooks we need", "the channel's own list of subscriptions",
            "Read the detail; subscriptions are repaired by the app where the channel's 'api.callback' says where to.", "the subscription is right again"),
    ];

    static readonly Dictionary<string, ExceptionKind> ByName = All.ToDictionary(kind => kind.Kind, StringComparer.Ordinal);

    /// <summary>The kind's row. One without (of another version, say) is treated as normal and due in a day.</summary>
    public static ExceptionKind Of(string kind) => ByName.GetValueOrDefault(kind) ?? new(kind, Severity.Normal, 24, kind, "", "", "Look at it.");
}
