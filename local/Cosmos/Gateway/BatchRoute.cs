using System.Buffers;
using System.Globalization;

namespace Selvedge.Local.Cosmos.Gateway;

/// <summary>Transactional batches: up to 100 operations and 2 MB on one partition, all or none.</summary>
internal sealed class BatchRoute(CosmosStore store)
{
    private const int MaxOperations = 100;

    public async ValueTask<CosmosResponse> AnswerAsync(CosmosRequest request, Container container)
    {
        if (!request.Flag("x-ms-cosmos-batch-atomic"))
        {
            throw CosmosError.BadRequest("Bulk execution (a batch that is not atomic) is not supported here; set AllowBulkExecution to false.");
        }

        if (request.Body.Length > ItemReader.MaxBytes)
        {
            throw new CosmosError(413, $"The batch has {request.Body.Length} bytes; the limit is {ItemReader.MaxBytes}.");
        }

        var key = ItemRoutes.Key(request, container);
        var rows = RecordIo.Read(request.Body);
        if (rows.Count is 0 or > MaxOperations)
        {
            throw CosmosError.BadRequest($"Batch request has {rows.Count} operations; 1 to {MaxOperations} are supported.");
        }

        var operations = new Operation[rows.Count];
        for (var i = 0; i < operations.Length; i++)
        {
            try
            {
                var row = rows[i];
                operations[i] = ItemRoutes.Prepare((OperationKind)row.Kind, container, key, row.Id, row.Body, row.IfMatch, row.IfNoneMatch);
            }
            catch (CosmosError error)
            {
                return Refused(rows.Count, i, error, container, key);
            }
        }

        Operation.Link(operations);
        await store.ExecuteAsync(container, operations).ConfigureAwait(false);
        return Answer(container, key, rows, operations);
    }

    private CosmosResponse Answer(Container container, PartitionKey key, List<BatchOperation> rows, Operation[] operations)
    {
        var output = new ArrayBufferWriter<byte>(256 + (64 * operations.Length));
        RecordIo.WriteSegment(output);
        var failed = false;
        for (var i = 0; i < operations.Length; i++)
        {
            var operation = operations[i];
            failed |= operation.Failed;
            var body = operation.Error is { } error ? CosmosResponse.ErrorBody(operation.Status, error)
                : operation.Failed || operation.Lsn == 0 || operation.Status == 304 || (rows[i].Minimal && operation.Kind != OperationKind.Read) ? default
                : ItemRoutes.Whole(container, operation);
            var etag = operation.Failed || operation.Lsn == 0 ? null : ItemJson.ETag(operation.Lsn);
            RecordIo.WriteResult(output, operation.Status, operation.SubStatus, etag, body.Span, 1);
        }

        return Stamp(new CosmosResponse(failed ? 207 : 200, output.WrittenMemory) { ContentType = "application/octet-stream" }, container, key);
    }

    private CosmosResponse Refused(int count, int culprit, CosmosError error, Container container, PartitionKey key)
    {
        var output = new ArrayBufferWriter<byte>(1024);
        RecordIo.WriteSegment(output);
        for (var i = 0; i < count; i++)
        {
            if (i == culprit)
            {
                RecordIo.WriteResult(output, error.Status, error.SubStatus, null, CosmosResponse.ErrorBody(error.Status, error.Message), 1);
            }
            else
            {
                RecordIo.WriteResult(output, 424, 0, null, default, 0);
            }
        }

        return Stamp(new CosmosResponse(207, output.WrittenMemory) { ContentType = "application/octet-stream" }, container, key);
    }

    private CosmosResponse Stamp(CosmosResponse response, Container container, PartitionKey key)
    {
        var range = Scope.RangeOf(key.Effective, store.Options.PartitionRanges);
        return response.With("x-ms-request-charge", ItemRoutes.Charge)
            .With("x-ms-session-token", string.Create(CultureInfo.InvariantCulture, $"{range}:-1#{container.Lsn}"));
    }
}
