using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;

namespace Selvedge.Inbound;

/// <summary>The archive in a folder of this machine. What was appended was flushed to the disk.</summary>
public sealed class FolderArchive(string root) : ArchiveStore, IDisposable
{
    readonly ConcurrentDictionary<string, SafeFileHandle> open = new(StringComparer.Ordinal);

    public override Task AppendAsync(string name, long offset, ReadOnlyMemory<byte> bytes)
    {
        // On a thread of the pool: the flush takes milliseconds. Writing at the offset makes a second try of the same bytes harmless.
        return Task.Run(() =>
        {
            var file = open.GetOrAdd(name, static (name, archive) => archive.Open(name), this);
            RandomAccess.Write(file, bytes.Span, offset);
            RandomAccess.FlushToDisk(file);
        });
    }

    public override async Task PutAsync(string name, ReadOnlyMemory<byte> bytes)
    {
        var path = PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var whole = path + ".new";
        await using (var file = new FileStream(whole, FileMode.Create, FileAccess.Write, FileShare.None, 1))
        {
            await file.WriteAsync(bytes);
            file.Flush(flushToDisk: true);
        }
        File.Move(whole, path, overwrite: true);
    }

    public override async Task<byte[]?> ReadAsync(string name, long offset = 0, int count = int.MaxValue)
    {
        try
        {
            using var file = File.OpenHandle(PathOf(name), share: FileShare.ReadWrite | FileShare.Delete, options: FileOptions.Asynchronous);
            var bytes = new byte[Math.Max(0, Math.Min(count, RandomAccess.GetLength(file) - offset))];
            var length = 0;
            while (length < bytes.Length && await RandomAccess.ReadAsync(file, bytes.AsMemory(length), offset + length) is > 0 and var read) length += read;
            return length == bytes.Length ? bytes : bytes[..length];
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    // The folder belongs to this process, and what it still writes to was closed before (InboundErasure).
    public override async Task RewriteAsync(string name, Func<byte[], byte[]?> change)
    {
        if (await ReadAsync(name) is { } bytes && change(bytes) is { } changed) await PutAsync(name, changed);
    }

    public override Task<IReadOnlyList<string>> ListAsync(string folder)
    {
        var path = PathOf(folder);
        IReadOnlyList<string> names = Directory.Exists(path)
            ? [.. Directory.EnumerateFiles(path).Select(Path.GetFileName).Where(name => !name!.EndsWith(".new", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(name => folder + name)] : [];
        return Task.FromResult(names);
    }

    public override Task<IReadOnlyList<string>> FoldersAsync(string folder)
    {
        var path = PathOf(folder);
        IReadOnlyList<string> names = Directory.Exists(path) ? [.. Directory.EnumerateDirectories(path).Select(name => Path.GetFileName(name)!).Order(StringComparer.Ordinal)] : [];
        return Task.FromResult(names);
    }

    public override Task DeleteAsync(string name)
    {
        Close(name);
        var path = PathOf(name);
        try
        {
            File.Delete(path);
            // The day's folder with its last object; one that has others stays.
            Directory.Delete(Path.GetDirectoryName(path)!);
        }
        catch (IOException) { }
        return Task.CompletedTask;
    }

    public override void Close(string name)
    {
        if (open.TryRemove(name, out var file)) file.Dispose();
    }

    public void Dispose()
    {
        foreach (var name in open.Keys) Close(name);
    }

    SafeFileHandle Open(string name)
    {
        var path = PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);
    }

    // Names are built by ArchiveNames; one that came in with a request is checked there too.
    string PathOf(string name) => Path.Combine(root, name.Replace('/', Path.DirectorySeparatorChar));
}
