namespace Selvedge.Local.Channels;

/// <summary>What may happen to a call.</summary>
public enum Fault
{
    None,
    /// <summary>429 with <c>Retry-After</c>; nothing is done.</summary>
    Limited,
    /// <summary>500; nothing is done.</summary>
    ServerError,
    /// <summary>The connection ends before anything is done.</summary>
    HangUpBefore,
    /// <summary>It is done, and the connection ends before the answer.</summary>
    HangUpAfter,
    /// <summary>Every token is out of date from this call on.</summary>
    TokenExpired,
}

/// <summary>
/// What goes wrong between an app and a simulated channel: by chances that a seeded die decides, call after call, and by faults said beforehand for the next call
/// of an operation. The same seed and the same calls in the same order meet the same faults.
/// </summary>
public sealed class Faults(int seed = 1)
{
    readonly Random die = new(seed);
    readonly List<(string? Operation, Fault Fault, int Skip)> said = [];
    readonly Lock gate = new();

    /// <summary>Chances, 0 to 1, tried in this order.</summary>
    public double Limited { get; set; }
    public double ServerErrors { get; set; }
    public double HangUpsBefore { get; set; }
    public double HangUpsAfter { get; set; }
    public double TokenExpiries { get; set; }

    /// <summary>While true no call is answered: each connection ends at once.</summary>
    public bool Outage { get; set; }

    /// <summary>What a 429 says.</summary>
    public TimeSpan RetryAfter { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How often each fault was met.</summary>
    public Dictionary<Fault, int> Met { get; } = [];

    /// <summary>The next call of <paramref name="operation"/> (null: of any) meets <paramref name="fault"/>, after <paramref name="skip"/> that do not.</summary>
    public void Next(Fault fault, string? operation = null, int skip = 0)
    {
        lock (gate) said.Add((operation, fault, skip));
    }

    /// <summary>From now on nothing goes wrong.</summary>
    public void Calm()
    {
        lock (gate)
        {
            said.Clear();
            (Limited, ServerErrors, HangUpsBefore, HangUpsAfter, TokenExpiries, Outage) = (0, 0, 0, 0, 0, false);
        }
    }

    /// <summary>What this call meets.</summary>
    internal Fault Draw(string operation)
    {
        lock (gate)
        {
            var fault = Outage ? Fault.HangUpBefore : Said(operation) ?? Thrown();
            if (fault is not Fault.None) Met[fault] = Met.GetValueOrDefault(fault) + 1;
            return fault;
        }
    }

    Fault? Said(string operation)
    {
        var at = said.FindIndex(next => next.Operation is null || next.Operation == operation);
        if (at < 0) return null;
        var (of, fault, skip) = said[at];
        if (skip > 0)
        {
            said[at] = (of, fault, skip - 1);
            return null;
        }
        said.RemoveAt(at);
        return fault;
    }

    // One throw for each chance whatever came before it, so that one chance more or less leaves the other throws as they were.
    Fault Thrown()
    {
        ReadOnlySpan<(double Chance, Fault Fault)> chances = [(Limited, Fault.Limited), (ServerErrors, Fault.ServerError), (HangUpsBefore, Fault.HangUpBefore), (HangUpsAfter, Fault.HangUpAfter), (TokenExpiries, Fault.TokenExpired)];
        var met = Fault.None;
        foreach (var (chance, fault) in chances)
            if (die.NextDouble() < chance && met is Fault.None) met = fault;
        return met;
    }
}
