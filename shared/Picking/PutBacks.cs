using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>Whether there is something to put back.</summary>
[JsonConverter(typeof(CamelCaseEnum<PutBackStatus>))]
public enum PutBackStatus { Open, Closed }

/// <summary>
/// Staged units that nobody wants any more and that go back to the shelf, scanned one by one: document of container <c>work</c>, one for a delivery at a location.
/// Until it is scanned the ledger has a unit as staged, and nobody else can have it.
/// </summary>
public sealed record PutBack
{
    public const string KindName = "putback";
    public required string Id { get; init; }
    public required string Location { get; init; }
    public string Kind { get; init; } = KindName;
    public required PutBackStatus Status { get; init; }
    public required string Order { get; init; }
    public required int Delivery { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public required IReadOnlyList<PutBackLine> Lines { get; init; }
    public IReadOnlyList<TicketScan>? Scans { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>Seconds to live, once nothing is left.</summary>
    public int? Ttl { get; init; }

    /// <summary>Units of a line that are still to be put back.</summary>
    public long Open(string line) => Lines.FirstOrDefault(one => one.Line == line)?.Left ?? 0;
}

/// <summary>Units of one line to put back in all, and those that were.</summary>
public sealed record PutBackLine(string Line, string Sku, long Quantity, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long Done = 0)
{
    [JsonIgnore] public long Left => Math.Max(0, Quantity - Done);
}

/// <summary>Units of a line that are staged now and are to go back.</summary>
public sealed record PutBackDemand(string Line, string Sku, long Units);

/// <summary>Put-back tasks: stated by whoever took the units from their order, scanned by who puts them back.</summary>
public sealed class PutBacks(WorkDocuments documents, TimeProvider time)
{
    static readonly TimeSpan Kept = TimeSpan.FromDays(90);

    /// <summary>States what is to be put back now, by line; lines that are left out stay as they are. Null where there is nothing and never was.</summary>
    /// <param name="location">Where.</param>
    /// <param name="order">The order's id, or <c>transfer:&lt;id&gt;</c>.</param>
    /// <param name="delivery">The delivery.</param>
    /// <param name="facts">By line: units staged now that go back to the shelf; 0: none any more. Asked after the task was read: of two who state at once, what was read later stays.</param>
    public async Task<PutBack?> StateAsync(string location, string order, int delivery, Func<Task<IReadOnlyList<PutBackDemand>>> facts)
    {
        var id = WorkIds.PutBack(location, order, delivery);
        while (true)
        {
            var found = await documents.ReadAsync(id, PickingJson.Default.PutBack);
            var lines = await facts();
            if (found is null && lines.All(line => line.Units == 0)) return null;
            var task = found ?? new PutBack { Id = id, Location = location, Status = PutBackStatus.Open, Order = order, Delivery = delivery, CreatedAt = Now, Lines = [] };
            var next = task with
            {
                Lines = [.. task.Lines.Select(line => lines.FirstOrDefault(stated => stated.Line == line.Line) is { } stated ? line with { Quantity = line.Done + stated.Units } : line),
                    .. lines.Where(stated => stated.Units > 0 && !task.Lines.Any(line => line.Line == stated.Line)).Select(stated => new PutBackLine(stated.Line, stated.Sku, stated.Units))],
            };
            if (found is not null && next.Lines.SequenceEqual(found.Lines)) return found;
            if (await WriteAsync(next) is { } written) return written;
        }
    }

    /// <summary>The task of a delivery at a location, if something is still to be put back.</summary>
    public async Task<PutBack?> OpenOfAsync(string location, string order, int delivery) =>
        await ReadAsync(WorkIds.PutBack(location, order, delivery)) is { Status: PutBackStatus.Open } open ? open : null;

    /// <summary>The task; null where there is none.</summary>
    public async Task<PutBack?> ReadAsync(string id) => id.EndsWith(".B", StringComparison.Ordinal) ? await documents.ReadAsync(id, PickingJson.Default.PutBack) : null;

    /// <summary>Writes the task, open while something is left; null when someone else wrote it first.</summary>
    internal async Task<PutBack?> WriteAsync(PutBack task)
    {
        var open = task.Lines.Any(line => line.Left > 0);
        var next = task with { Status = open ? PutBackStatus.Open : PutBackStatus.Closed, Ttl = open ? null : (int)Kept.TotalSeconds, UpdatedAt = Now, ETag = null };
        var etag = task.ETag is null
            ? await documents.CreateAsync(task.Id, next, PickingJson.Default.PutBack)
            : await documents.ReplaceAsync(task.Id, task.ETag, next, PickingJson.Default.PutBack);
        return etag is null ? null : next with { ETag = etag };
    }

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());
}
