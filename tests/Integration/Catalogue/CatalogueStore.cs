using System.Net;
using Microsoft.Azure.Cosmos;
using Selvedge.Catalogue;
using Selvedge.Imports;
using Selvedge.Ledger;
using Selvedge.Local.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Catalogue;

/// <summary>The catalogue on a store in a temporary folder; every instance has its own caches and its own way to the store, where faults can be put.</summary>
public sealed class CatalogueStore : IAsyncLifetime
{
    readonly string folder = Directory.CreateTempSubdirectory("selvedge-catalogue-").FullName;
    readonly List<CosmosClient> clients = [];
    CosmosStore store = null!;

    /// <summary>Who writes the master.</summary>
    public static readonly Caller Ana = new("k", "ana", Role.Admin, Scope.Everything);

    /// <summary>One process's part.</summary>
    public sealed record Instance(Store Store, Aliases Aliases, ProductCatalogue Catalogue, Locations Locations, ProductImport Products, StockImport Stock, StyleInventories Inventories, ProductExport Export);

    public async ValueTask InitializeAsync()
    {
        CosmosEnvironment.Apply();
        store = CosmosStore.Open(folder, new CosmosStoreOptions());
        await New().Store.CreateMissingAsync();
    }

    public Instance New(Func<HttpRequestMessage, Task<HttpResponseMessage?>>? before = null, Func<HttpRequestMessage, HttpResponseMessage, HttpResponseMessage>? after = null, TimeProvider? time = null)
    {
        time ??= TimeProvider.System;
        var client = StoreSetup.Connect(null, new Faults(new CosmosHandler(store), before, after));
        clients.Add(client);
        var documents = new Store(client);
        var aliases = new Aliases(documents, time);
        var catalogue = new ProductCatalogue(documents, aliases, new Categories(documents, time), time);
        var locations = new Locations(documents, time);
        var ledger = new InventoryLedger(documents, time);
        return new(documents, aliases, catalogue, locations, new(catalogue, new(documents, ledger, catalogue, time)), new(catalogue, aliases, locations, ledger, new LedgerReads(documents)), new(catalogue, new LedgerReads(documents)), new(catalogue));
    }

    public ValueTask DisposeAsync()
    {
        clients.ForEach(client => client.Dispose());
        store.Dispose();
        Directory.Delete(folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>A document's id and container as they stand in the request's path; writes are POST and PUT without a query.</summary>
    public static bool IsWrite(HttpRequestMessage request, string container) =>
        (request.Method == HttpMethod.Post || request.Method == HttpMethod.Put || request.Method == HttpMethod.Delete)
        && request.RequestUri!.AbsolutePath.Contains($"/colls/{container}/docs", StringComparison.Ordinal)
        && !request.Headers.Contains("x-ms-documentdb-isquery") && request.Content?.Headers.ContentType?.MediaType != "application/query+json";

    sealed class Faults(HttpMessageHandler inner, Func<HttpRequestMessage, Task<HttpResponseMessage?>>? before, Func<HttpRequestMessage, HttpResponseMessage, HttpResponseMessage>? after) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (before is not null && await before(request) is { } instead) return instead;
            var answer = await base.SendAsync(request, cancellationToken);
            return after?.Invoke(request, answer) ?? answer;
        }
    }

    /// <summary>What a gateway says when it cannot tell whether the write happened.</summary>
    public static HttpResponseMessage Unavailable(HttpRequestMessage request) => new(HttpStatusCode.ServiceUnavailable) { RequestMessage = request, Content = new StringContent("{}") };
}
