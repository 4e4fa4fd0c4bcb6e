using System.Collections.Concurrent;

namespace Selvedge.Local.Cosmos.Storage;

/// <summary>Read-only connections. Each sees all that was committed before it began to read, and never waits for the writer.</summary>
internal sealed class ReaderPool(string path, CosmosStoreOptions options, Action<SqliteFailure> fatal) : IDisposable
{
    private readonly ConcurrentStack<Connection> _idle = new();
    private readonly SemaphoreSlim _free = new(options.Readers);
    private bool _closed;

    /// <summary>Lends a connection to <paramref name="read"/>; waits while all are lent.</summary>
    /// <exception cref="CosmosError">500 when the file is damaged (and the store is told), 503 when it is being closed.</exception>
    public async ValueTask<TResult> ReadAsync<TState, TResult>(TState state, Func<Connection, TState, TResult> read)
    {
        if (!_free.Wait(0))
        {
            await _free.WaitAsync().ConfigureAwait(false);
        }

        try
        {
            return Read(state, read);
        }
        finally
        {
            _free.Release();
        }
    }

    private TResult Read<TState, TResult>(TState state, Func<Connection, TState, TResult> read)
    {
        Connection? connection = null;
        try
        {
            if (Volatile.Read(ref _closed))
            {
                throw new CosmosError(503, "The store is closed.");
            }

            if (!_idle.TryPop(out connection))
            {
                connection = StoreFile.OpenReader(path, options);
            }

            var result = read(connection, state);
            _idle.Push(connection);
            return result;
        }
        catch (SqliteFailure failure)
        {
            connection?.Dispose();
            if (StoreFile.IsFatal(failure))
            {
                fatal(failure);
            }

            throw failure.Reason.StartsWith("no such table", StringComparison.Ordinal)
                ? CosmosError.NotFound("The container was deleted.")
                : new CosmosError(failure.Primary is 5 or 6 ? 503 : 500, StoreFile.Explain(failure, path).Message);
        }
        catch
        {
            connection?.Dispose();
            throw;
        }
    }

    /// <summary>Waits for reads under way, then closes all connections.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _closed, true);
        for (var i = 0; i < options.Readers; i++)
        {
            _free.Wait();
        }

        while (_idle.TryPop(out var connection))
        {
            connection.Dispose();
        }

        _free.Release(options.Readers);
    }
}
