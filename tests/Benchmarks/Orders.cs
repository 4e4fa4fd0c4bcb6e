namespace Selvedge.Tests.Benchmarks;

internal static class Orders
{
    public static Task RunAsync(int seconds) => throw new InvalidOperationException($"{seconds} s: not measured yet.");
}
