namespace Selvedge.Inbound;

/// <summary>
/// Where the archive's objects are: names with '/' between folders. Two kinds: a folder of this machine (<see cref="FolderArchive"/>) and a container
/// of Azure Storage (<see cref="BlobArchive"/>). Each call may be made again when its answer was lost.
/// </summary>
public abstract class ArchiveStore
{
    /// <summary>Adds <paramref name="bytes"/> to an object whose length is <paramref name="offset"/> (0: makes it). Durable when it returns. One writer per object.</summary>
    /// <exception cref="SegmentClosedException">The object is not as this writer left it: it must go on in another one.</exception>
    public abstract Task AppendAsync(string name, long offset, ReadOnlyMemory<byte> bytes);

    /// <summary>Writes a whole object, over the one of that name if there is one. Nobody sees a part of it.</summary>
    public abstract Task PutAsync(string name, ReadOnlyMemory<byte> bytes);

    /// <summary>At most <paramref name="count"/> bytes from <paramref name="offset"/>, fewer at the object's end; null when there is no such object.</summary>
    public abstract Task<byte[]?> ReadAsync(string name, long offset = 0, int count = int.MaxValue);

    /// <summary>The names of the objects in a folder (<c>a/b/</c>), in ordinal order.</summary>
    public abstract Task<IReadOnlyList<string>> ListAsync(string folder);

    /// <summary>The folders in a folder (<c>""</c>: the top), by their own names without '/', in ordinal order.</summary>
    public abstract Task<IReadOnlyList<string>> FoldersAsync(string folder);

    /// <summary>Rewrites a whole object as <paramref name="change"/> makes it (null: it stays). Nobody sees a part of it, and nothing that was added meanwhile is lost.</summary>
    public abstract Task RewriteAsync(string name, Func<byte[], byte[]?> change);

    /// <summary>Deletes an object, if it is there.</summary>
    public abstract Task DeleteAsync(string name);

    /// <summary>The writer is done with an object.</summary>
    public virtual void Close(string name) { }
}

/// <summary>The object cannot be added to any more.</summary>
public sealed class SegmentClosedException(string name) : IOException($"Segment {name} is not as its writer left it.");
