using Selvedge.Ledger;

namespace Selvedge.Counts;

/// <summary>What the ledger shows of an account as of a window of time.</summary>
/// <param name="Expected">Units before the window opened.</param>
/// <param name="Moved">An entry inside the window moved the account: whoever looked may have seen it before or after.</param>
public readonly record struct WindowView(long Expected, bool Moved);

/// <summary>
/// Compares a look at a shelf with the ledger as of then: pure. An entry counts when it happened (<c>effectiveAt</c>), not when it was told: what is told
/// late and happened before the window is part of what was seen; what happened after it is not.
/// </summary>
public static class CountWindow
{
    /// <summary>How far ahead of its writing an entry may say it happened (<c>POST api/movements</c>): what was written longer before a window opened happened before it.</summary>
    public static readonly TimeSpan Ahead = TimeSpan.FromMinutes(6);

    /// <param name="account">An account of ours, e.g. <c>onHand/WH1/A-01</c>.</param>
    /// <param name="now">Units it shows after the newest of <paramref name="entries"/>.</param>
    /// <param name="entries">The SKU's journal, at least all that was written since <see cref="Ahead"/> before <paramref name="from"/>.</param>
    /// <param name="from">When the look began; an entry of this very instant is inside.</param>
    /// <param name="to">When it ended; an entry of this very instant is inside.</param>
    public static WindowView Of(string account, long now, IEnumerable<Entry> entries, DateTimeOffset from, DateTimeOffset to)
    {
        var (expected, moved) = (now, false);
        foreach (var entry in entries)
        {
            var happened = entry.EffectiveAt ?? entry.At;
            if (happened < from) continue;
            foreach (var move in entry.Moves ?? [])
            {
                if (move.Units == 0) continue;
                var units = (move.To == account ? move.Units : 0) - (move.From == account ? move.Units : 0);
                if (units == 0) continue;
                expected -= units;
                moved |= happened <= to;
            }
        }
        return new(expected, moved);
    }
}
