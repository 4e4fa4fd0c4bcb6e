using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>Units of a SKU set apart, as a request states it: a <b>ring-fence</b>, which others than its channel, customer or customer group must leave,
/// or a <b>floor</b>, which everyone who asks first must leave at a location (design, section 3, "Available"). Neither moves stock, and what is sold already
/// is never held back by it.</summary>
/// <param name="Id">The idempotency key within the SKU.</param>
/// <param name="Fence"><c>channel:&lt;id&gt;</c>, <c>customer:&lt;id&gt;</c> or <c>group:&lt;id&gt;</c>; null for a floor.</param>
/// <param name="Location">The floor's location; null for a ring-fence.</param>
/// <param name="Quantity">Units, ≥ 0; 0 lifts it.</param>
public sealed record Limit(string Id, string Sku, string? Fence, string? Location, long Quantity, string? Reason)
{
    static readonly string[] Buyers = ["channel:", "customer:", "group:"];

    /// <summary>Reads <c>{id, sku, fence | location, quantity, reason?}</c>.</summary>
    /// <exception cref="ProblemException">400 with the JSON pointer of every fault.</exception>
    public static Limit Parse(RequestFields body)
    {
        var limit = new Limit(body.Text("id", 100), body.Text("sku", 200), body.OptionalText("fence", 80), body.OptionalText("location", 40),
            body.Whole("quantity", 0, Movement.MostUnits, 0), body.OptionalText("reason", 500));
        if (limit.Id.Length > 0 && !Ids.IsPlain(limit.Id)) body.Add("id", $"'{limit.Id}' may not have / \\ ? # : % or blanks at its ends.");
        if (!body.Has("quantity")) body.Add("quantity", "Expected a whole number of units, 0 to lift it; it is missing.");
        if (limit.Fence is null == limit.Location is null) body.Add("fence", "Expected either fence (a ring-fence) or location (a floor there).");
        if (limit.Fence is { } fence && !Array.Exists(Buyers, buyer => fence.StartsWith(buyer, StringComparison.Ordinal) && Ids.IsPlain(fence[buyer.Length..], 60)))
            body.Add("fence", $"Expected channel:<id>, customer:<id> or group:<id>, got '{fence}'.");
        body.ThrowIfFaulty();
        return limit;
    }

    /// <summary>The channel whose fence it is; null for any other.</summary>
    public string? Channel => Fence is { } fence && fence.StartsWith(Buyers[0], StringComparison.Ordinal) ? fence[Buyers[0].Length..] : null;

    public SetLimit ToCommand(string sku, string actor) =>
        new() { Sku = sku, Actor = actor, Reason = Reason, Fence = Fence, Location = Location, Quantity = Quantity, Id = Ids.Join(["limit", Id], Ids.CosmosLimit - 2) };
}
