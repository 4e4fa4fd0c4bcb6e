using System.Net;
using System.Text.Json.Serialization;
using Microsoft.Azure.Cosmos;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>What a work order does.</summary>
[JsonConverter(typeof(CamelCaseEnum<WorkOrderKind>))]
public enum WorkOrderKind
{
    /// <summary>Makes packed units of their components.</summary>
    Assemble,
    /// <summary>Takes packed units apart into their components.</summary>
    Break,
}

/// <summary>Where a work order stands.</summary>
[JsonConverter(typeof(CamelCaseEnum<WorkOrderState>))]
public enum WorkOrderState
{
    /// <summary>Being posted; the sweeper goes on with it.</summary>
    Open,
    Done,
    /// <summary>Something was short: what was taken is being put back.</summary>
    Refusing,
    Refused,
}

/// <summary>What goes in or comes out: units in all, and their value in ten-thousandths of the base currency once it is known.</summary>
public sealed record WorkOrderPart(string Sku, long Units, long? Value = null);

/// <summary>An assembly or a break: document of container <c>work</c>. It keeps the components as they were when it was made.</summary>
public sealed record WorkOrder
{
    public const string Partition = "workOrder";
    public required string Id { get; init; }

    /// <summary>First part of the partition key: work orders are at hand by their id alone, so it is the same for all.</summary>
    [JsonPropertyName("location")] public string Kind { get; init; } = Partition;
    [JsonPropertyName("at")] public required string Location { get; init; }
    public required WorkOrderKind Does { get; init; }
    public required string Sku { get; init; }
    public required long Quantity { get; init; }
    public required long ComponentsVersion { get; init; }
    public required IReadOnlyList<WorkOrderPart> Parts { get; init; }
    public string? Status { get; init; }
    public WorkOrderState State { get; init; }

    /// <summary>What the packed units are worth: what their components were.</summary>
    public long? Value { get; init; }
    public string? Refusal { get; init; }
    public required string Actor { get; init; }
    public string? Reason { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>As the API shows it; value only to those who see it.</summary>
    public object View(Caller caller) => new
    {
        Id, Kind = Does, Sku, Location, Quantity, State, ComponentsVersion, Value = Shown(Value, caller), Refusal, Actor, Reason, CreatedAt, UpdatedAt,
        Components = Parts.Select(part => new { part.Sku, part.Units, Value = Shown(part.Value, caller) }),
    };

    static string? Shown(long? value, Caller caller) => value is { } amount && caller.SeesValue ? Money.Text(amount) : null;
}

/// <summary>
/// Assembles and breaks packed SKUs. The ledger keeps one SKU at a time, so a work order is a document first; every posting has a key made of its id, and
/// whoever finds it open goes on where it stands. What goes into <c>conversion/&lt;work order&gt;</c> comes out of it, in value to the last ten-thousandth.
/// </summary>
public sealed class WorkOrders(Store store, ProductCatalogue catalogue, InventoryLedger ledger, LedgerReads reads, TimeProvider time)
{
    static readonly TimeSpan Due = TimeSpan.FromSeconds(30);

    /// <summary>Makes the work order and does it; the same id again is answered as it stands.</summary>
    /// <exception cref="ProblemException">404 unknown SKU; 409 not a packed one; 422 the id was used for another.</exception>
    public async Task<(WorkOrder Order, bool Repeat)> ExecuteAsync(string id, WorkOrderKind kind, string sku, string location, long quantity, string? reason, string actor)
    {
        if (await FindAsync(id) is { } before) return (await RunAsync(Same(before) ? before : throw ProblemException.Reused(id)), true);
        var product = await catalogue.FindProductAsync(sku) ?? throw ProblemException.NotFound($"There is no SKU '{sku}'.");
        if (product.Kind != ProductKind.Packed) throw ProblemException.Conflict("not-packed", "Only a packed SKU is assembled and broken", $"SKU '{product.Sku}' is {product.Kind.ToString().ToLowerInvariant()}.");
        var now = InstantConverter.Cut(time.GetUtcNow());
        var order = new WorkOrder
        {
            Id = id, Location = location, Does = kind, Sku = product.Sku, Quantity = quantity, ComponentsVersion = product.ComponentsVersion, Actor = actor, Reason = reason, CreatedAt = now, UpdatedAt = now,
            Parts = [.. product.Components.OrderBy(part => part.Sku, StringComparer.Ordinal).Select(part => new WorkOrderPart(part.Sku, part.Quantity * quantity))], Status = "open",
        };
        try
        {
            var created = await store.Work.CreateItemAsync(order, Key(id));
            return (await RunAsync(order with { ETag = created.ETag }), false);
        }
        catch (CosmosException exists) when (exists.StatusCode == HttpStatusCode.Conflict)
        {
            var there = await GetAsync(id);
            return (await RunAsync(Same(there) ? there : throw ProblemException.Reused(id)), true);
        }

        bool Same(WorkOrder other) => (other.Does, other.Location, other.Quantity) == (kind, location, quantity) && (other.Sku == sku || Alias.IdOf(other.Sku) == Alias.IdOf(sku));
    }

    /// <exception cref="ProblemException">404.</exception>
    public async Task<WorkOrder> GetAsync(string id) => await FindAsync(id) ?? throw ProblemException.NotFound($"There is no work order '{id}'. POST api/workorders makes one.");

    /// <summary>Goes on with work orders that a crash or a slow store left open.</summary>
    public async Task<int> SweepAsync(CancellationToken cancel)
    {
        var due = new List<WorkOrder>();
        using var pages = store.Work.GetItemQueryIterator<WorkOrder>(new QueryDefinition("SELECT * FROM c WHERE c.status = 'open' AND c.location = @kind").WithParameter("@kind", WorkOrder.Partition));
        while (pages.HasMoreResults) due.AddRange(await pages.ReadNextAsync(cancel));
        foreach (var order in due.Where(order => time.GetUtcNow() - order.UpdatedAt > Due)) await RunAsync(order);
        return due.Count;
    }

    async Task<WorkOrder> RunAsync(WorkOrder order)
    {
        while (order.State is WorkOrderState.Open or WorkOrderState.Refusing)
        {
            var next = order switch
            {
                { State: WorkOrderState.Refusing } => await PutBackAsync(order),
                { Value: null, Does: WorkOrderKind.Assemble } => await TakeAsync(order),
                { Value: null } => await OpenUpAsync(order),
                _ => await LayOutAsync(order),
            };
            if (await ReplaceAsync(next with { Status = next.State is WorkOrderState.Open or WorkOrderState.Refusing ? "open" : "closed" }) is { } written)
            {
                order = written;
                continue;
            }
            order = await GetAsync(order.Id);
            // Another run gave it up while this one was still taking: what this one took goes back too.
            if (order.State == WorkOrderState.Refused && order.Does == WorkOrderKind.Assemble) await PutBackAsync(order);
        }
        return order;
    }

    // Components first, one after another: only what can all be had is made into anything, and only once the document says that it was all had.
    async Task<WorkOrder> TakeAsync(WorkOrder order)
    {
        var parts = new List<WorkOrderPart>(order.Parts.Count);
        foreach (var part in order.Parts)
        {
            var taken = await ledger.ExecuteAsync(Consume(order, part.Sku, part.Units));
            if (taken.Verdict == Verdict.Refused) return order with { State = WorkOrderState.Refusing, Refusal = $"{part.Sku}: {taken.Refusal}" };
            parts.Add(part with { Value = taken.Value });
        }
        return order with { Parts = parts, Value = parts.Sum(part => part.Value!.Value) };
    }

    // The value that comes out is shared by what the components cost now; it is written down before anything is made of it.
    async Task<WorkOrder> OpenUpAsync(WorkOrder order)
    {
        var taken = await ledger.ExecuteAsync(Consume(order, order.Sku, order.Quantity));
        if (taken.Verdict == Verdict.Refused) return order with { State = WorkOrderState.Refused, Refusal = $"{order.Sku}: {taken.Refusal}" };
        var products = await catalogue.FindProductsAsync(order.Parts.Select(part => part.Sku));
        var known = order.Parts.All(part => products.GetValueOrDefault(part.Sku)?.Cost > 0);
        var shares = Shares.Split(taken.Value, [.. order.Parts.Select(part => part.Units * (known ? products[part.Sku].Cost!.Value : 1))]);
        return order with { Value = taken.Value, Parts = [.. order.Parts.Select((part, i) => part with { Value = shares[i] })] };
    }

    async Task<WorkOrder> LayOutAsync(WorkOrder order)
    {
        if (order.Does == WorkOrderKind.Assemble) await ledger.ExecuteAsync(Produce(order, order.Sku, order.Quantity, order.Value!.Value, "made"));
        else foreach (var part in order.Parts) await ledger.ExecuteAsync(Produce(order, part.Sku, part.Units, part.Value!.Value, "made"));
        return order with { State = WorkOrderState.Done };
    }

    // By what the journal says was taken, and not by what one run remembers.
    async Task<WorkOrder> PutBackAsync(WorkOrder order)
    {
        foreach (var part in order.Parts)
            if (await reads.EntryAsync(part.Sku, Consume(order, part.Sku, part.Units).Key) is { } entry)
                await ledger.ExecuteAsync(Produce(order, part.Sku, part.Units, entry.Outcome.Value, "back"));
        return order with { State = WorkOrderState.Refused };
    }

    static Post Consume(WorkOrder order, string sku, long units) => new()
    {
        Sku = sku, Kind = PostKind.Consume, From = Accounts.OnHand(order.Location), To = Accounts.Conversion(order.Id), Quantity = units, Actor = order.Actor, Reason = order.Reason,
        Id = Ids.Join(["wo", order.Id, "taken", sku], Ids.CosmosLimit - 2),
    };

    static Post Produce(WorkOrder order, string sku, long units, long value, string what) => new()
    {
        Sku = sku, Kind = PostKind.Produce, From = Accounts.Conversion(order.Id), To = Accounts.OnHand(order.Location), Quantity = units, Value = value, Actor = order.Actor, Reason = order.Reason,
        Id = Ids.Join(["wo", order.Id, what, sku], Ids.CosmosLimit - 2),
    };

    async Task<WorkOrder?> FindAsync(string id)
    {
        try
        {
            return Ids.IsPlain(id) ? await store.Work.ReadItemAsync<WorkOrder>(id, Key(id)) : null;
        }
        catch (CosmosException missing) when (missing.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    async Task<WorkOrder?> ReplaceAsync(WorkOrder order)
    {
        try
        {
            var next = order with { UpdatedAt = InstantConverter.Cut(time.GetUtcNow()) };
            var response = await store.Work.ReplaceItemAsync(next, order.Id, Key(order.Id), new() { IfMatchEtag = order.ETag });
            return next with { ETag = response.ETag };
        }
        catch (CosmosException changed) when (changed.StatusCode == HttpStatusCode.PreconditionFailed)
        {
            return null;
        }
    }

    static PartitionKey Key(string id) => new PartitionKeyBuilder().Add(WorkOrder.Partition).Add(id).Build();
}
