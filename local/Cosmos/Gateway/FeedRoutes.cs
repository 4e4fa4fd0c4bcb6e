using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Selvedge.Local.Cosmos.Sql;
using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Cosmos.Gateway;

/// <summary>Queries, the change feed and the plain feed of a container's items.</summary>
internal sealed class FeedRoutes(CosmosStore store)
{
    /// <summary>Bytes after which a page ends, as the service does.</summary>
    private const int PageBytes = 4 << 20;

    public ValueTask<CosmosResponse> ReadAsync(CosmosRequest request, Container container) => request.Header("A-IM") switch
    {
        null => PlainAsync(request, container),
        "Incremental Feed" or "Incremental feed" => ChangesAsync(request, container),
        var mode => throw CosmosError.BadRequest($"The change feed mode '{mode}' is not supported here; use the latest-version mode (ChangeFeedMode.Incremental)."),
    };

    public async ValueTask<CosmosResponse> QueryAsync(CosmosRequest request, Container container)
    {
        using var body = JsonDocument.Parse(request.Body);
        var root = body.RootElement;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("query", out var text) || text.ValueKind != JsonValueKind.String)
        {
            throw CosmosError.BadRequest("A query is a JSON object with a member 'query'.");
        }

        root.TryGetProperty("parameters", out var parameters);
        root.TryGetProperty("resumeFilter", out var resume);
        var scope = Scope.Of(request, container, store.Options.PartitionRanges);
        var query = new QueryRequest(container, text.GetString()!, parameters, resume, scope.From, scope.To, request.PageSize,
            request.Header("x-ms-continuation"), store.Now);
        var page = await store.ReadAsync(query, static (connection, query) => SqlExecutor.Run(connection, query)).ConfigureAwait(false);

        var output = new ArrayBufferWriter<byte>(256 + page.Rows.Sum(row => row.Length + 1));
        Begin(output, container);
        for (var i = 0; i < page.Rows.Count; i++)
        {
            if (i > 0)
            {
                output.Write(","u8);
            }

            output.Write(page.Rows[i].Span);
        }

        return Answer(container, scope, output, page.Rows.Count, page.Continuation);
    }

    private async ValueTask<CosmosResponse> PlainAsync(CosmosRequest request, Container container)
    {
        var scope = Scope.Of(request, container, store.Options.PartitionRanges);
        if (request.Header("x-ms-continuation") is { Length: > 0 } continuation)
        {
            scope = scope with { From = Convert.FromHexString(continuation) };
        }

        var (output, count, next) = await store.ReadAsync((container, scope, request.PageSize, store.Now), Plain).ConfigureAwait(false);
        return Answer(container, scope, output, count, next);
    }

    private static (ArrayBufferWriter<byte> Output, int Count, string? Next) Plain(Connection connection, (Container Container, Scope Scope, int Size, long Now) what)
    {
        var (container, scope, size, now) = what;
        var output = new ArrayBufferWriter<byte>(4096);
        Begin(output, container);
        var rows = connection.Kept($"SELECT key, lsn, rid, ts, body FROM {container.Table} WHERE key>=?1 AND key<?2 AND (expires IS NULL OR expires>?3) ORDER BY key")
            .Bind(1, scope.From).Bind(2, scope.To).Bind(3, now);
        var count = 0;
        string? next = null;
        while (rows.Step())
        {
            if (count == size || output.WrittenCount > PageBytes)
            {
                next = Convert.ToHexString(rows.Bytes(0));
                break;
            }

            Separate(output, count++);
            ItemJson.Write(output, container, rows.Long(1), rows.Long(2), rows.Long(3), rows.Bytes(4));
        }

        rows.Reset();
        return (output, count, next);
    }

    private async ValueTask<CosmosResponse> ChangesAsync(CosmosRequest request, Container container)
    {
        var scope = Scope.Of(request, container, store.Options.PartitionRanges);
        var last = container.Lsn; // read before the snapshot: all up to here is visible in it
        long after;
        long? since = null;
        switch (request.Header("If-None-Match"))
        {
            case "*":
                after = last;
                break;
            case { } etag:
                after = long.TryParse(etag.AsSpan().Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var position) ? position
                    : throw CosmosError.BadRequest($"The change feed position '{etag}' is not one of this store.");
                break;
            default:
                after = 0;
                since = request.Header("If-Modified-Since") is { } time ? Seconds(time) : null;
                break;
        }

        var feed = await store.ReadAsync(new ChangeRequest(container, scope, after, since, request.PageSize, store.Now), Changes).ConfigureAwait(false);
        return feed.Count == 0
            ? Stamp(new CosmosResponse(304) { ETag = Position(Math.Max(feed.After, last)) }, container, scope).With("x-ms-item-count", "0")
            : End(feed.Output, feed.Count, position => Stamp(position, container, scope), Position(feed.After));
    }

    private static (ArrayBufferWriter<byte> Output, int Count, long After) Changes(Connection connection, ChangeRequest what)
    {
        var container = what.Container;
        var table = container.Table;
        var after = what.Since is { } since ? LastBefore(connection, container, since) : what.After;
        var output = new ArrayBufferWriter<byte>(4096);
        Begin(output, container);
        var rows = connection.Kept(what.Scope.Narrow
                ? $"SELECT lsn, rid, ts, body FROM {table} WHERE lsn IN (SELECT lsn FROM {table} INDEXED BY {table}_key WHERE key>=?1 AND key<?2 AND lsn>?3) AND (expires IS NULL OR expires>?4) ORDER BY lsn LIMIT ?5"
                : $"SELECT lsn, rid, ts, body FROM {table} NOT INDEXED WHERE lsn>?3 AND key>=?1 AND key<?2 AND (expires IS NULL OR expires>?4) ORDER BY lsn LIMIT ?5")
            .Bind(1, what.Scope.From).Bind(2, what.Scope.To).Bind(3, after).Bind(4, what.Now).Bind(5, what.Size);
        var count = 0;
        while (output.WrittenCount <= PageBytes && rows.Step())
        {
            Separate(output, count++);
            after = rows.Long(0);
            ItemJson.Write(output, container, after, rows.Long(1), rows.Long(2), rows.Bytes(3), withLsn: true);
        }

        rows.Reset();
        return (output, count, after);
    }

    /// <summary>The LSN before the first version written in second <paramref name="since"/> or later; <c>ts</c> never falls as LSNs rise.</summary>
    private static long LastBefore(Connection connection, Container container, long since)
    {
        long low = 0, high = container.Lsn;
        var probe = connection.Kept($"SELECT ts FROM {container.Table} WHERE lsn>=?1 ORDER BY lsn LIMIT 1");
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            var earlier = probe.Bind(1, middle).Step() && probe.Long(0) < since;
            probe.Reset();
            (low, high) = earlier ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    private static void Begin(ArrayBufferWriter<byte> output, Container container)
    {
        output.Write("{\"_rid\":\""u8);
        output.Write(System.Text.Encoding.ASCII.GetBytes(container.Rid));
        output.Write("\",\"Documents\":["u8);
    }

    private static void Separate(ArrayBufferWriter<byte> output, int count)
    {
        if (count > 0)
        {
            output.Write(","u8);
        }
    }

    private static CosmosResponse Answer(Container container, Scope scope, ArrayBufferWriter<byte> output, int count, string? continuation)
    {
        var response = End(output, count, answer => Stamp(answer, container, scope), null);
        return continuation is null ? response : response.With("x-ms-continuation", continuation);
    }

    private static CosmosResponse End(ArrayBufferWriter<byte> output, int count, Func<CosmosResponse, CosmosResponse> stamp, string? etag)
    {
        var number = count.ToString(CultureInfo.InvariantCulture);
        output.Write("],\"_count\":"u8);
        output.Write(System.Text.Encoding.ASCII.GetBytes(number));
        output.Write("}"u8);
        return stamp(new CosmosResponse(200, output.WrittenMemory) { ETag = etag }).With("x-ms-item-count", number);
    }

    private static CosmosResponse Stamp(CosmosResponse response, Container container, Scope scope) =>
        response.With("x-ms-request-charge", ItemRoutes.Charge)
            .With("x-ms-session-token", string.Create(CultureInfo.InvariantCulture, $"{scope.Range}:-1#{container.Lsn}"));

    private static string Position(long lsn) => string.Create(CultureInfo.InvariantCulture, $"\"{lsn}\"");

    private static long Seconds(string time) =>
        DateTimeOffset.TryParse(time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at.ToUnixTimeSeconds()
            : throw CosmosError.BadRequest($"If-Modified-Since '{time}' is not a date.");

    private sealed record ChangeRequest(Container Container, Scope Scope, long After, long? Since, int Size, long Now);
}
