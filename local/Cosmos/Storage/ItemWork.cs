namespace Selvedge.Local.Cosmos.Storage;

/// <summary>
/// One operation or a batch on one partition. Everything is decided first, from the key index, and written only when all of it
/// succeeds, so that a refused batch leaves nothing to roll back. A patch is made here, on the version it is judged against.
/// </summary>
internal sealed class ItemWork(Container container, Operation[] operations) : Work
{
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RowState[] _after = new RowState[operations.Length];

    /// <summary>Ends when the outcome of every operation is durable.</summary>
    public Task Completion => _completion.Task;

    public override int Weight { get; } = 512 * operations.Length + operations.Sum(operation => operation.Body.Length);

    public override void Execute(Connection connection, long now)
    {
        var lsn = container.PendingLsn;
        for (var i = 0; i < operations.Length; i++)
        {
            var operation = operations[i];
            var before = operation.Previous >= 0 ? _after[operation.Previous] : Find(connection, operation.Key);
            if (container.Dropped)
            {
                operation.Fail(404, "The container was deleted.");
            }
            else
            {
                _after[i] = Decide(connection, operation, before, ref lsn, now);
            }

            if (operation.Failed)
            {
                FailOthers(i);
                return;
            }
        }

        container.PendingLsn = lsn;
        for (var i = 0; i < operations.Length; i++)
        {
            Write(connection, operations[i], _after[i]);
        }
    }

    public override void Committed()
    {
        container.Lsn = Math.Max(container.Lsn, container.PendingLsn);
        _completion.TrySetResult();
    }

    public override void Failed(Exception reason) => _completion.TrySetException(reason);

    private RowState Find(Connection connection, byte[] key)
    {
        if (container.Dropped)
        {
            return default;
        }

        var find = connection.Kept(container.Statements.Find);
        find.Bind(1, key);
        if (!find.Step())
        {
            return default;
        }

        var state = new RowState(find.Long(0), find.Long(1), find.Long(2), find.IsNull(3) ? null : find.Long(3), find.Long(0), default);
        find.Reset();
        return state;
    }

    private RowState Decide(Connection connection, Operation operation, RowState before, ref long lsn, long now)
    {
        var exists = before.Lsn != 0 && !(before.Expires <= now);
        switch (operation.Kind)
        {
            case OperationKind.Create when exists:
                operation.Fail(409, "Entity with the specified id already exists in the system.");
                return before;
            case OperationKind.Upsert when !exists && operation.IfMatch == Operation.None:
            case OperationKind.Create:
                operation.Succeed(201);
                operation.Rid = ++lsn;
                return After(operation, before, lsn, now);
        }

        if (!exists)
        {
            operation.Fail(operation.Kind == OperationKind.Upsert ? 412 : 404, operation.Kind == OperationKind.Upsert
                ? "One of the specified pre-condition is not met: there is no such item."
                : "Entity with the specified id does not exist in the system.");
            return before;
        }

        operation.Rid = before.Rid;
        if (operation.IfMatch != Operation.None && operation.IfMatch != Operation.Any && operation.IfMatch != before.Lsn)
        {
            operation.Fail(412, "One of the specified pre-condition is not met: the item has another ETag.");
            return before;
        }

        switch (operation.Kind)
        {
            case OperationKind.Read:
                (operation.Lsn, operation.Ts) = (before.Lsn, before.Ts);
                operation.Succeed(operation.IfNoneMatch == before.Lsn || operation.IfNoneMatch == Operation.Any ? 304 : 200);
                operation.Body = BodyOf(connection, before);
                return before with { Body = operation.Body };
            case OperationKind.Delete:
                operation.Succeed(204);
                lsn++;
                return new RowState(0, 0, 0, null, before.StoredLsn, default);
            case OperationKind.Patch when !Patch(connection, operation, before):
                return before;
            default:
                operation.Succeed(200);
                return After(operation, before, ++lsn, now);
        }
    }

    private RowState After(Operation operation, RowState before, long lsn, long now)
    {
        (operation.Lsn, operation.Ts) = (lsn, now);
        var ttl = container.Definition.DefaultTtl is { } fallback ? operation.Ttl ?? fallback : -1;
        return new RowState(lsn, operation.Rid, now, ttl > 0 ? now + ttl : null, before.StoredLsn, operation.Body);
    }

    private bool Patch(Connection connection, Operation operation, RowState before)
    {
        try
        {
            var body = BodyOf(connection, before);
            if (operation.Patch!.Condition is { } condition)
            {
                var whole = new System.Buffers.ArrayBufferWriter<byte>();
                ItemJson.Write(whole, container, before.Lsn, before.Rid, before.Ts, body.Span);
                if (!Sql.SqlExecutor.Holds(condition, whole.WrittenSpan))
                {
                    operation.Fail(412, "One of the specified pre-condition is not met: the patch condition is false.");
                    return false;
                }
            }

            var item = ItemReader.Read(operation.Patch.Apply(body.Span), container.Definition, operation.PartitionKey!, null);
            (operation.Body, operation.Ttl, operation.Indexed) = (item.Body, item.Ttl, item.Indexed);
            return true;
        }
        catch (CosmosError error)
        {
            operation.Fail(error.Status, error.Message, error.SubStatus);
            return false;
        }
    }

    private ReadOnlyMemory<byte> BodyOf(Connection connection, RowState state)
    {
        if (!state.Body.IsEmpty)
        {
            return state.Body;
        }

        var read = connection.Kept(container.Statements.Body);
        read.Bind(1, state.Lsn);
        read.Step();
        var body = read.Bytes(0).ToArray();
        read.Reset();
        return body;
    }

    private void Write(Connection connection, Operation operation, RowState after)
    {
        if (operation.Kind == OperationKind.Read)
        {
            return;
        }

        var stored = operation.Previous >= 0 ? _after[operation.Previous].Lsn : after.StoredLsn;
        if (stored != 0)
        {
            connection.Kept(container.Statements.Delete).Bind(1, stored).Run();
        }

        if (after.Lsn == 0)
        {
            connection.Kept(TableStatements.SaveLsn).Bind(1, container.Number).Bind(2, container.PendingLsn).Run();
            return;
        }

        connection.Kept(container.Statements.Insert)
            .Bind(1, after.Lsn).Bind(2, operation.Key).Bind(3, after.Rid).Bind(4, after.Ts).Bind(5, after.Expires).Bind(6, operation.Indexed ? 1 : 0).BindText(7, operation.Body.Span).Run();
    }

    private void FailOthers(int failed)
    {
        for (var i = 0; i < operations.Length; i++)
        {
            if (i != failed)
            {
                operations[i].Fail(424, null);
            }
        }
    }

    /// <summary>
    /// A row as an operation leaves it: <paramref name="Lsn"/> 0 when it is gone; <paramref name="StoredLsn"/> is the version in the table
    /// before this batch, 0 when none.
    /// </summary>
    private readonly record struct RowState(long Lsn, long Rid, long Ts, long? Expires, long StoredLsn, ReadOnlyMemory<byte> Body);
}
