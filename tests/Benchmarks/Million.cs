namespace Selvedge.Tests.Benchmarks;

internal static class Million
{
    public static Task RunAsync(int entries) => throw new InvalidOperationException($"{entries} entries: not measured yet.");
}
