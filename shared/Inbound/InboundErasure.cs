using System.Text;

namespace Selvedge.Inbound;

/// <summary>
/// Takes a person out of the archive: the messages about their orders, and those that name them, lose headers and body. When they came, what was made of
/// them and their ids stay. A member keeps its length, so that everything else stays where it is.
/// </summary>
public sealed class InboundErasure(ArchiveStore store, InboundArchive archive, TimeProvider time)
{
    /// <summary>Erases; the same again finds nothing left to erase. To be called where a person is erased, after <c>people</c> was.</summary>
    /// <param name="orders">Ids of the person's orders.</param>
    /// <param name="traces">What names the person in a message that led to no order, e.g. the e-mail address; whatever its case. At least six characters
    /// each. With any, the whole archive is read.</param>
    /// <param name="cancel">Ends it between two segments; what was erased is.</param>
    /// <returns>How many messages were emptied.</returns>
    public async Task<int> EraseAsync(IReadOnlyCollection<string> orders, IReadOnlyCollection<string> traces, CancellationToken cancel = default)
    {
        if (traces.Any(trace => trace.Trim().Length < 6)) throw new ArgumentException("A trace of a person has at least six characters: a shorter one would erase others too.", nameof(traces));
        var about = orders.ToHashSet(StringComparer.Ordinal);
        var erased = 0;
        var folders = traces.Count > 0 ? await store.FoldersAsync("") : [.. orders.Select(ArchiveNames.FolderOfOrder).Distinct()];
        foreach (var folder in folders)
        {
            await archive.SealAsync(folder);
            foreach (var day in await store.FoldersAsync(folder + "/"))
                foreach (var segment in await store.ListAsync($"{folder}/{day}/"))
                {
                    cancel.ThrowIfCancellationRequested();
                    if (ArchiveNames.StartOf(segment) is null) continue;
                    var files = new List<string>();
                    var count = 0;
                    await store.RewriteAsync(segment, bytes =>
                    {
                        (count, var rewritten) = Rewrite(bytes, Names, files);
                        return count > 0 ? rewritten : null;
                    });
                    foreach (var file in files) await store.DeleteAsync(file);
                    erased += count;
                }
        }
        return erased;

        bool Names(InboundRecord record) => record is { ErasedAt: null }
            && ((record.Order is { } order && about.Contains(order)) || (traces.Count > 0 && record.BytesOf() is { } body && traces.Any(trace => Encoding.UTF8.GetString(body).Contains(trace.Trim(), StringComparison.OrdinalIgnoreCase))));
    }

    (int Count, byte[] Segment) Rewrite(byte[] segment, Func<InboundRecord, bool> names, List<string> files)
    {
        var (count, rewritten) = (0, (byte[])segment.Clone());
        for (var at = 0; ArchiveMember.LengthOf(segment.AsSpan(at)) is > 0 and var length && length <= segment.Length - at; at += length)
        {
            if (ArchiveMember.Unpack(segment, at, length) is not { } lines) continue;
            var hits = new List<(int Line, InboundRecord Record)>();
            for (var line = 0; line < lines.Count; line++)
                if (InboundSearch.ReadLine(lines[line]) is { } record && names(record)) hits.Add((line, record));
            if (hits.Count == 0) continue;
            count += hits.Count;
            foreach (var (line, record) in hits)
            {
                lines[line] = record.Erased(time.GetUtcNow()).ToLine();
                if (record.File is { } file) files.Add(file);
            }
            var member = Pack(lines, length);
            if (member is null)
            {
                // So short that even saying that it was erased is longer: the line is left empty.
                foreach (var (line, _) in hits) lines[line] = [];
                member = Pack(lines, length) ?? throw new InvalidOperationException("A member with fewer lines does not fit where it was.");
            }
            member.CopyTo(rewritten, at);
        }
        return (count, rewritten);
    }

    static byte[]? Pack(List<byte[]> lines, int length) => ArchiveMember.Pack(lines.Select(line => (ReadOnlyMemory<byte>)line), length);
}
