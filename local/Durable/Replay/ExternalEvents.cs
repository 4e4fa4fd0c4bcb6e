namespace Selvedge.Local.Durable;

/// <summary>External events: those that come before they are waited for are kept, in order; of those who wait for one name the last gets the
/// next, so that an abandoned wait in a loop takes nothing from the one that follows it. As in Azure a wait that was cancelled still
/// stands in line.</summary>
internal sealed partial class ReplayContext
{
    private readonly Dictionary<string, Stack<EventWaiter>> eventWaiters = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<HistoryEvent> buffered = [];

    /// <summary>Events nobody has taken.</summary>
    public IReadOnlyList<HistoryEvent> Buffered => buffered;

    private sealed record EventWaiter(Type Type, Action<string?> Complete);

    public override Task<T?> WaitForExternalEvent<T>(string eventName, CancellationToken cancellationToken = default) where T : default
    {
        OnThread();
        var source = new TaskCompletionSource<T?>();
        if (!eventWaiters.TryGetValue(eventName, out var waiters)) { eventWaiters[eventName] = waiters = []; }
        if (waiters.TryPeek(out var last) && last.Type != typeof(T))
        {
            throw new ArgumentException($"Event '{eventName}' is awaited as {last.Type.FullName} already; ask for the same type, not {typeof(T).FullName}.", nameof(eventName));
        }
        waiters.Push(new EventWaiter(typeof(T), data =>
        {
            try { source.TrySetResult(converter.Deserialize<T>(data)); }
            catch (Exception unreadable) { source.TrySetException(unreadable); }
        }));
        if (buffered.FindIndex(kept => string.Equals(kept.Name, eventName, StringComparison.OrdinalIgnoreCase)) is >= 0 and var index)
        {
            var kept = buffered[index];
            buffered.RemoveAt(index);
            Raise(kept);
        }
        cancellationToken.Register(() =>
        {
            if (!IsElsewhere()) { source.TrySetCanceled(cancellationToken); }
        });
        return source.Task;
    }

    /// <summary>An event has come.</summary>
    public void Raise(HistoryEvent raised)
    {
        if (!eventWaiters.TryGetValue(raised.Name!, out var waiters))
        {
            buffered.Add(raised);
            return;
        }
        var waiter = waiters.Pop();
        if (waiters.Count == 0) { eventWaiters.Remove(raised.Name!); }
        waiter.Complete(raised.Data);
    }
}
