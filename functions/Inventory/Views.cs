using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Functions.Inventory;

/// <summary>A journal entry as the API shows it: units as whole numbers, values as decimal text and only to those who may see them.</summary>
public sealed record EntryView(string Key, long Sequence, string Kind, DateTimeOffset At, DateTimeOffset? EffectiveAt, string Actor, string? Reason, string? Approval,
    string? Order, string? Line, string? Channel, IReadOnlyList<MoveView> Moves, IReadOnlyList<ClaimAfter> Claims, SupplyAfter? Supply, LimitAfter? Limit,
    OutcomeView Outcome, string? Previous, string? Hash)
{
    /// <summary>A key bounded by channels sees the entries of their orders.</summary>
    public static bool Reaches(Caller caller, Entry entry) => caller.ReachesChannel(entry.Channel ?? Ids.ChannelOf(entry.Order));

    public static EntryView Of(Entry entry, Caller caller) => new(entry.Key, entry.Sequence, entry.Kind, entry.At, entry.EffectiveAt, entry.Actor, entry.Reason, entry.Approval,
        entry.Order, entry.Line, entry.Channel, [.. (entry.Moves ?? []).Select(move => MoveView.Of(move, caller))], [.. (entry.Claims ?? []).Where(claim => caller.ReachesChannel(claim.Channel))], entry.Supply, entry.Limit,
        OutcomeView.Of(entry.Outcome, caller), entry.Previous, entry.Hash);
}

/// <summary>Units from one account to another, and their value where the boundary of what we own is crossed.</summary>
public sealed record MoveView(string From, string To, long Units, string? Value)
{
    public static MoveView Of(Move move, Caller caller) => new(move.From, move.To, move.Units, caller.SeesValue && move.Value != 0 ? Money.Text(move.Value) : null);
}

/// <summary>What became of a command.</summary>
public sealed record OutcomeView(Verdict Verdict, IReadOnlyDictionary<string, long>? Held, long Short, IReadOnlyList<Contradiction> Exceptions, string? Value)
{
    public static OutcomeView Of(Outcome outcome, Caller caller) => new(outcome.Verdict, outcome.Held, outcome.Short, [.. (outcome.Exceptions ?? []).Where(exception => exception.Order is null || caller.ReachesChannel(Ids.ChannelOf(exception.Order)))],
        caller.SeesValue && outcome.Value != 0 ? Money.Text(outcome.Value) : null);
}

/// <summary>Who holds how much at one place: a location, <c>supply/&lt;id&gt;</c>, or <c>short</c> (nowhere yet).</summary>
public sealed record ClaimView(string Order, string Line, string Place, ClaimKind Kind, long Held, long Staged, long Shipped, long Revision, int Priority,
    DateTimeOffset At, DateTimeOffset? RequiredBy, DateTimeOffset? ExpiresAt, string? Owner, string? Channel, bool Tentative)
{
    public static ClaimView Of(Claim claim) => new(claim.Order, claim.Line, claim.Place, claim.Kind, claim.Held, claim.Staged, claim.Shipped, claim.Revision,
        claim.Priority, claim.At, claim.RequiredBy, claim.ExpiresAt, claim.Owner, claim.Channel, claim.Tentative);
}
