using System.Globalization;
using System.Text;
using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Durable;

/// <summary>Finds instances, shows them, and forgets them.</summary>
internal static class InstanceQuery
{
    private const string Shown = "number, id, name, status, created, updated, tags";

    /// <summary>The instance of this id; null: there is none.</summary>
    public static OrchestrationMetadata? One(Connection connection, string id, bool values)
    {
        var row = connection.Kept($"SELECT {Shown}{Values(values)} FROM instances WHERE id=?1").BindText(1, id);
        if (!row.Step()) { return null; }
        var found = Show(row, values);
        row.Reset();
        return found;
    }

    /// <summary>One page, and the row it ends with.</summary>
    public static (List<OrchestrationMetadata> Found, long Last) Page(Connection connection, OrchestrationQuery query)
    {
        var found = new List<OrchestrationMetadata>();
        var last = 0L;
        using var row = Select(connection, $"{Shown}{Values(query.FetchInputsAndOutputs)}", query);
        while (row.Step())
        {
            last = row.Long(0);
            found.Add(Show(row, query.FetchInputsAndOutputs));
        }
        return (found, last);
    }

    /// <summary>The rows of one page.</summary>
    public static List<long> Numbers(Connection connection, OrchestrationQuery query)
    {
        var numbers = new List<long>();
        using var row = Select(connection, "number", query);
        while (row.Step()) { numbers.Add(row.Long(0)); }
        return numbers;
    }

    /// <summary>Forgets an ended instance, and where asked for the ended ones it called; how many.</summary>
    public static int Purge(Connection connection, long number, bool recursive)
    {
        var purged = 1;
        if (recursive)
        {
            var children = new List<long>();
            var row = connection.Kept("SELECT number FROM instances WHERE parent=?1 AND status NOT IN (0, 6, 7)").Bind(1, number);
            while (row.Step()) { children.Add(row.Long(0)); }
            purged += children.Sum(child => Purge(connection, child, recursive: true));
        }
        Instance.Delete(connection, number);
        return purged;
    }

    private static string Values(bool values) => values ? ", input, output, custom, failure" : "";

    private static Statement Select(Connection connection, string columns, OrchestrationQuery query)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(query.PageSize, 1);
        var after = 0L;
        if (query.ContinuationToken is { Length: > 0 } token && !long.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out after)) { throw new ArgumentException($"'{token}' is not a continuation token of this client.", nameof(query)); }
        var sql = new StringBuilder($"SELECT {columns} FROM instances WHERE number>?1 AND created>=?2 AND created<=?3 AND id>=?4 AND substr(id, 1, length(?4))=?4");
        if (query.Statuses is { } statuses && statuses.Any())
        {
            sql.Append(CultureInfo.InvariantCulture, $" AND status IN ({string.Join(", ", statuses.Select(status => (int)status))})");
            if (!statuses.Any(Instance.HasEnded)) { sql.Append(" AND status IN (0, 6, 7)"); }
        }
        sql.Append(" ORDER BY number LIMIT ?5");
        return connection.Prepare(sql.ToString()).Bind(1, after).Bind(2, query.CreatedFrom?.UtcTicks ?? 0).Bind(3, query.CreatedTo?.UtcTicks ?? long.MaxValue)
            .BindText(4, query.InstanceIdPrefix ?? "").Bind(5, query.PageSize);
    }

    private static OrchestrationMetadata Show(Statement row, bool values) => new(row.String(2), row.String(1))
    {
        RuntimeStatus = (OrchestrationRuntimeStatus)row.Long(3),
        CreatedAt = new DateTimeOffset(row.Long(4), TimeSpan.Zero),
        LastUpdatedAt = new DateTimeOffset(row.Long(5), TimeSpan.Zero),
        Tags = row.IsNull(6) ? System.Collections.Immutable.ImmutableDictionary<string, string>.Empty : HistoryEvent.Read<Dictionary<string, string>>(row.Bytes(6)),
        DataConverter = values ? JsonText.Converter : null,
        SerializedInput = values ? row.Text(7) : null,
        SerializedOutput = values ? row.Text(8) : null,
        SerializedCustomStatus = values ? row.Text(9) : null,
        FailureDetails = values && !row.IsNull(10) ? HistoryEvent.Read<TaskFailureDetails>(row.Bytes(10)) : null,
    };
}
