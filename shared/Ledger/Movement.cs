using System.Globalization;
using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>What a person or a till reports about stock, in the words of <c>POST api/movements</c>.</summary>
public enum MovementKind
{
    /// <summary>From a supplier to the shelf, or to quarantine.</summary>
    Receive,
    /// <summary>A correction: a positive quantity is found, a negative one is gone.</summary>
    Adjust,
    /// <summary>What was seen in one bin.</summary>
    Count,
    /// <summary>From one location to another in one step.</summary>
    Transfer,
    /// <summary>Back from a customer.</summary>
    Return,
    /// <summary>Out of quarantine, to the shelf or written off.</summary>
    Grade,
    /// <summary>From bin to bin or condition to condition.</summary>
    Relocate,
    /// <summary>Sold over the counter.</summary>
    PosSale,
}

/// <summary>One movement of one SKU, as reported. <see cref="Id"/> is its idempotency key within the SKU: the same again is answered the same.</summary>
public sealed record Movement
{
    internal const long MostUnits = 10_000_000;
    static readonly TimeSpan Ahead = TimeSpan.FromMinutes(5);

    public required string Id { get; init; }
    public required MovementKind Kind { get; init; }
    /// <summary>The SKU, or another code of it.</summary>
    public required string Sku { get; init; }
    public required string Location { get; init; }
    public required long Quantity { get; init; }
    public string Bin { get; init; } = "";
    public string Condition { get; init; } = "";
    /// <summary>The other end: a location for transfers; <c>onHand</c>, <c>quarantine</c> or <c>damage</c>; for adjustments <c>shrink</c>, <c>damage</c>, <c>sample</c> or <c>unexplained</c>.</summary>
    public string? To { get; init; }
    public string ToBin { get; init; } = "";
    public string ToCondition { get; init; } = "";
    /// <summary>Cost of one unit that comes in, in ten-thousandths of the base currency.</summary>
    public long? UnitCost { get; init; }
    public string? Supply { get; init; }
    public string? Order { get; init; }
    public string? Line { get; init; }
    public string? Channel { get; init; }
    public string? Reason { get; init; }
    public DateTimeOffset? EffectiveAt { get; init; }

    /// <summary>Reads and checks a request's body.</summary>
    /// <exception cref="ProblemException">400 with the JSON pointer of every fault.</exception>
    public static Movement Parse(RequestFields body, DateTimeOffset now)
    {
        var kind = body.Word<MovementKind>("kind");
        var movement = new Movement
        {
            Id = Plain(body, "id", 100, required: true),
            Kind = kind,
            Sku = body.Text("sku", 200),
            Location = Plain(body, "location", 40, required: true),
            Quantity = Units(body, kind),
            Bin = Plain(body, "bin", 40),
            Condition = Plain(body, "condition", 20),
            To = End(body, kind),
            ToBin = Plain(body, "toBin", 40),
            ToCondition = Plain(body, "toCondition", 20),
            UnitCost = body.OptionalMoney("unitCost"),
            Supply = body.OptionalText("supply", 100),
            Order = body.OptionalText("order", 200),
            Line = body.OptionalText("line", 100),
            Channel = body.OptionalText("channel", 60),
            Reason = body.OptionalText("reason", 500),
            EffectiveAt = Instant(body, now),
        };
        movement.CheckTogether(body);
        body.ThrowIfFaulty();
        return movement;
    }

    /// <summary>The ledger's command for it, on the SKU that <see cref="Sku"/> means.</summary>
    public Command ToCommand(string sku, string actor)
    {
        var key = Ids.Join(["mv", Id], Ids.CosmosLimit - 2);
        if (Kind == MovementKind.Count)
            return new Count { Sku = sku, Actor = actor, Reason = Reason, EffectiveAt = EffectiveAt, Location = Location, Bin = Bin, Condition = Condition, Counted = Quantity, Id = key };
        var here = Accounts.OnHand(Location, Bin, Condition);
        var (post, from, to) = Kind switch
        {
            MovementKind.Receive => (PostKind.Receive, Accounts.Supplier, To == "quarantine" ? Accounts.Quarantine(Location) : here),
            MovementKind.Adjust when Quantity < 0 => (PostKind.Adjust, here, Loss),
            MovementKind.Adjust => (PostKind.Adjust, Loss, here),
            MovementKind.Transfer => (PostKind.Transfer, here, Accounts.OnHand(To!, ToBin, ToCondition)),
            MovementKind.Return => (PostKind.Return, Accounts.Customer, To switch { "quarantine" => Accounts.Quarantine(Location), "damage" => Accounts.Damage, _ => here }),
            MovementKind.Grade => (PostKind.Grade, Accounts.Quarantine(Location), To == "damage" ? Accounts.Damage : here),
            MovementKind.Relocate => (PostKind.Relocate, here, Accounts.OnHand(Location, ToBin, ToCondition)),
            MovementKind.PosSale => (PostKind.PosSale, here, Accounts.Customer),
            _ => throw new InvalidOperationException($"{Kind} has no posting."),
        };
        return new Post
        {
            Sku = sku, Actor = actor, Reason = Reason, EffectiveAt = EffectiveAt, Kind = post, From = from, To = to, Quantity = Math.Abs(Quantity),
            UnitCost = UnitCost, Supply = Supply, Order = Order, Line = Line, Channel = Channel, Id = key,
            IfShown = Kind is MovementKind.Relocate or MovementKind.Grade || (Kind == MovementKind.Adjust && Quantity < 0),
        };
    }

    string Loss => To switch { "damage" => Accounts.Damage, "sample" => Accounts.Sample, "unexplained" => Accounts.Unexplained, _ => Accounts.Shrink };

    void CheckTogether(RequestFields body)
    {
        if (Kind == MovementKind.Transfer && To == Location) body.Add("to", "Expected another location than 'location'.");
        if (Kind == MovementKind.Relocate && (Bin, Condition) == (ToBin, ToCondition)) body.Add("toBin", "Expected another bin or condition than the units are in: give toBin, toCondition or both.");
        if (Kind is not (MovementKind.Transfer or MovementKind.Relocate) && ToBin.Length + ToCondition.Length > 0) body.Add("toBin", "toBin and toCondition go with transfer and relocate only; where units come in, bin and condition say where to.");
        if (Supply is not null && Kind != MovementKind.Receive) body.Add("supply", "Only what is received can arrive on a supply.");
        if (UnitCost is not null && Kind is not (MovementKind.Receive or MovementKind.Return) && !(Kind == MovementKind.Adjust && Quantity > 0))
            body.Add("unitCost", "Only units that come in have a cost; those that leave take the average.");
        if (Line is not null && Order is null) body.Add("order", "A line needs its order.");
    }

    static long Units(RequestFields body, MovementKind kind)
    {
        var (least, most) = kind switch { MovementKind.Count => (0, MostUnits), MovementKind.Adjust => (-MostUnits, MostUnits), _ => (1, MostUnits) };
        if (!body.Has("quantity")) body.Add("quantity", "Expected a whole number of units; it is missing.");
        var units = body.Whole("quantity", least, most, 1);
        if (units == 0 && kind == MovementKind.Adjust) body.Add("quantity", "Expected units that are found (above 0) or gone (below 0).");
        return units;
    }

    static string? End(RequestFields body, MovementKind kind)
    {
        if (kind == MovementKind.Transfer) return Plain(body, "to", 40, required: true);
        if (body.OptionalText("to", 40) is not { } to) return null;
        string[] ends = kind switch
        {
            MovementKind.Receive => ["onHand", "quarantine"],
            MovementKind.Return => ["onHand", "quarantine", "damage"],
            MovementKind.Grade => ["onHand", "damage"],
            MovementKind.Adjust => ["shrink", "damage", "sample", "unexplained"],
            _ => [],
        };
        if (!ends.Contains(to)) body.Add("to", ends.Length == 0 ? $"A movement of this kind has no 'to'; got '{to}'." : $"Expected one of {string.Join(", ", ends)}, got '{to}'.");
        return to;
    }

    static string Plain(RequestFields body, string name, int longest, bool required = false)
    {
        var text = required ? body.Text(name, longest) : body.OptionalText(name, longest) ?? "";
        if (text.Length > 0 && !Ids.IsPlain(text, longest)) body.Add(name, $"'{text}' may not have / \\ ? # : % or blanks at its ends.");
        return text;
    }

    static DateTimeOffset? Instant(RequestFields body, DateTimeOffset now)
    {
        if (body.OptionalText("effectiveAt", 40) is not { } text) return null;
        // Without an offset it could be anybody's noon.
        var hasOffset = text.Length > 19 && text[10] == 'T' && (text[^1] == 'Z' || (text[^6] is '+' or '-' && text[^3] == ':'));
        if (hasOffset && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at) && at <= now + Ahead && at.Year >= 2000)
            return InstantConverter.Cut(at);
        body.Add("effectiveAt", $"Expected a past instant as RFC 3339, e.g. \"2026-11-23T09:15:00Z\", got '{text}'.");
        return null;
    }
}
