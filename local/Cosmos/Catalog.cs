using System.Collections.Concurrent;
using System.Globalization;
using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Cosmos;

/// <summary>Databases and containers, in memory and in their two tables. Found by name, or by resource id as the SDK does for ranges.</summary>
internal sealed class Catalog(Writer writer)
{
    private readonly ConcurrentDictionary<string, Database> _databases = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Database, string Container), Container> _containers = new();

    public IEnumerable<Database> Databases => _databases.Values.OrderBy(database => database.Number);

    public IEnumerable<Container> Containers => _containers.Values.OrderBy(container => container.Number);

    /// <summary>Reads what the file has, on the connection that opened it.</summary>
    public void Load(Connection connection)
    {
        using var databases = connection.Prepare("SELECT number, id, ts FROM databases");
        while (databases.Step())
        {
            var database = new Database(databases.Long(0), databases.String(1), databases.Long(2));
            _databases[database.Id] = database;
        }

        var latest = 0L;
        var byNumber = _databases.Values.ToDictionary(database => database.Number);
        using var containers = connection.Prepare("SELECT number, database, definition, ts, lsn FROM containers");
        while (containers.Step())
        {
            var definition = ContainerDefinition.Parse(containers.Bytes(2).ToArray());
            var number = containers.Long(0);
            using var highest = connection.Prepare($"SELECT lsn, ts FROM items_{number} ORDER BY lsn DESC LIMIT 1");
            var any = highest.Step();
            var lsn = Math.Max(containers.Long(4), any ? highest.Long(0) : 0);
            latest = Math.Max(latest, any ? highest.Long(1) : 0);
            Add(new Container(number, byNumber[containers.Long(1)], definition, containers.Long(3), lsn));
        }

        writer.NotBefore(latest);
    }

    /// <exception cref="CosmosError">404 when there is no such database.</exception>
    public Database Database(string name) =>
        _databases.TryGetValue(name, out var database) ? database
        : _databases.Values.FirstOrDefault(one => one.Rid == name) ?? throw CosmosError.NotFound($"There is no database '{name}'.");

    /// <exception cref="CosmosError">404 when there is no such container.</exception>
    public Container Container(string database, string name)
    {
        if (_containers.TryGetValue((database, name), out var container))
        {
            return container;
        }

        var owner = Database(database);
        return _containers.TryGetValue((owner.Id, name), out container) ? container
            : _containers.Values.FirstOrDefault(one => one.Rid == name && one.Database == owner)
                ?? throw CosmosError.NotFound($"There is no container '{name}' in database '{owner.Id}'.");
    }

    public Task<Database> CreateDatabaseAsync(string id)
    {
        ItemId.CheckResourceName(id);
        return Run((connection, now) =>
        {
            if (_databases.ContainsKey(id) || Exists(connection, "SELECT 1 FROM databases WHERE id=?1", id))
            {
                throw new CosmosError(409, $"Database '{id}' already exists.");
            }

            connection.Kept("INSERT INTO databases(id, ts) VALUES(?1, ?2)").BindText(1, id).Bind(2, now).Run();
            return new Database(LastNumber(connection), id, now);
        },
        database => _databases[database.Id] = database);
    }

    public Task<Container> CreateContainerAsync(string database, ContainerDefinition definition)
    {
        var owner = Database(database);
        return Run((connection, now) =>
        {
            var exists = connection.Kept("SELECT 1 FROM containers WHERE database=?1 AND id=?2").Bind(1, owner.Number).BindText(2, definition.Id);
            if (exists.Step())
            {
                exists.Reset();
                throw new CosmosError(409, $"Container '{definition.Id}' already exists in database '{owner.Id}'.");
            }

            connection.Kept("INSERT INTO containers(database, id, definition, ts) VALUES(?1, ?2, ?3, ?4)")
                .Bind(1, owner.Number).BindText(2, definition.Id).BindText(3, definition.ToJson()).Bind(4, now).Run();
            var container = new Container(LastNumber(connection), owner, definition, now, 0);
            foreach (var sql in container.Statements.Create.Concat(Sql.SqlIndexes.For(container)))
            {
                connection.Execute(sql);
            }

            return container;
        },
        Add);
    }

    /// <summary>Changes time to live and indexing policy; the partition key cannot change.</summary>
    public async Task<Container> ReplaceContainerAsync(Container container, ContainerDefinition definition)
    {
        if (definition.Id != container.Id || !definition.Paths.SequenceEqual(container.Definition.Paths) || definition.Hierarchical != container.Definition.Hierarchical)
        {
            throw CosmosError.BadRequest("The id and partition key of a container cannot be changed.");
        }

        await Run((connection, now) =>
        {
            CheckNotDropped(container);
            var before = Sql.SqlIndexes.Of(container);
            var changed = new Container(container.Number, container.Database, definition, now, 0);
            var after = Sql.SqlIndexes.Of(changed);
            foreach (var index in before.Where(old => !after.Any(index => index.Name == old.Name)))
            {
                connection.Execute($"DROP INDEX {index.Name}");
            }

            var made = Sql.SqlIndexes.For(changed).Except(Sql.SqlIndexes.For(container)).ToList();
            if (made.Count > 0)
            {
                // Items that were read before may have what is indexed only now.
                connection.Execute($"UPDATE {container.Table} SET indexed = 1 WHERE indexed = 0");
            }

            foreach (var sql in made)
            {
                connection.Execute(sql);
            }

            if (definition.DefaultTtl != container.Definition.DefaultTtl)
            {
                Expire(connection, container, definition.DefaultTtl, now);
            }

            connection.Kept("UPDATE containers SET definition=?2, ts=?3 WHERE number=?1").Bind(1, container.Number).BindText(2, definition.ToJson()).Bind(3, now).Run();
            return now;
        },
        now => container.Redefine(definition, now)).ConfigureAwait(false);
        return container;
    }

    /// <summary>
    /// A changed default applies to all items that are there and do not say for themselves; without one, what they say does nothing
    /// (https://learn.microsoft.com/azure/cosmos-db/nosql/time-to-live). What had expired stays gone.
    /// </summary>
    private static void Expire(Connection connection, Container container, int? fallback, long now)
    {
        connection.Kept($"DELETE FROM {container.Table} WHERE expires<=?1").Bind(1, now).Run();
        connection.Kept(TableStatements.SaveLsn).Bind(1, container.Number).Bind(2, container.PendingLsn).Run();
        var ttl = fallback is null ? "NULL" : string.Create(CultureInfo.InvariantCulture, $"coalesce(json_extract(body, '$.ttl'), {fallback})");
        connection.Execute($"UPDATE {container.Table} SET expires = CASE WHEN {ttl} > 0 THEN ts + CAST({ttl} AS INTEGER) END");
    }

    public Task DeleteContainerAsync(Container container) =>
        Run((connection, _) => Drop(connection, container), Remove);

    public Task DeleteDatabaseAsync(Database database) =>
        Run((connection, _) =>
        {
            var dropped = Containers.Where(container => container.Database == database).ToList();
            dropped.ForEach(container => Drop(connection, container));
            connection.Kept("DELETE FROM databases WHERE number=?1").Bind(1, database.Number).Run();
            return dropped;
        },
        dropped =>
        {
            dropped.ForEach(Remove);
            _databases.TryRemove(database.Id, out _);
        });

    private static Container Drop(Connection connection, Container container)
    {
        CheckNotDropped(container);
        connection.ForgetStatements();
        connection.Execute($"DROP TABLE {container.Table}");
        connection.Kept("DELETE FROM containers WHERE number=?1").Bind(1, container.Number).Run();
        return container;
    }

    private static void CheckNotDropped(Container container)
    {
        if (container.Dropped)
        {
            throw CosmosError.NotFound($"There is no container '{container.Id}'.");
        }
    }

    private Task<T> Run<T>(Func<Connection, long, T> execute, Action<T> committed)
    {
        var work = new AdminWork<T>(execute, committed);
        writer.Enqueue(work);
        return work.Completion;
    }

    private void Add(Container container) => _containers[(container.Database.Id, container.Id)] = container;

    private void Remove(Container container)
    {
        container.Dropped = true;
        _containers.TryRemove((container.Database.Id, container.Id), out _);
    }

    private static bool Exists(Connection connection, string sql, string id)
    {
        var statement = connection.Kept(sql).BindText(1, id);
        var found = statement.Step();
        statement.Reset();
        return found;
    }

    private static long LastNumber(Connection connection)
    {
        var statement = connection.Kept("SELECT last_insert_rowid()");
        statement.Step();
        var number = statement.Long(0);
        statement.Reset();
        return number;
    }
}
