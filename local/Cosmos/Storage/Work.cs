namespace Selvedge.Local.Cosmos.Storage;

/// <summary>
/// Something for the writer: decided and written inside its transaction, answered only after the commit reached the disk.
/// </summary>
internal abstract class Work
{
    /// <summary>Roughly the bytes it holds in memory while it waits.</summary>
    public virtual int Weight => 512;

    /// <summary>What comes after it goes by what it changed: a transaction takes nothing after it.</summary>
    public virtual bool EndsGroup => false;

    /// <summary>On the writer's thread, inside a transaction that other work shares. Writes nothing when it fails.</summary>
    public abstract void Execute(Connection connection, long now);

    /// <summary>The transaction is on the disk.</summary>
    public abstract void Committed();

    /// <summary>The transaction is not, and this work has not happened.</summary>
    public abstract void Failed(Exception reason);
}

/// <summary>A change of databases or containers, or housekeeping: runs under its own savepoint.</summary>
internal sealed class AdminWork<T>(Func<Connection, long, T> execute, Action<T>? committed = null) : Work
{
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T _result = default!;
    private Exception? _refused;

    public Task<T> Completion => _completion.Task;

    public override bool EndsGroup => true;

    public override void Execute(Connection connection, long now)
    {
        connection.Execute("SAVEPOINT admin");
        try
        {
            _refused = null;
            _result = execute(connection, now);
        }
        catch (CosmosError error)
        {
            _refused = error;
            connection.Execute("ROLLBACK TO admin");
        }

        connection.Execute("RELEASE admin");
    }

    public override void Committed()
    {
        if (_refused is not null)
        {
            _completion.TrySetException(_refused);
            return;
        }

        committed?.Invoke(_result);
        _completion.TrySetResult(_result);
    }

    public override void Failed(Exception reason) => _completion.TrySetException(reason);
}
