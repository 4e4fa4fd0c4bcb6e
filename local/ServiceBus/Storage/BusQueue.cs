using System.Collections.Concurrent;

namespace Selvedge.Local.ServiceBus.Storage;

/// <summary>One queue or its dead letters, and who waits for its messages.</summary>
internal sealed class BusQueue(int number, QueueDefinition definition, BusQueue? deadLetters, DueTimes due)
{
    private readonly HashSet<string> lanesTouched = [];
    private QueueDefinition definition = definition;
    private int madeAvailable;

    /// <summary>The queue in the file.</summary>
    public int Number => number;

    /// <summary>How it was declared; for dead letters their queue's.</summary>
    public QueueDefinition Definition
    {
        get => Volatile.Read(ref definition);
        set
        {
            Volatile.Write(ref definition, value);
            if (deadLetters is not null) { deadLetters.Definition = value; }
        }
    }

    /// <summary>Its dead letters; null for dead letters themselves.</summary>
    public BusQueue? DeadLetters => deadLetters;

    /// <summary>True for dead letters.</summary>
    public bool IsDeadLetters => DeadLetters is null;

    /// <summary>The path a client sees.</summary>
    public string Path => IsDeadLetters ? $"{Definition.Name}/$deadletterqueue" : Definition.Name;

    /// <summary>Messages are ordered in sessions; those of dead letters never are.</summary>
    public bool HasSessions => !IsDeadLetters && Definition.RequiresSession;

    /// <summary>Receivers waiting for a message, or for a session with one.</summary>
    public Waiters Ready { get; } = new();

    /// <summary>Receivers waiting in a session they hold.</summary>
    public ConcurrentDictionary<string, Waiters> Lanes { get; } = new(StringComparer.Ordinal);

    /// <summary>When something falls due in the file.</summary>
    public DueTimes Due => due;

    /// <summary>On the writer's thread: a message can be received. Told after the commit.</summary>
    public void MadeAvailable(string? lane)
    {
        madeAvailable++;
        if (lane is not null) { lanesTouched.Add(lane); }
        due.Touched(this);
    }

    /// <summary>The broker closes.</summary>
    public void WakeAll()
    {
        Ready.Signal(int.MaxValue);
        foreach (var lane in Lanes.Values) { lane.Signal(int.MaxValue); }
    }

    /// <summary>On the writer's thread, after the commit: wakes as many as there are messages.</summary>
    public void Publish()
    {
        Ready.Signal(madeAvailable);
        foreach (var lane in lanesTouched)
        {
            if (Lanes.TryGetValue(lane, out var waiters)) { waiters.Signal(int.MaxValue); }
        }
        madeAvailable = 0;
        lanesTouched.Clear();
    }
}

/// <summary>Those who wait for something to receive, first come, first served. Whoever found nothing waits from the version it looked at, so that nothing is
/// missed between the look and the wait.</summary>
internal sealed class Waiters
{
    private readonly LinkedList<TaskCompletionSource> waiting = [];
    private long version;

    /// <summary>Changes whenever there may be something new.</summary>
    public long Version
    {
        get { lock (waiting) { return version; } }
    }

    /// <summary>Wakes <paramref name="count"/> at most.</summary>
    public void Signal(int count)
    {
        if (count == 0) { return; }
        lock (waiting)
        {
            version++;
            for (; count > 0 && waiting.First is { } first; count--)
            {
                waiting.RemoveFirst();
                first.Value.TrySetResult();
            }
        }
    }

    /// <summary>Waits until there may be something since <paramref name="seen"/>; false when <paramref name="time"/> is over.</summary>
    public async Task<bool> WaitAsync(long seen, TimeSpan time, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (time <= TimeSpan.Zero) { return false; }
        var signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        LinkedListNode<TaskCompletionSource> node;
        lock (waiting)
        {
            if (version != seen) { return true; }
            node = waiting.AddLast(signal);
        }
        try
        {
            await signal.Task.WaitAsync(time, clock, cancellationToken);
            return true;
        }
        catch (Exception givenUp) when (givenUp is TimeoutException or OperationCanceledException)
        {
            PassOn(node);
            if (givenUp is OperationCanceledException) { throw; }
            return false;
        }
    }

    // A signal that arrived too late is another's.
    private void PassOn(LinkedListNode<TaskCompletionSource> node)
    {
        lock (waiting)
        {
            if (node.List is not null)
            {
                waiting.Remove(node);
                return;
            }
        }
        Signal(1);
    }
}
