namespace Selvedge.Local.Durable;

/// <summary>
/// Runs an orchestrator's code on the one thread that replays it, continuation after continuation, so that the same history gives the same
/// order. A continuation that arrives from anywhere else belongs to a task that is not in the history (I/O, Task.Delay, Task.Run): it is not
/// run, and <see cref="Violation"/> says so.
/// </summary>
internal sealed class OrchestratorThread(string instanceId) : SynchronizationContext
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> ready = new();
    private volatile int owner = -1;
    private string? violation;
    private Action<string>? found;

    /// <summary>What the code did that it must not; null: nothing so far.</summary>
    public string? Violation => Volatile.Read(ref violation);

    /// <summary>Whether this is the thread that replays.</summary>
    public bool IsCurrent => owner == Environment.CurrentManagedThreadId;

    public override void Post(SendOrPostCallback d, object? state)
    {
        if (IsCurrent) { ready.Enqueue((d, state)); }
        else { Report($"Orchestration {instanceId} awaits a task that is not its context's (I/O, Task.Delay, Task.Run, ConfigureAwait(false), …): it would go differently on replay. Do such work in an activity; wait with context.CreateTimer."); }
    }

    public override void Send(SendOrPostCallback d, object? state) => Post(d, state);

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Runs <paramref name="step"/> and all that follows from it at once.</summary>
    public void Run(Action step)
    {
        var before = Current;
        SetSynchronizationContext(this);
        owner = Environment.CurrentManagedThreadId;
        try
        {
            step();
            while (ready.TryDequeue(out var next)) { next.Callback(next.State); }
        }
        finally
        {
            owner = -1;
            SetSynchronizationContext(before);
        }
    }

    /// <summary>Notes a violation; the first one counts.</summary>
    public void Report(string what)
    {
        if (Interlocked.CompareExchange(ref violation, what, null) is null) { Volatile.Read(ref found)?.Invoke(what); }
    }

    /// <summary>Tells of a violation that is found from now on, when the turn is over.</summary>
    public void WhenFound(Action<string> tell)
    {
        Volatile.Write(ref found, tell);
        if (Violation is { } already) { tell(already); }
    }
}
