using System.Net;
using Microsoft.Azure.Cosmos;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>
/// The Serial Shipping Container Code, 18 digits: extension digit, GS1 company prefix, serial reference, check digit (GS1 General Specifications, 3.3.1). Serial and
/// extension count together, so a prefix of 9 digits has 100 million numbers before one comes again.
/// </summary>
public static class Sscc
{
    const int BeforeCheck = 17;

    /// <summary>True for a company prefix as GS1 gives it: 7 to 10 digits.</summary>
    public static bool IsPrefix(string? prefix) => prefix is { Length: >= 7 and <= 10 } && prefix.All(char.IsAsciiDigit);

    /// <summary>The code with this number.</summary>
    /// <param name="prefix">A company prefix.</param>
    /// <param name="number">From 0; counts the serials of extension digit 0, then those of 1, and so on.</param>
    public static string Make(string prefix, long number)
    {
        if (!IsPrefix(prefix)) throw new ArgumentException("A GS1 company prefix has 7 to 10 digits.", nameof(prefix));
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        var width = BeforeCheck - 1 - prefix.Length;
        var serials = (long)Math.Pow(10, width);
        var digits = string.Create(null, $"{number / serials % 10}{prefix}{(number % serials).ToString(System.Globalization.CultureInfo.InvariantCulture).PadLeft(width, '0')}");
        return digits + Gtin.CheckDigit(digits);
    }

    /// <summary>True for 18 digits with the right check digit; the application identifier (00) in front is accepted too.</summary>
    public static bool IsValid(string? code)
    {
        if (code is { Length: 20 } && code.StartsWith("00", StringComparison.Ordinal)) code = code[2..];
        return code is { Length: BeforeCheck + 1 } && code.All(char.IsAsciiDigit) && Gtin.CheckDigit(code.AsSpan(0, BeforeCheck)) == code[^1];
    }
}

/// <summary>Hands out serial numbers that no other instance has: a block at a time is reserved by ETag in container <c>settings</c>; what is left of it when the process ends is lost.</summary>
public sealed class SsccSerials(Store store) : IDisposable
{
    const int Block = 100;
    const string Kind = "serial", Id = "sscc";
    readonly SemaphoreSlim gate = new(1, 1);
    long next, end;

    sealed record Reserved(string Id, string Kind, long Next);

    /// <summary>That many numbers in a row, never given before.</summary>
    public async Task<long> TakeAsync(int count)
    {
        await gate.WaitAsync();
        try
        {
            if (end - next < count)
            {
                var size = Math.Max(Block, count);
                (next, end) = await ReserveAsync(size) is var first ? (first, first + size) : default;
            }
            next += count;
            return next - count;
        }
        finally
        {
            gate.Release();
        }
    }

    public void Dispose() => gate.Dispose();

    // When an answer was lost, the block is skipped: another one is as good.
    async Task<long> ReserveAsync(int size)
    {
        var partition = new PartitionKey(Kind);
        while (true)
        {
            try
            {
                var there = await FindAsync(partition);
                if (there is null) await store.Settings.CreateItemAsync(new Reserved(Id, Kind, size), partition);
                else await store.Settings.ReplaceItemAsync(there.Value.Reserved with { Next = there.Value.Reserved.Next + size }, Id, partition, new() { IfMatchEtag = there.Value.ETag });
                return there?.Reserved.Next ?? 0;
            }
            catch (CosmosException raced) when (raced.StatusCode is HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed) { }
        }
    }

    async Task<(Reserved Reserved, string ETag)?> FindAsync(PartitionKey partition)
    {
        try
        {
            var read = await store.Settings.ReadItemAsync<Reserved>(Id, partition);
            return (read.Resource, read.ETag);
        }
        catch (CosmosException missing) when (missing.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }
}
