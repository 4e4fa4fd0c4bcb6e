using System.Globalization;

namespace Selvedge.Local.Cosmos.Gateway;

/// <summary>
/// What part of a container a feed or query reads: <c>key</c> from <paramref name="From"/> (inclusive) to <paramref name="To"/>
/// (exclusive); <paramref name="Narrow"/> when it is one key or key prefix.
/// </summary>
internal readonly record struct Scope(byte[] From, byte[] To, int Range, bool Narrow)
{
    /// <exception cref="CosmosError">400 when the headers name no such part.</exception>
    public static Scope Of(CosmosRequest request, Container container, int ranges)
    {
        if (request.Header("x-ms-documentdb-partitionkey") is { } header)
        {
            var key = PartitionKey.Parse(header, container.Definition);
            return new Scope(key.Effective, KeyRange.After(key.Effective), RangeOf(key.Effective, ranges), Narrow: true);
        }

        byte[] from = [], to = KeyRange.End;
        var range = 0;
        if (request.Header("x-ms-documentdb-partitionkeyrangeid") is { } rangeId)
        {
            if (!int.TryParse(rangeId, NumberStyles.None, CultureInfo.InvariantCulture, out range) || range >= ranges)
            {
                throw new CosmosError(410, $"There is no partition key range '{rangeId}'.", 1002);
            }

            (from, to) = (Start(range, ranges), range == ranges - 1 ? KeyRange.End : Start(range + 1, ranges));
        }

        if (request.Header("x-ms-start-epk") is { } start && request.Header("x-ms-end-epk") is { } end)
        {
            from = Later(from, Hex(start));
            to = Later(to, Hex(end)) == to ? Hex(end) : to;
        }

        return new Scope(from, to, range, Narrow: false);
    }

    /// <summary>The range a key is in. Ranges divide the first byte's values 00-3F evenly.</summary>
    public static int RangeOf(ReadOnlySpan<byte> key, int ranges)
    {
        var range = 0;
        while (range + 1 < ranges && key.SequenceCompareTo(Start(range + 1, ranges)) >= 0)
        {
            range++;
        }

        return range;
    }

    /// <summary>Where a range begins; the first begins before all keys.</summary>
    public static byte[] Start(int range, int ranges)
    {
        if (range == 0)
        {
            return [];
        }

        var start = new byte[16];
        start.AsSpan().Fill(0xFF);
        start[0] = (byte)((0x40 * range / ranges) - 1);
        return start;
    }

    private static byte[] Later(byte[] a, byte[] b) => a.AsSpan().SequenceCompareTo(b) >= 0 ? a : b;

    private static byte[] Hex(string text)
    {
        try
        {
            return Convert.FromHexString(text);
        }
        catch (FormatException)
        {
            throw CosmosError.BadRequest($"'{text}' is not an effective partition key.");
        }
    }
}
