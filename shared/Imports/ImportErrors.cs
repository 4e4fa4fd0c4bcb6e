using Selvedge.Platform;

namespace Selvedge.Imports;

/// <summary>One thing wrong with a file: <paramref name="Line"/> and <paramref name="Column"/> count from 1 (column 0: the whole line),
/// <paramref name="Name"/> is the column's heading.</summary>
public sealed record ImportError(int Line, int Column, string? Name, string? Value, string Message);

/// <summary>Everything wrong with a file: the first 1,000 in full, the rest counted.</summary>
public sealed class ImportErrors
{
    public const int Most = 1000;
    readonly List<ImportError> list = [];
    readonly HashSet<(int Line, string? Name)> places = [];

    /// <summary>How many there are in all.</summary>
    public int Count { get; private set; }
    public IReadOnlyList<ImportError> List => list;

    /// <summary>While true nothing is noted: what is read again was judged when it was read first.</summary>
    public bool Muted { get; set; }

    public void Add(int line, int column, string? name, string? value, string message)
    {
        if (Muted) return;
        Count++;
        if (list.Count == Most) return;
        places.Add((line, name));
        list.Add(new(line, column, name, value is { Length: > 60 } ? value[..(char.IsHighSurrogate(value[59]) ? 59 : 60)] + "…" : value, message));
    }

    /// <summary>True when something is told of that place already.</summary>
    public bool Has(int line, string? name) => places.Contains((line, name));

    /// <exception cref="ProblemException">400 <c>import-invalid</c> with all errors in the file's order.</exception>
    public void ThrowIfAny()
    {
        if (Count == 0) return;
        var sorted = list.OrderBy(error => error.Line).ThenBy(error => error.Column).ToList();
        var first = sorted[0];
        throw new ProblemException(400, "import-invalid", "The file has errors; nothing was written",
            $"{Count:N0} error{(Count == 1 ? "" : "s")}. The first: line {first.Line}{(first.Name is null ? "" : $", column '{first.Name}'")}: {first.Message}")
        { Members = { ["errors"] = sorted, ["errorCount"] = Count, ["omitted"] = Count - list.Count } };
    }
}
