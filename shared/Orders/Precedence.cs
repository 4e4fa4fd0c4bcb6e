namespace Selvedge.Orders;

/// <summary>
/// Which of an instance's work goes first (decision 23): who takes an order in has a sender waiting for an answer, who sends one off has not. While many orders are
/// in hand nothing else is begun; while some are, a few of what can wait go on at a time; otherwise all of it. Nothing depends on it but the time it takes.
/// </summary>
public sealed class Precedence(TimeProvider time) : IDisposable
{
    /// <summary>Orders in hand from which others' work takes turns, and above which it waits; and how much of it goes on at once then.</summary>
    const int Some = 8, Many = 20, Width = 16;
    static readonly TimeSpan Longest = TimeSpan.FromSeconds(5), Look = TimeSpan.FromMilliseconds(20);
    readonly SemaphoreSlim turns = new(Width);
    int inHand;

    /// <summary>An order is in hand until the answer is disposed.</summary>
    public Hand Take()
    {
        Interlocked.Increment(ref inHand);
        return new(this);
    }

    /// <summary>Waits for its turn, 5 s at most for each of its reasons: whatever comes, what can wait is done in the end.</summary>
    /// <returns>To be disposed when the work is done.</returns>
    public async ValueTask<Turn> TurnAsync()
    {
        for (var from = time.GetTimestamp(); Volatile.Read(ref inHand) > Many && time.GetElapsedTime(from) < Longest;) await Task.Delay(Look, time);
        return Volatile.Read(ref inHand) >= Some && await turns.WaitAsync(Longest) ? new(turns) : default;
    }

    /// <inheritdoc/>
    public void Dispose() => turns.Dispose();

    /// <summary>An order in hand.</summary>
    public readonly struct Hand(Precedence of) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref of.inHand);
    }

    /// <summary>Somebody's turn; the default is nobody's, where there was no need of turns.</summary>
    public readonly struct Turn(SemaphoreSlim? held) : IDisposable
    {
        public void Dispose() => held?.Release();
    }
}
