namespace Selvedge.Tests.Simulation;

/// <summary>The system's clock, on which deadlines are twenty times as far off: what a crowd buys is not judged by how busy the machine is.</summary>
internal sealed class UnhurriedTime : TimeProvider
{
    public override long TimestampFrequency => System.TimestampFrequency * 20;
    public override long GetTimestamp() => System.GetTimestamp();
}
