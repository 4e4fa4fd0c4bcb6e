using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>Containers <c>orders</c> and <c>people</c>. Every call is right when it is made twice: what the store may have done although its
/// answer was lost is found out by reading.</summary>
public sealed class OrderStore(Store store, TimeProvider time)
{
    /// <summary>Largest order document when it is created, in bytes: Cosmos DB takes 2 MB, and the outcome is still to be added.</summary>
    public const int LargestDocument = 1_700_000;
    const int Tries = 4;
    static readonly ItemRequestOptions Quiet = new() { EnableContentResponseOnWrite = false };

    /// <summary>Creates the order; false with the one that is there already. An own create whose answer was lost counts as created.</summary>
    /// <exception cref="ProblemException">413 the document is too large; 503 the store cannot be reached: it may or may not be there.</exception>
    public async Task<(Order Order, bool Created)> CreateAsync(Order order)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(order, OrdersJson.Default.Order);
        if (body.Length > LargestDocument)
            throw new ProblemException(413, "order-too-large", "The order is too large", $"Order '{order.ExternalId}' would take {body.Length:N0} bytes; at most {LargestDocument:N0} can be stored. Split it.");
        using var response = await CallAsync(() => store.Orders.CreateItemStreamAsync(new MemoryStream(body), new PartitionKey(order.Id), Quiet));
        if (response.StatusCode == HttpStatusCode.Created) return (order with { ETag = response.Headers.ETag }, true);
        if (response.StatusCode != HttpStatusCode.Conflict) throw Failed(response);
        var found = await ReadAsync(order.Id) ?? throw ProblemException.Busy($"Order '{order.Id}' was there and is gone. Send it again.");
        return (found, found.Intake?.Owner is { } owner && owner == order.Intake?.Owner);
    }

    /// <summary>Replaces the order if nobody changed it since it was read. Null when someone did: read it again and decide again.</summary>
    public async Task<Order?> ReplaceAsync(Order order)
    {
        order = Telling.Scheduled(order);
        var body = JsonSerializer.SerializeToUtf8Bytes(order with { ETag = null }, OrdersJson.Default.Order);
        var options = new ItemRequestOptions { IfMatchEtag = order.ETag, EnableContentResponseOnWrite = false };
        using var response = await CallAsync(() => store.Orders.ReplaceItemStreamAsync(new MemoryStream(body), order.Id, new PartitionKey(order.Id), options));
        return response.StatusCode switch
        {
            HttpStatusCode.OK => order with { ETag = response.Headers.ETag },
            HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound => null,
            _ => throw Failed(response),
        };
    }

    public Task<Order?> ReadAsync(string id) => ReadAsync(store.Orders, id, OrdersJson.Default.Order);

    public Task<Person?> ReadPersonAsync(string id) => ReadAsync(store.People, id, OrdersJson.Default.Person);

    /// <summary>Who the order is for, after the channel said otherwise. One who is not there is left so: erased, or gone with time.</summary>
    public async Task RenewPersonAsync(Person person)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            if (await ReadPersonAsync(person.Id) is not { ErasedAt: null } known || known.Source?.UpdatedAt >= person.Source?.UpdatedAt) return;
            var body = JsonSerializer.SerializeToUtf8Bytes(person, OrdersJson.Default.Person);
            var options = new ItemRequestOptions { IfMatchEtag = known.ETag, EnableContentResponseOnWrite = false };
            using var response = await CallAsync(() => store.People.ReplaceItemStreamAsync(new MemoryStream(body), person.Id, new PartitionKey(person.Id), options));
            if (response.StatusCode is HttpStatusCode.OK or HttpStatusCode.NotFound) return;
            if (response.StatusCode != HttpStatusCode.PreconditionFailed) throw Failed(response);
        }
    }

    /// <summary>Forgets who the order is for; what takes its place keeps it from coming back with a later message.</summary>
    public async Task ErasePersonAsync(string id)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            var known = await ReadPersonAsync(id);
            if (known?.ErasedAt is not null) return;
            var body = JsonSerializer.SerializeToUtf8Bytes(new Person { Id = id, ErasedAt = InstantConverter.Cut(time.GetUtcNow()) }, OrdersJson.Default.Person);
            var options = new ItemRequestOptions { IfMatchEtag = known?.ETag, EnableContentResponseOnWrite = false };
            using var response = await CallAsync(() => known is null
                ? store.People.CreateItemStreamAsync(new MemoryStream(body), new PartitionKey(id), options)
                : store.People.ReplaceItemStreamAsync(new MemoryStream(body), id, new PartitionKey(id), options));
            if (response.IsSuccessStatusCode) return;
            if (response.StatusCode is not (HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict or HttpStatusCode.NotFound)) throw Failed(response);
        }
        throw ProblemException.Busy($"The person behind order '{id}' is being changed by others. Erase it again.");
    }

    /// <summary>Writes who the order is for, once.</summary>
    public async Task CreatePersonAsync(Person person)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(person, OrdersJson.Default.Person);
        using var response = await CallAsync(() => store.People.CreateItemStreamAsync(new MemoryStream(body), new PartitionKey(person.Id), Quiet));
        if (response.StatusCode is not (HttpStatusCode.Created or HttpStatusCode.Conflict)) throw Failed(response);
    }

    /// <summary>A page of orders, the latest first.</summary>
    /// <param name="caller">Who asks: gets those it reaches; null: the app itself, all of them.</param>
    public async Task<Page<Order>> ListAsync(OrderStatus? status, string? channel, Caller? caller, int limit, string? continuation)
    {
        var (channels, customers) = (caller?.Scope.Channels, caller?.Scope.Customers);
        string?[] terms = [status is null ? null : "c.status = @status", channel is null ? null : "c.channel = @channel", channels is null ? null : "ARRAY_CONTAINS(@channels, c.channel)",
            customers is null ? null : "ARRAY_CONTAINS(@customers, c.customer)"];
        var where = string.Join(" AND ", terms.Where(term => term is not null));
        var query = new QueryDefinition($"SELECT * FROM c{(where.Length > 0 ? " WHERE " + where : "")} ORDER BY c.createdAt DESC");
        if (status is { } wanted) query = query.WithParameter("@status", JsonNamingPolicy.CamelCase.ConvertName(wanted.ToString()));
        if (channel is not null) query = query.WithParameter("@channel", channel);
        if (channels is not null) query = query.WithParameter("@channels", channels);
        if (customers is not null) query = query.WithParameter("@customers", customers);
        var page = await store.Orders.PageAsync(query, limit, continuation, read: item => item.Deserialize(OrdersJson.Default.Order)!);
        return caller is null ? page : page with { Items = [.. page.Items.Where(caller.Reaches)] };
    }

    /// <summary>Orders of which units wait for stock, by what their documents say.</summary>
    public async IAsyncEnumerable<Order> WaitingAsync()
    {
        using var pages = store.Orders.GetItemQueryStreamIterator(new QueryDefinition("SELECT * FROM c WHERE c.status IN ('backordered', 'oversold')"), null, new() { MaxItemCount = 100 });
        while (pages.HasMoreResults)
        {
            using var page = await CallAsync(() => pages.ReadNextAsync());
            if (!page.IsSuccessStatusCode) throw Failed(page);
            using var json = await JsonDocument.ParseAsync(page.Content);
            foreach (var item in json.RootElement.GetProperty("Documents").EnumerateArray()) yield return item.Deserialize(OrdersJson.Default.Order)!;
        }
    }

    /// <summary>Orders whose intake is due before <paramref name="now"/>.</summary>
    public Task<IReadOnlyList<string>> DueAsync(DateTimeOffset now, int most) => DueAsync("intakeDue", now, most);

    /// <summary>Orders whose fulfilment is to be looked at before <paramref name="now"/>.</summary>
    public Task<IReadOnlyList<string>> FulfilDueAsync(DateTimeOffset now, int most) => DueAsync("fulfilDue", now, most);

    async Task<IReadOnlyList<string>> DueAsync(string date, DateTimeOffset now, int most)
    {
        var query = new QueryDefinition($"SELECT * FROM c WHERE c.{date} < @now ORDER BY c.{date}").WithParameter("@now", InstantConverter.Text(now));
        var ids = new List<string>();
        using var pages = store.Orders.GetItemQueryStreamIterator(query, null, new() { MaxItemCount = Math.Min(most, 100) });
        while (pages.HasMoreResults && ids.Count < most)
        {
            using var page = await CallAsync(() => pages.ReadNextAsync());
            if (!page.IsSuccessStatusCode) throw Failed(page);
            using var json = await JsonDocument.ParseAsync(page.Content);
            foreach (var item in json.RootElement.GetProperty("Documents").EnumerateArray()) ids.Add(item.GetProperty("id").GetString()!);
        }
        return ids;
    }

    async Task<T?> ReadAsync<T>(Container container, string id, JsonTypeInfo<T> type) where T : class
    {
        using var response = await CallAsync(() => container.ReadItemStreamAsync(id, new PartitionKey(id)));
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        if (response.StatusCode != HttpStatusCode.OK) throw Failed(response);
        return await JsonSerializer.DeserializeAsync(response.Content, type);
    }

    // What passes (throttled, timed out, unavailable) is tried again with growing pauses; everything else is the caller's to judge.
    async Task<ResponseMessage> CallAsync(Func<Task<ResponseMessage>> call)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var response = await call();
                if (!response.StatusCode.IsPassing()) return response;
                response.Dispose();
            }
            catch (CosmosException error) when (error.StatusCode.IsPassing()) { }
            catch (Exception error) when (error is HttpRequestException or OperationCanceledException or TimeoutException) { }
            if (attempt == Tries) throw ProblemException.Busy("The store did not answer in time. Send the order again with the same id: it is taken once.");
            await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(10, 40 << attempt)), time);
        }
    }

    static InvalidOperationException Failed(ResponseMessage response) => new($"The store answered {(int)response.StatusCode}: {response.ErrorMessage}");
}
