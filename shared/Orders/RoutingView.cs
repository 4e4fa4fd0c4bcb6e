using System.Globalization;

namespace Selvedge.Orders;

/// <summary>Why an order is sent from where it is: what was known when it was routed, in words.</summary>
/// <param name="Order">The order.</param>
/// <param name="RoutedAt">When; null where nothing of it is sent by us.</param>
/// <param name="Revision">The order's revision it was routed for.</param>
/// <param name="Shipments">Locations it was planned to ship from.</param>
/// <param name="ShipComplete">Nothing leaves before everything is held.</param>
/// <param name="Summary">The outcome in one sentence.</param>
/// <param name="Candidates">The locations as they were judged, the preferred first.</param>
/// <param name="Lines">Where each line's units may come from now, in order: an edit, a short pick or a person may have changed it since.</param>
public sealed record RoutingView(
    string Order, DateTimeOffset? RoutedAt, long? Revision, int Shipments, bool ShipComplete, string Summary, IReadOnlyList<CandidateView> Candidates, IReadOnlyList<RoutedLineView> Lines)
{
    /// <param name="order">The order.</param>
    public static RoutingView Of(Order order)
    {
        var lines = order.Lines.Where(line => line.TakesStock || line.FulfilledBy is FulfilledBy.Marketplace).Select(line => new RoutedLineView(line.Id, line.Sku, line.Quantity, line.FulfilledBy, line.Places ?? [])).ToList();
        if (order.Plan is not { } plan) return new(order.Id, null, null, 0, order.ShipComplete, "Nothing of this order is routed: it was refused, cancelled, a trial or handed over at a till.", [], lines);
        var only = string.Join(", ", lines.SelectMany(line => line.Places).Distinct());
        if (plan.Candidates is not { } candidates)
            return new(order.Id, plan.RoutedAt, plan.Revision, plan.Shipments, order.ShipComplete, only.Length > 0 ? $"There was no choice: orders of channel {order.Channel} are filled from {only}." : $"Channel {order.Channel} names no location.", [], lines);
        var chosen = candidates.Where(candidate => candidate.Chosen).ToList();
        var had = candidates.Any(candidate => candidate.Units > 0);
        var summary = !had ? $"No location had any of it: it waits for stock, first at {chosen[0].Id}."
            : $"As many units as can be had, in the fewest shipments ({chosen.Count}), then by priority, distance and cut-off: {string.Join(" and ", chosen.Select(candidate => candidate.Id))}.";
        return new(order.Id, plan.RoutedAt, plan.Revision, plan.Shipments, order.ShipComplete, summary, [.. candidates.Select(candidate => Of(candidate, chosen, had))], lines);
    }

    static CandidateView Of(Candidate candidate, List<Candidate> chosen, bool had) =>
        new(candidate.Id, candidate.Priority, candidate.Distance, candidate.ShipsOn, candidate.Full, candidate.Units, candidate.Chosen, Why(candidate, chosen, had));

    static string Why(Candidate candidate, List<Candidate> chosen, bool had)
    {
        var first = chosen[0];
        if (candidate.Chosen) return !had ? "Nobody had any; it comes first." : $"Had {candidate.Units} of what was wanted{(chosen.Count > 1 ? $"; together with {string.Join(" and ", chosen.Where(other => other != candidate).Select(other => other.Id))} the most there was" : "")}.";
        if (candidate.Units == 0 && had) return "Had nothing of it.";
        if (candidate.Units < chosen.Sum(other => other.Units) && candidate.Units < chosen.Max(other => other.Units)) return $"Had {candidate.Units}, less than was wanted.";
        if (candidate.Full && !first.Full) return "As many pick tickets wait there as it can take.";
        if (chosen.Count > 1) return $"Had {candidate.Units}; other locations cover more with as few shipments, or come first.";
        if (candidate.Priority > first.Priority) return $"Its priority is {candidate.Priority}, that of {first.Id} is {first.Priority}.";
        if ((candidate.Distance ?? int.MaxValue) > (first.Distance ?? int.MaxValue)) return $"{first.Id} is nearer to the customer, by postal code.";
        return candidate.ShipsOn > first.ShipsOn ? $"It ships on {candidate.ShipsOn.ToString("O", CultureInfo.InvariantCulture)}, {first.Id} on {first.ShipsOn.ToString("O", CultureInfo.InvariantCulture)}." : $"The channel names {first.Id} first.";
    }
}

/// <summary>A location as it was judged. Distance: 0 nearest, 100 another country; no kilometres. Units: how many of those wanted it had free.</summary>
public sealed record CandidateView(string Location, int Priority, int? Distance, DateOnly ShipsOn, bool Full, long Units, bool Chosen, string Why);

/// <summary>Where a line's units may come from, in order.</summary>
public sealed record RoutedLineView(string Id, string Sku, long Quantity, FulfilledBy FulfilledBy, IReadOnlyList<string> Places);
