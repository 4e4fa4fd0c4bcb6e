using System.Globalization;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>
/// What was handed over or taken back at a till: facts at its location (design, section 3), planned on the order and always posted. A sale is posted
/// once per line; where the channel later says another number, the difference is. A refund that takes goods back is posted by its own key.
/// </summary>
public static class TillFacts
{
    /// <summary>The order with the facts that the ledger still has to be told, and the intake that tells it.</summary>
    public static Order Plan(Order order, string owner, DateTimeOffset now, Func<string, string?> place)
    {
        if (order.Test || (order.Till is null && order.Refunds?.Any(refund => refund.Till) != true)) return order;
        var postings = order.Postings?.ToList() ?? [];
        var here = order.Till is { } till ? place(till) : null;
        foreach (var line in order.Lines)
        {
            if (line.Kind is not LineKind.Stock) continue;
            if (line.FulfilledBy is FulfilledBy.Till && here is not null && Sold(line) - Posted(postings, line, "sale") is var units and not 0)
                postings.Add(new(string.Create(CultureInfo.InvariantCulture, $"sale:{line.Id}:{postings.Count}"), line.Id, line.Sku, units, here));
            foreach (var refund in order.Refunds ?? [])
                foreach (var back in refund.Lines.Where(back => back.Line == line.Id && TakesBack(line, refund, back)))
                    if (ReturnId(refund, back) is var id && !postings.Exists(known => known.Id == id) && (back.Location is { } at ? place(at) ?? here : here) is { } to)
                        postings.Add(new(id, line.Id, line.Sku, -back.Units, to));
        }
        if (postings.TrueForAll(posting => posting.Done)) return order;
        // Nothing is claimed at a revision that is still to come: the facts alone are told.
        return order with { Postings = postings, Intake = order.Intake ?? new(IntakeStep.Claim, 1, owner, order.Revision + 1), IntakeDue = order.Intake is null ? now + Intake.Lease : order.IntakeDue };
    }

    /// <summary>True when a line was sold at a till whose place nobody has told us.</summary>
    public static bool IsLost(Order order) => order.Till is not null && order.Lines.Any(line => line is { Kind: LineKind.Stock, FulfilledBy: FulfilledBy.Till } && Sold(line) > 0
        && order.Postings?.Any(posting => posting.Line == line.Id) != true);

    /// <summary>The ledger's commands for a fact: a bundle that was handed over is its parts.</summary>
    public static IEnumerable<Post> Commands(Order order, TillPosting posting)
    {
        var whole = Command(order, posting);
        return order.Lines.FirstOrDefault(line => line.Id == posting.Line)?.Bundle is not { } bundle ? [whole]
            : bundle.Parts.Select((part, i) => whole with { Sku = part.Sku, Quantity = whole.Quantity * part.Quantity, Id = Ids.Join([order.Id, .. posting.Id.Split(':'), $"part{i + 1}"], Ids.CosmosLimit - 2) });
    }

    /// <summary>The ledger's command for a fact about a SKU with stock.</summary>
    public static Post Command(Order order, TillPosting posting) => new()
    {
        Sku = posting.Sku, Id = Ids.Join([order.Id, .. posting.Id.Split(':')], Ids.CosmosLimit - 2), Quantity = Math.Abs(posting.Units),
        Kind = posting.Units > 0 ? PostKind.PosSale : PostKind.Return,
        From = posting.Units > 0 ? Accounts.OnHand(posting.Place) : Accounts.Customer, To = posting.Units > 0 ? Accounts.Customer : Accounts.OnHand(posting.Place),
        Order = order.Id, Line = posting.Line, Channel = order.Channel, Actor = "channel:" + order.Channel, Reason = posting.Units > 0 ? "sold at a till" : "taken back at a till",
    };

    /// <summary>Units of a line that the customer has by what was posted.</summary>
    public static long Shipped(Order order, OrderLine line) => order.Postings?.Where(posting => posting.Line == line.Id).Sum(posting => posting.Units) ?? line.Shipped;

    static long Sold(OrderLine line) => line.Ordered ?? line.Quantity;

    static long Posted(List<TillPosting> postings, OrderLine line, string kind) =>
        postings.Where(posting => posting.Line == line.Id && posting.Id.StartsWith(kind + ":", StringComparison.Ordinal)).Sum(posting => posting.Units);

    // What a till sold comes back over the counter; of what was sent, what a till takes back.
    static bool TakesBack(OrderLine line, Refund refund, RefundLine back) => line.FulfilledBy is FulfilledBy.Till
        ? back.Restock is Restock.Return or Restock.Cancel : refund.Till && back.Restock is Restock.Return;

    static string ReturnId(Refund refund, RefundLine back) => $"refund:{refund.Id}:{back.Line}:{back.Location ?? ""}:{(back.Restock is Restock.Cancel ? "cancel" : "return")}";
}

/// <summary>Tells the ledger what an order's till handed over and took back. However often it is told, each fact is posted once.</summary>
public sealed class TillPoster(Func<Command, Task<Outcome>> execute)
{
    /// <summary>Posts what is not posted yet, in the order in which it was planned for each SKU.</summary>
    /// <exception cref="InvalidOperationException">The ledger would not take a fact: it says why.</exception>
    public async Task PostAsync(Order order)
    {
        foreach (var posting in order.Postings ?? [])
        {
            if (posting.Done) continue;
            foreach (var command in TillFacts.Commands(order, posting))
                if (await execute(command) is { Verdict: Verdict.Refused } refused) throw new InvalidOperationException($"The ledger refused {posting.Id} of order {order.Id}: {refused.Refusal}");
        }
    }
}
