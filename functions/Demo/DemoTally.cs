using System.Collections.Concurrent;
using System.Diagnostics;

namespace Selvedge.Functions.Demo;

/// <summary>What was sent and what came of it, counted by the senders and read by the screen.</summary>
internal sealed class DemoTally
{
    long started = Stopwatch.GetTimestamp(), stopped;
    readonly Lock gate = new();
    readonly double[] answers = new double[4096];
    long answered;
    string? lastFault, lastWarning;

    /// <summary>Orders the app has taken: each once, however often it was sent.</summary>
    public long Orders, TwoLines, Repeats, Cancelled, CancelledBefore, Oversold;

    /// <summary>Units of all orders that were taken, and of those that were cancelled before they left.</summary>
    public long Ordered, Released;

    /// <summary>Orders whose cancel came while they were under way, with their units: what becomes of them is known once the warehouse has stopped.</summary>
    public readonly ConcurrentQueue<(string Order, long Units)> Late = new();

    /// <summary>Parcels and units that left; picks whose unit was not found or that were called off; units that were put back; parcels that came back.</summary>
    public long Parcels, Shipped, ShortPicks, CalledOff, PutBack, Returned;

    /// <summary>Sendings that failed, and orders or cancels given up on.</summary>
    public long Faults, Lost;

    /// <summary>What the app itself logged as a warning or worse, where the log is not on the terminal.</summary>
    public long Warnings;

    /// <summary>Deliveries to the warehouse and their units.</summary>
    public long Deliveries, Delivered;

    /// <summary>Units that were bought at the simulated marketplaces, and how each of these does. An order of theirs comes in when it is read there.</summary>
    public long MarketUnits;
    public IReadOnlyList<DemoMarket> Markets { get; set; } = [];

    /// <summary>The clock begins now: what came before was loading.</summary>
    public void Start() => started = Stopwatch.GetTimestamp();

    /// <summary>The last order was answered.</summary>
    public void Stop() => stopped = Stopwatch.GetTimestamp();

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(started, stopped > 0 ? stopped : Stopwatch.GetTimestamp());

    /// <summary>Notes how long the app took to answer a webhook.</summary>
    public void Answered(TimeSpan took)
    {
        lock (gate) answers[answered++ % answers.Length] = took.TotalMilliseconds;
    }

    /// <summary>Notes a failure; the latest is shown.</summary>
    public void Fault(string what)
    {
        Interlocked.Increment(ref Faults);
        Volatile.Write(ref lastFault, what);
    }

    /// <summary>Notes a line of the app's log; the latest is shown.</summary>
    public void Warn(string what)
    {
        Interlocked.Increment(ref Warnings);
        Volatile.Write(ref lastWarning, what);
    }

    public string? LastWarning => Volatile.Read(ref lastWarning);
    public string? LastFault => Volatile.Read(ref lastFault);

    /// <summary>Milliseconds within which that part of the latest answers came; null when there are none.</summary>
    public (double Half, double NinetyNine)? Answers()
    {
        double[] latest;
        lock (gate) latest = answers[..(int)Math.Min(answered, answers.Length)];
        if (latest.Length == 0) return null;
        Array.Sort(latest);
        return (latest[latest.Length / 2], latest[(int)(latest.Length * 0.99)]);
    }
}

/// <summary>How a simulated marketplace does.</summary>
/// <param name="Channel">Its channel.</param>
/// <param name="Listings">Items it lists.</param>
/// <param name="Differing">Those of them whose number is on its way.</param>
/// <param name="Sets">Numbers that were set there.</param>
/// <param name="Drop">Milliseconds from the ledger's commit to the call, for half of the drops; null: none yet.</param>
internal sealed record DemoMarket(string Channel, long Listings, long Differing, int Sets, double? Drop);
