using System.Net;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Selvedge.Inbound;

/// <summary>The archive in a container of Azure Storage: segments are append blobs, each append one block, so that none is seen in part.</summary>
public sealed class BlobArchive(BlobContainerClient container) : ArchiveStore
{
    /// <summary>An append is waited for no longer than this; then it is made again.</summary>
    public static BlobClientOptions Options => new() { Retry = { MaxRetries = 2, NetworkTimeout = TimeSpan.FromSeconds(10), Delay = TimeSpan.FromMilliseconds(200) } };

    // An append blob takes 50,000 blocks; a segment of 8 MB in blocks of a few messages stays below.
    const int MostBlocks = 49_000;

    volatile bool exists;

    public override async Task AppendAsync(string name, long offset, ReadOnlyMemory<byte> bytes)
    {
        await EnsureAsync();
        var blob = container.GetAppendBlobClient(name);
        try
        {
            if (offset == 0) await blob.CreateIfNotExistsAsync();
            var answer = await blob.AppendBlockAsync(new MemoryStream(bytes.ToArray(), writable: false), new AppendBlobAppendBlockOptions { Conditions = new() { IfAppendPositionEqual = offset } });
            if (answer.Value.BlobCommittedBlockCount >= MostBlocks) throw new SegmentClosedException(name);
        }
        catch (RequestFailedException refused) when (refused.Status is (int)HttpStatusCode.PreconditionFailed)
        {
            // Written already, and the answer was lost: nobody else writes to this blob. Anything else: it goes on in another one.
            if ((await blob.GetPropertiesAsync()).Value.ContentLength != offset + bytes.Length) throw new SegmentClosedException(name);
        }
        catch (RequestFailedException refused) when (refused.Status is (int)HttpStatusCode.Conflict or (int)HttpStatusCode.NotFound)
        {
            throw new SegmentClosedException(name);
        }
    }

    // Over a segment this makes a block blob of it: it is complete, and nobody adds to it any more.
    public override async Task PutAsync(string name, ReadOnlyMemory<byte> bytes)
    {
        await EnsureAsync();
        await container.GetBlobClient(name).UploadAsync(new BinaryData(bytes), overwrite: true);
    }

    // What another instance adds meanwhile changes the ETag; what it adds afterwards meets a block blob, and goes on in a segment of its own.
    public override async Task RewriteAsync(string name, Func<byte[], byte[]?> change)
    {
        var blob = container.GetBlobClient(name);
        while (true)
        {
            try
            {
                var read = (await blob.DownloadContentAsync()).Value;
                if (change(read.Content.ToArray()) is { } changed) await blob.UploadAsync(new BinaryData(changed), new BlobUploadOptions { Conditions = new() { IfMatch = read.Details.ETag } });
                return;
            }
            catch (RequestFailedException missing) when (missing.Status == (int)HttpStatusCode.NotFound)
            {
                return;
            }
            catch (RequestFailedException changed) when (changed.Status == (int)HttpStatusCode.PreconditionFailed) { }
        }
    }

    public override async Task<byte[]?> ReadAsync(string name, long offset = 0, int count = int.MaxValue)
    {
        try
        {
            var range = offset == 0 && count == int.MaxValue ? default : new HttpRange(offset, count);
            return (await container.GetBlobClient(name).DownloadContentAsync(new BlobDownloadOptions { Range = range })).Value.Content.ToArray();
        }
        catch (RequestFailedException missing) when (missing.Status == (int)HttpStatusCode.NotFound)
        {
            return null;
        }
        catch (RequestFailedException beyond) when (beyond.Status == (int)HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            return [];
        }
    }

    public override async Task<IReadOnlyList<string>> ListAsync(string folder)
    {
        await EnsureAsync();
        var names = new List<string>();
        await foreach (var item in container.GetBlobsByHierarchyAsync(new GetBlobsByHierarchyOptions { Prefix = folder, Delimiter = "/" }))
            if (item.IsBlob) names.Add(item.Blob.Name);
        return names;
    }

    public override async Task<IReadOnlyList<string>> FoldersAsync(string folder)
    {
        await EnsureAsync();
        var names = new List<string>();
        await foreach (var item in container.GetBlobsByHierarchyAsync(new GetBlobsByHierarchyOptions { Prefix = folder.Length == 0 ? null : folder, Delimiter = "/" }))
            if (item.IsPrefix) names.Add(item.Prefix[folder.Length..].TrimEnd('/'));
        return names;
    }

    public override Task DeleteAsync(string name) => container.DeleteBlobIfExistsAsync(name, DeleteSnapshotsOption.IncludeSnapshots);

    async Task EnsureAsync()
    {
        if (exists) return;
        await container.CreateIfNotExistsAsync();
        exists = true;
    }
}
