using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Selvedge.Inbound;

/// <summary>
/// Writes one channel's lines, in groups: while one append is on its way to the disk, the lines that come wait and go with the next. So many messages
/// share a flush, and none of them waits for more than two.
/// </summary>
internal sealed partial class SegmentWriter(ArchiveStore store, string folder, TimeProvider time, ILogger log)
{
    const int LargestSegment = 8 << 20, LargestGroup = 1 << 20;

    /// <summary>Bytes that may wait while the store does not take them; more are refused.</summary>
    const int MostWaiting = 32 << 20;

    sealed class Pending(byte[] line)
    {
        public readonly byte[] Line = line;
        public readonly TaskCompletionSource<string> Done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    readonly Lock gate = new();
    readonly List<Pending> waiting = [];
    long bytesWaiting;
    bool running;
    bool ending;
    string? segment;
    long offset;
    DateTimeOffset startedAt;
    Task run = Task.CompletedTask;

    /// <summary>Queues a line; its id comes when it is durable. Null when too much waits already: the line is not kept.</summary>
    public Task<string>? Submit(byte[] line)
    {
        var pending = new Pending(line);
        lock (gate)
        {
            if (bytesWaiting + line.Length > MostWaiting) return null;
            bytesWaiting += line.Length;
            waiting.Add(pending);
            if (!running)
            {
                running = true;
                run = Task.Run(RunAsync);
            }
        }
        return pending.Done.Task;
    }

    /// <summary>Ends the open segment; the next line begins another one. For who rewrites what is written.</summary>
    public async Task SealAsync()
    {
        Task current;
        lock (gate) (ending, current) = (true, run);
        await current;
        lock (gate)
            if (!running) EndSegment();
    }

    /// <summary>Waits until what was queued is written.</summary>
    public Task DrainAsync()
    {
        lock (gate) return run;
    }

    async Task RunAsync()
    {
        while (true)
        {
            List<Pending> group;
            lock (gate)
            {
                if (waiting.Count == 0)
                {
                    running = false;
                    return;
                }
                group = Take();
            }
            await WriteAsync(group);
        }
    }

    List<Pending> Take()
    {
        var (count, bytes) = (0, 0);
        while (count < waiting.Count && (count == 0 || bytes + waiting[count].Line.Length <= LargestGroup)) bytes += waiting[count++].Line.Length;
        var group = waiting.GetRange(0, count);
        waiting.RemoveRange(0, count);
        return group;
    }

    // Until it is written: what the store does not take now it takes later, and meanwhile more waits, up to the bound.
    async Task WriteAsync(List<Pending> group)
    {
        var member = ArchiveMember.Pack(group.Select(pending => (ReadOnlyMemory<byte>)pending.Line))!;
        for (var attempt = 0; ; attempt++)
        {
            var name = SegmentFor(member.Length);
            try
            {
                await store.AppendAsync(name, offset, member);
                break;
            }
            catch (SegmentClosedException)
            {
                EndSegment();
            }
            catch (Exception failure)
            {
                if (attempt is 0 or 10) LogDelayed(failure, group.Count, folder);
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(5_000, 20 << Math.Min(attempt, 8))), time);
            }
        }
        var at = offset;
        offset += member.Length;
        lock (gate)
            foreach (var pending in group) bytesWaiting -= pending.Line.Length;
        for (var i = 0; i < group.Count; i++) group[i].Done.TrySetResult(ArchiveNames.Id(segment!, at, i));
    }

    string SegmentFor(int length)
    {
        var now = time.GetUtcNow();
        if (segment is not null && (ending || offset + length > LargestSegment || now - startedAt > ArchiveNames.LongestOpen || now.UtcDateTime.Date != startedAt.UtcDateTime.Date)) EndSegment();
        if (segment is not null) return segment;
        (startedAt, offset) = (now, 0);
        return segment = ArchiveNames.Segment(folder, now, BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4)));
    }

    void EndSegment()
    {
        if (segment is not null) store.Close(segment);
        (segment, ending) = (null, false);
    }

    [LoggerMessage(EventId = 4001, Level = LogLevel.Error, Message = "{Messages} messages of {Folder} wait for the inbound archive, which does not take them")]
    partial void LogDelayed(Exception failure, int messages, string folder);
}
