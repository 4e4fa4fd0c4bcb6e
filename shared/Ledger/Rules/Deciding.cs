namespace Selvedge.Ledger.Rules;

/// <summary>What a rule says: an entry was sealed (<see cref="Entry"/>), the request is refused, it must wait for tentative claims, or — all null —
/// it lacks knowledge (<see cref="Session.Missing"/>).</summary>
internal readonly record struct Decision(Entry? Entry, Outcome? Refusal, bool Waits)
{
    public static readonly Decision Unknown;
    public static Decision Refuse(string why, long available = 0, bool waits = false) =>
        new(null, new Outcome(Verdict.Refused, Available: available, Refusal: why), waits);
    public static Decision NeedsApproval(string why, long shown, long value) =>
        new(null, new Outcome(Verdict.Refused, Available: shown, Refusal: why, Value: value) { NeedsApproval = true }, false);
    public static implicit operator Decision(Entry entry) => new(entry, null, false);
    public bool IsUnknown => Entry is null && Refusal is null;
}

/// <summary>
/// The pure decision: (balance, claims touched, command) → (balance, claims, entry, outcome), all inside the <see cref="Session"/>.
/// A refusal leaves the session as it was.
/// </summary>
internal static class Deciding
{
    public static Decision Decide(Session session, Command command, DateTimeOffset now)
    {
        session.Begin(now);
        return command switch
        {
            SetClaim c => ClaimRules.Set(session, c),
            Settle c => ClaimRules.Settle(session, c),
            Pick c => FloorRules.Pick(session, c),
            Unpick c => FloorRules.Unpick(session, c),
            Ship c => FloorRules.Ship(session, c),
            Post c => Postings.Post(session, c),
            Count c => Postings.Count(session, c),
            Revalue c => Postings.Revalue(session, c),
            SetSupply c => SupplyRules.Set(session, c),
            SetLimit c => SupplyRules.Limit(session, c),
            Reassign c => Reassigning.Decide(session, c),
            Rebalance c => Rebalancing.Continue(session, c),
            _ => throw new ArgumentException($"No rule decides {command.GetType().Name}.", nameof(command)),
        };
    }

    /// <summary>What a command certainly needs to know, to be asked for before the first attempt.</summary>
    public static Need? Needs(Command command) => command switch
    {
        SetClaim { Revision: > 1 } c => new(NeedKind.Line, c.Order, c.Line),
        Settle c => new(NeedKind.Line, c.Order, c.Line),
        Pick c => new(NeedKind.Claim, Platform.Ids.Claim(c.Order, c.Line, c.Location)),
        Unpick c => new(NeedKind.Claim, Platform.Ids.Claim(c.Order, c.Line, c.Location)),
        Ship c => new(NeedKind.Claim, Platform.Ids.Claim(c.Order, c.Line, c.Location)),
        _ => null,
    };

    /// <summary>The most operations a command takes beside serving and uncovering others, for which <see cref="Session.Room"/> answers.</summary>
    public static int Cost(Command command) => command switch { SetClaim c => 2 + c.Places.Count + 2 + c.Givers.Count * c.Places.Count, Reassign => 4 + 2 * Reassigning.MostPlaces, _ => 6 };
}
