using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>What a picker is told, in words for who stands at the shelf; the types are stable.</summary>
static class PickProblems
{
    public static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no pick '{id}'. GET api/picks?location= lists those that wait.");

    public static ProblemException WrongItem(PickTicket ticket, string said) => Conflict("wrong-item", "This item is not on the pick",
        $"'{said}' is not on pick {ticket.Id}. {Wants(ticket)}");

    public static ProblemException OverPick(PickTicket ticket, string sku, long quantity, long left) => Conflict("over-pick", "More than the pick asks for",
        $"Pick {ticket.Id} needs {left} more of {sku}, not {quantity}. Leave the rest on the shelf.");

    public static ProblemException NotPicked(PickTicket ticket, string sku, long quantity, long picked) => Conflict("not-picked", "That many were not picked",
        $"Pick {ticket.Id} has {picked} of {sku} picked, not {quantity}.");

    public static ProblemException Cancelled(PickTicket ticket) => Conflict("pick-cancelled", "The pick was called off",
        $"Pick {ticket.Id} was called off. Put the unit back; what was scanned already is in GET api/putbacks?location={Uri.EscapeDataString(ticket.Location)}.");

    public static ProblemException OnHold(PickTicket ticket) => Conflict("pick-on-hold", "The pick is on hold",
        $"Pick {ticket.Id}: {ticket.OnHold} Leave it where it is; it goes on by itself when that is settled, and is put back when the order is cancelled.");

    public static ProblemException Closed(PickTicket ticket) => Conflict("pick-closed", "The pick is done", ticket.Status switch
    {
        TicketStatus.Packed => $"Pick {ticket.Id} is packed. To change what is in it, unpick first.",
        TicketStatus.Picked => $"Pick {ticket.Id} is picked: it waits to be packed.",
        _ => $"Pick {ticket.Id} has left{(ticket.Consignment is { } by ? $" with {by.Carrier} {by.Tracking}" : "")}.",
    });

    public static ProblemException InWave(PickTicket ticket) => Conflict("in-wave", "The pick is part of a wave",
        $"Pick {ticket.Id} is picked in wave {ticket.Wave}, slot {ticket.Slot}. Scan it there, or take it out with POST api/picks/{ticket.Id}/release.");

    public static ProblemException HeldByOthers(PickTicket ticket, string sku, long quantity, long held) => Conflict("held-by-others", "The unit is another order's",
        $"Pick {ticket.Id} holds {held} of {sku} here, not {quantity}: its order was changed, or the units went to another one. Put it back and read the pick again.");

    public static ProblemException NoneOnHand(PickTicket ticket, string sku, string refusal) => Conflict("none-on-hand", "The record shows too few here",
        $"{sku} for pick {ticket.Id}: {refusal} If it is in your hand, have the bin counted.");

    public static ProblemException InPart(string id, string sku, long quantity, long taken) => Conflict("scanned-in-part", "Only a part was taken",
        $"{taken} of {quantity} × {sku} went to {id}; put {quantity - taken} back.");

    public static ProblemException StillToPick(PickTicket ticket) => Conflict("still-to-pick", "Something is still to be picked",
        $"Pick {ticket.Id} is not picked whole. {Wants(ticket)} Pick it, or say that it is short.");

    public static ProblemException NothingPicked(PickTicket ticket) => Conflict("nothing-picked", "Nothing was picked", $"Pick {ticket.Id} has no unit picked: there is nothing to send.");

    public static ProblemException NothingWaits(string what) => new(404, "nothing-to-pick", "Nothing waits to be picked", what);

    /// <summary>Why nothing can be picked to it as it stands; null where it can.</summary>
    public static ProblemException? Shut(PickTicket ticket) => ticket.Status switch
    {
        TicketStatus.Cancelled => Cancelled(ticket),
        TicketStatus.Packed or TicketStatus.Shipping or TicketStatus.Shipped => Closed(ticket),
        _ => ticket.OnHold is null ? null : OnHold(ticket),
    };

    static string Wants(PickTicket ticket) => ticket.Left == 0 ? "It needs nothing more."
        : "It still needs " + string.Join(", ", ticket.Lines.Where(line => line.Left > 0).GroupBy(line => line.Sku).Take(5).Select(sku => $"{sku.Sum(line => line.Left)} × {sku.Key}")) + ".";

    static ProblemException Conflict(string type, string title, string detail) => ProblemException.Conflict(type, title, detail);
}
