namespace Selvedge.Tests.Simulation;

/// <summary>The system's clock, moved ahead: leases and expiries come when a test says so, while waiting takes as long as it does.</summary>
internal sealed class ShiftedTime : TimeProvider
{
    long ahead;

    public void Advance(TimeSpan by) => Interlocked.Add(ref ahead, by.Ticks);

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddTicks(Interlocked.Read(ref ahead));
}
