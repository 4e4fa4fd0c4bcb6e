using System.Buffers;
using System.Globalization;
using System.Text;
using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Cosmos.Gateway;

/// <summary>Create, upsert, read, replace, patch and delete of one item.</summary>
internal sealed class ItemRoutes(CosmosStore store)
{
    public const string Charge = "1";

    public ValueTask<CosmosResponse> AnswerAsync(CosmosRequest request, Container container, string id) => request.Method switch
    {
        "GET" => ReadAsync(request, container, id),
        "PUT" => WriteAsync(request, container, OperationKind.Replace, id),
        "PATCH" => WriteAsync(request, container, OperationKind.Patch, id),
        "DELETE" => WriteAsync(request, container, OperationKind.Delete, id),
        _ => throw CosmosError.BadRequest($"{request.Method} of an item is not supported here."),
    };

    public ValueTask<CosmosResponse> CreateAsync(CosmosRequest request, Container container) =>
        WriteAsync(request, container, request.Flag("x-ms-documentdb-is-upsert") ? OperationKind.Upsert : OperationKind.Create, null);

    /// <summary>The partition key header, whole; point operations and batches need it.</summary>
    /// <exception cref="CosmosError">400 when it is missing, or has too few components.</exception>
    public static PartitionKey Key(CosmosRequest request, Container container)
    {
        var header = request.Header("x-ms-documentdb-partitionkey")
            ?? throw CosmosError.BadRequest("PartitionKey value must be supplied for this operation.");
        var key = PartitionKey.Parse(header, container.Definition);
        return key.Count == container.Definition.Paths.Length ? key
            : throw CosmosError.KeyMismatch($"The partition key has {key.Count} components; container '{container.Id}' has {container.Definition.Paths.Length}.");
    }

    /// <summary>Checks an operation and makes it ready for the writer.</summary>
    /// <exception cref="CosmosError">400 or 413, saying what is wrong with it.</exception>
    public static Operation Prepare(OperationKind kind, Container container, PartitionKey key, string? id, ReadOnlyMemory<byte> body, string? ifMatch, string? ifNoneMatch)
    {
        switch (kind)
        {
            case OperationKind.Create or OperationKind.Upsert or OperationKind.Replace:
                var item = ItemReader.Read(body, container.Definition, key, id);
                return new Operation(kind, item.Key) { Body = item.Body, Ttl = item.Ttl, Indexed = item.Indexed, IfMatch = kind == OperationKind.Create ? Operation.None : Condition(ifMatch) };
            case OperationKind.Patch:
                return new Operation(kind, RowKey(key, id)) { Patch = PatchRequest.Parse(body), PartitionKey = key, IfMatch = Condition(ifMatch) };
            case OperationKind.Read:
                return new Operation(kind, RowKey(key, id)) { IfNoneMatch = Condition(ifNoneMatch) };
            case OperationKind.Delete:
                return new Operation(kind, RowKey(key, id)) { IfMatch = Condition(ifMatch) };
            default:
                throw CosmosError.BadRequest($"The operation type {kind} is not supported here.");
        }
    }

    /// <summary>The item an operation left, whole, with its system properties.</summary>
    public static ReadOnlyMemory<byte> Whole(Container container, Operation operation)
    {
        var output = new ArrayBufferWriter<byte>(operation.Body.Length + 300);
        ItemJson.Write(output, container, operation.Lsn, operation.Rid, operation.Ts, operation.Body.Span);
        return output.WrittenMemory;
    }

    private static byte[] RowKey(PartitionKey key, string? id)
    {
        if (string.IsNullOrEmpty(id))
        {
            throw CosmosError.BadRequest("The item id is missing.");
        }

        var rowKey = new byte[key.Effective.Length + Encoding.UTF8.GetByteCount(id)];
        key.Effective.CopyTo(rowKey, 0);
        Encoding.UTF8.GetBytes(id, rowKey.AsSpan(key.Effective.Length));
        return rowKey;
    }

    private static long Condition(string? etag) => etag switch
    {
        null or "" => Operation.None,
        "*" => Operation.Any,
        _ => ItemJson.Lsn(etag),
    };

    private async ValueTask<CosmosResponse> WriteAsync(CosmosRequest request, Container container, OperationKind kind, string? id)
    {
        var operation = Prepare(kind, container, Key(request, container), id, request.Body, request.Header("If-Match"), null);
        await store.ExecuteAsync(container, [operation]).ConfigureAwait(false);
        if (operation.Failed)
        {
            return Stamp(CosmosResponse.Error(operation.Status, operation.SubStatus, operation.Error!), container, operation.Key);
        }

        if (kind == OperationKind.Delete)
        {
            return Stamp(new CosmosResponse(204), container, operation.Key);
        }

        var body = request.Header("Prefer") == "return=minimal" ? default : Whole(container, operation);
        return Stamp(new CosmosResponse(operation.Status, body) { ETag = ItemJson.ETag(operation.Lsn) }, container, operation.Key);
    }

    private async ValueTask<CosmosResponse> ReadAsync(CosmosRequest request, Container container, string id)
    {
        var key = RowKey(Key(request, container), id);
        var ifNoneMatch = Condition(request.Header("If-None-Match"));
        var found = await store.ReadAsync((container, key, store.Now), Read).ConfigureAwait(false);
        if (found is not { } item)
        {
            return Stamp(CosmosResponse.Error(404, 0, "Entity with the specified id does not exist in the system."), container, key);
        }

        var etag = ItemJson.ETag(item.Lsn);
        return Stamp(ifNoneMatch == item.Lsn || ifNoneMatch == Operation.Any
            ? new CosmosResponse(304) { ETag = etag }
            : new CosmosResponse(200, item.Whole) { ETag = etag }, container, key);
    }

    private static (long Lsn, ReadOnlyMemory<byte> Whole)? Read(Connection connection, (Container Container, byte[] Key, long Now) what)
    {
        if (what.Container.Dropped)
        {
            throw CosmosError.NotFound("The container was deleted.");
        }

        var get = connection.Kept(what.Container.Statements.Get);
        get.Bind(1, what.Key);
        if (!get.Step())
        {
            return null;
        }

        try
        {
            if (!get.IsNull(3) && get.Long(3) <= what.Now)
            {
                return null;
            }

            var body = get.Bytes(4);
            var output = new ArrayBufferWriter<byte>(body.Length + 300);
            ItemJson.Write(output, what.Container, get.Long(0), get.Long(1), get.Long(2), body);
            return (get.Long(0), output.WrittenMemory);
        }
        finally
        {
            get.Reset();
        }
    }

    private CosmosResponse Stamp(CosmosResponse response, Container container, byte[] key)
    {
        var range = Scope.RangeOf(key, store.Options.PartitionRanges);
        return response.With("x-ms-request-charge", Charge)
            .With("x-ms-session-token", string.Create(CultureInfo.InvariantCulture, $"{range}:-1#{container.Lsn}"));
    }
}
