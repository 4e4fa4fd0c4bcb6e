namespace Selvedge.Counts;

/// <summary>What is decided of a line's looks: pure.</summary>
public static class CountRules
{
    public const string Moved = "moved", BeyondTolerance = "beyondTolerance", NotApproved = "notApproved";

    /// <summary>The condition of units that a picker did not find: not sellable, still ours, until somebody counts.</summary>
    public const string Missing = "missing";

    /// <summary>Looks that say something after which the last one stands, whatever it says.</summary>
    public const int Enough = 3;

    /// <summary>
    /// Why the line is to be counted again, or null when its last look stands: it agrees with the ledger within the tolerance, or with the picker who
    /// missed units, or with an earlier look, or enough people have looked.
    /// </summary>
    /// <param name="looks">All looks since the line was last decided, in order; the last is reported.</param>
    /// <param name="tolerance">Units it may differ by.</param>
    public static string? Recount(IReadOnlyList<CountLook> looks, long tolerance)
    {
        var last = looks[^1];
        if (last.Moved) return Moved;
        if (Math.Abs(last.Difference) <= tolerance || (last.Missing > 0 && Math.Abs(last.Difference + last.Missing) <= tolerance)) return null;
        var said = looks.Where(look => look is { Moved: false, Counted: not null }).ToList();
        return said.Count >= Enough || said.Take(said.Count - 1).Any(look => look.Difference == last.Difference) ? null : BeyondTolerance;
    }

    /// <summary>What a look that stands comes to: units a picker had missed are found as far as more is there than the ledger shows, and lost otherwise.</summary>
    public static CountResult Result(CountLook look, int number)
    {
        var found = Math.Clamp(look.Counted!.Value - look.Expected, 0, look.Missing);
        return new(number, found, look.Missing - found, look.Counted.Value, look.Expected + found, look.To!.Value, look.Difference);
    }
}
