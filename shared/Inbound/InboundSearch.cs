using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Selvedge.Platform;

namespace Selvedge.Inbound;

/// <summary>Which messages are asked for; what is null does not matter.</summary>
public sealed record InboundFilter(string? Channel = null, string? Topic = null, DateTimeOffset? From = null, DateTimeOffset? To = null, string? Order = null, InboundVerdict? Verdict = null)
{
    internal bool Takes(InboundRecord record) =>
        (Channel is null || record.Channel == Channel) && (Topic is null || record.Topic == Topic) && (Order is null || record.Order == Order)
        && (Verdict is null || record.Verdict == Verdict) && (From is null || record.At >= From) && (To is null || record.At < To);
}

/// <summary>
/// Finds messages again. There is no index: a segment's name says when its messages arrived, an id says where its message is, and what is left to look
/// at is read. So a search is as quick as it is narrow in time and channel.
/// </summary>
public sealed class InboundSearch(ArchiveStore store)
{
    /// <summary>Compressed bytes read for one page; then it ends, with or without items.</summary>
    const int MostRead = 32 << 20;

    /// <summary>A page, by time of arrival; the latest first, or the earliest with <paramref name="oldestFirst"/>. Bodies are with them: who shows them decides.</summary>
    /// <exception cref="ProblemException">400: the continuation is not one of this list.</exception>
    public async Task<Page<InboundRecord>> ListAsync(InboundFilter filter, int limit, string? continuation, bool oldestFirst = false)
    {
        var after = continuation is null ? ((DateTimeOffset At, string Id)?)null : Decode(continuation);
        var segments = await SegmentsAsync(filter, after?.At, oldestFirst);
        var order = Comparer<(DateTimeOffset At, string Id)>.Create((a, b) => (oldestFirst ? 1 : -1) * (a.At != b.At ? a.At.CompareTo(b.At) : string.CompareOrdinal(a.Id, b.Id)));
        var ready = new PriorityQueue<InboundRecord, (DateTimeOffset At, string Id)>(order);
        var found = new List<InboundRecord>();
        var (next, read) = (0, 0L);
        (DateTimeOffset At, string Id)? last = null;
        while (true)
        {
            // What is still unread may hold something that comes before the first of what is read: segments overlap.
            while (next < segments.Count && (ready.Count == 0 || MayPrecede(segments[next].Start, ready.Peek().At, oldestFirst)))
            {
                if (read > MostRead && last is not null) return new(found, Encode(last.Value));
                var (name, bytes) = (segments[next].Name, await store.ReadAsync(segments[next].Name));
                next++;
                read += bytes?.Length ?? 0;
                foreach (var record in Records(name, bytes))
                    if (after is not { } position || order.Compare((record.At, record.Id), position) > 0) ready.Enqueue(record, (record.At, record.Id));
            }
            if (!ready.TryDequeue(out var first, out var at)) return new(found, null);
            last = at;
            if (!filter.Takes(first)) continue;
            found.Add(first);
            if (found.Count == limit) return new(found, ready.Count == 0 && next == segments.Count ? null : Encode(at));
        }
    }

    /// <summary>The message with this id, or null.</summary>
    public async Task<InboundRecord?> FindAsync(string id)
    {
        if (ArchiveNames.Parse(id) is not { } place) return null;
        var bytes = await store.ReadAsync(place.Segment, place.Offset, 64 * 1024);
        if (bytes is null) return null;
        var length = ArchiveMember.LengthOf(bytes);
        if (length > bytes.Length) bytes = await store.ReadAsync(place.Segment, place.Offset, length);
        if (length == 0 || bytes is null || bytes.Length < length || ArchiveMember.Unpack(bytes, 0, length) is not { } lines || place.Line >= lines.Count) return null;
        return ReadLine(lines[place.Line]) is { } record ? record with { Id = id } : null;
    }

    /// <summary>The message's raw bytes, as they were received; null when they were erased.</summary>
    public async Task<byte[]?> BytesAsync(InboundRecord record) =>
        record.File is { } file ? await store.ReadAsync(file) is { } packed ? ArchiveMember.Decompress(packed) : null : record.BytesOf();

    /// <summary>A segment's messages in the order in which they were written. What a crash cut off, or a disk spoilt, is passed over.</summary>
    internal static IEnumerable<InboundRecord> Records(string segment, byte[]? bytes)
    {
        for (var at = 0; bytes is not null && ArchiveMember.LengthOf(bytes.AsSpan(at)) is > 0 and var length && length <= bytes.Length - at; at += length)
        {
            if (ArchiveMember.Unpack(bytes, at, length) is not { } lines) continue;
            for (var line = 0; line < lines.Count; line++)
                if (ReadLine(lines[line]) is { } record) yield return record with { Id = ArchiveNames.Id(segment, at, line) };
        }
    }

    internal static InboundRecord? ReadLine(byte[] line)
    {
        try { return InboundRecord.FromLine(line); }
        catch (JsonException) { return null; }
    }

    static bool MayPrecede(DateTimeOffset start, DateTimeOffset first, bool oldestFirst) =>
        oldestFirst ? start - ArchiveNames.Slack <= first : start + ArchiveNames.LongestOpen + ArchiveNames.Slack >= first;

    async Task<List<(string Name, DateTimeOffset Start)>> SegmentsAsync(InboundFilter filter, DateTimeOffset? after, bool oldestFirst)
    {
        var (from, to) = oldestFirst ? (Later(filter.From, after), filter.To) : (filter.From, Earlier(filter.To, after));
        var folders = filter.Channel is { } channel ? [ArchiveNames.FolderOf(channel)] : filter.Order is { } order ? [ArchiveNames.FolderOfOrder(order)] : await store.FoldersAsync("");
        var segments = new List<(string Name, DateTimeOffset Start)>();
        foreach (var folder in folders)
            foreach (var day in await store.FoldersAsync(folder + "/"))
            {
                if (ArchiveNames.DayOf(day) is not { } date || !IsWithin(new DateTimeOffset(date, TimeOnly.MinValue, TimeSpan.Zero), TimeSpan.FromDays(1))) continue;
                foreach (var name in await store.ListAsync($"{folder}/{day}/"))
                    if (ArchiveNames.StartOf(name) is { } start && IsWithin(start, TimeSpan.Zero)) segments.Add((name, start));
            }
        segments.Sort((a, b) => (oldestFirst ? 1 : -1) * a.Start.CompareTo(b.Start));
        return segments;

        bool IsWithin(DateTimeOffset start, TimeSpan length) =>
            (from is null || start + length + ArchiveNames.LongestOpen + ArchiveNames.Slack >= from) && (to is null || start - ArchiveNames.Slack <= to);
    }

    static DateTimeOffset? Later(DateTimeOffset? a, DateTimeOffset? b) => a is null || b > a ? b ?? a : a;
    static DateTimeOffset? Earlier(DateTimeOffset? a, DateTimeOffset? b) => a is null || b < a ? b ?? a : a;

    static string Encode((DateTimeOffset At, string Id) position) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{position.At.UtcTicks} {position.Id}")));

    static (DateTimeOffset, string) Decode(string continuation)
    {
        try
        {
            var parts = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(continuation)).Split(' ', 2);
            if (parts.Length == 2 && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var ticks) && ticks <= DateTime.MaxValue.Ticks) return (new(ticks, TimeSpan.Zero), parts[1]);
        }
        catch (FormatException) { }
        throw ProblemException.Invalid("'continuation' is not one that this list gave. Leave it out to start over.", [new { parameter = "continuation", detail = "not a continuation of this list" }]);
    }
}
