using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Selvedge.Channels;

namespace Selvedge.Inbound;

/// <summary>
/// Keeps every message that arrived from outside, as received (docs/decisions, "What arrives is kept before it is answered"). Off the way of the
/// order: it is written in groups, and answered once it is durable. An archive that does not take it delays an answer by <see cref="Patience"/> and
/// refuses nothing: orders matter more.
/// </summary>
public sealed partial class InboundArchive(ArchiveStore store, IConfiguration configuration, TimeProvider time, ILogger<InboundArchive> log) : IAsyncDisposable
{
    /// <summary>How long an answer waits for its message to be durable.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Bodies beyond this, in bytes, are objects of their own.</summary>
    const int LargestLine = 256 * 1024;

    static readonly Meter Meter = new("Selvedge.Inbound");
    static readonly Counter<long> Kept = Meter.CreateCounter<long>("selvedge.inbound.kept", "{message}", "Messages archived, by channel and verdict");
    static readonly Counter<long> Lost = Meter.CreateCounter<long>("selvedge.inbound.lost", "{message}", "Messages taken in and not archived, because the archive did not take them");
    static readonly Counter<long> Rejected = Meter.CreateCounter<long>("selvedge.inbound.rejected", "{message}", "Messages refused for their signature; nothing of them is kept");
    readonly ConcurrentDictionary<string, SegmentWriter> writers = new(StringComparer.Ordinal);
    readonly Func<string, SegmentWriter> open = folder => new(store, folder, time, log);

    /// <summary>Keeps a message. Durable when this returns an id; null when the archive did not take it in time (it goes on trying, as long as
    /// there is room in memory) or keeps nothing of this channel.</summary>
    /// <param name="record">The message without its body.</param>
    /// <param name="body">The raw bytes.</param>
    /// <param name="channel">The channel it came by; null for what comes by none.</param>
    public async Task<string?> KeepAsync(InboundRecord record, ReadOnlyMemory<byte> body, Channel? channel)
    {
        if (InboundRetention.DaysOf(channel, configuration) <= 0) return null;
        var folder = ArchiveNames.FolderOf(record.Channel);
        try
        {
            if (record.ErasedAt is null) record = body.Length <= LargestLine ? record.With(body.Span) : record with { File = await PutLargeAsync(folder, record.At, body), Size = body.Length };
            var writing = writers.GetOrAdd(folder, open).Submit(record.ToLine());
            if (writing is null)
            {
                Lose(record, "more messages wait than there is room for");
                return null;
            }
            Kept.Add(1, new("channel", record.Channel), new("verdict", record.Verdict));
            return await writing.WaitAsync(Patience, time);
        }
        catch (TimeoutException)
        {
            return null;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogFailed(failure, record.Channel);
            Lose(record, failure.GetType().Name);
            return null;
        }
    }

    /// <summary>Counts a message whose signature was wrong. Only the count is kept, and only of channels there are: what anybody can send must not fill anything.</summary>
    public static void CountRejected(string? channel) => Rejected.Add(1, new KeyValuePair<string, object?>("channel", channel ?? "unknown"));

    /// <summary>Ends what this instance writes to, for who rewrites it.</summary>
    internal Task SealAsync(string folder) => writers.TryGetValue(folder, out var writer) ? writer.SealAsync() : Task.CompletedTask;

    /// <summary>Waits for what is still to be written, for some seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await Task.WhenAll(writers.Values.Select(writer => writer.DrainAsync())).WaitAsync(TimeSpan.FromSeconds(5), TimeProvider.System);
        }
        catch (TimeoutException) { }
        foreach (var writer in writers.Values) await writer.SealAsync().WaitAsync(TimeSpan.FromSeconds(1), TimeProvider.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    async Task<string> PutLargeAsync(string folder, DateTimeOffset at, ReadOnlyMemory<byte> body)
    {
        var name = ArchiveNames.LargeBody(folder, at, BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4)));
        await store.PutAsync(name, ArchiveMember.Compress(body.Span));
        return name;
    }

    void Lose(InboundRecord record, string why)
    {
        Lost.Add(1, new KeyValuePair<string, object?>("channel", record.Channel));
        LogLost(record.Channel, record.Topic, record.Order, why);
    }

    [LoggerMessage(EventId = 4002, Level = LogLevel.Error, Message = "A message of {Channel}, {Topic} (order {Order}), was taken in and is not in the archive: {Why}")]
    partial void LogLost(string channel, string topic, string? order, string why);

    [LoggerMessage(EventId = 4003, Level = LogLevel.Error, Message = "The inbound archive failed for a message of {Channel}")]
    partial void LogFailed(Exception failure, string channel);
}
