using Selvedge.Platform;

namespace Selvedge.Functions.Api;

/// <summary>Collects what is wrong with a request, so that it is all told at once, each with its place.</summary>
public sealed class Faults
{
    /// <summary>The largest quantity a request may carry, in units.</summary>
    public const long MostUnits = 10_000_000;

    readonly List<Fault> found = [];

    sealed record Fault(string Pointer, string Detail);

    /// <summary>Notes <paramref name="detail"/> at <paramref name="pointer"/> (RFC 6901, e.g. <c>/lines/0/sku</c>) unless <paramref name="holds"/>.</summary>
    public bool Require(bool holds, string pointer, string detail)
    {
        if (!holds) found.Add(new(pointer, detail));
        return holds;
    }

    /// <summary>An id that is used as it is in keys: see <see cref="Ids.IsPlain"/>.</summary>
    public bool Plain(string? text, string pointer, int longest = 100) => Require(Ids.IsPlain(text, longest), pointer,
        $"must be 1 to {longest} characters, without control characters, / \\ ? # : % and without blanks at the ends");

    /// <summary>A number of units, from <paramref name="least"/> to <see cref="MostUnits"/>.</summary>
    public bool Units(long units, string pointer, long least = 1) => Require(units >= least && units <= MostUnits, pointer,
        $"must be a whole number from {least} to {MostUnits}");

    /// <exception cref="ProblemException">400 with all faults, where there were any.</exception>
    public void Throw()
    {
        if (found.Count > 0) throw ProblemException.Invalid(string.Join("; ", found.Take(5).Select(fault => $"{fault.Pointer} {fault.Detail}")) + (found.Count > 5 ? $"; and {found.Count - 5} more" : "") + ".", found.Take(100));
    }
}
