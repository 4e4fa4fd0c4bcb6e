using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Selvedge.Local.Cosmos;
using Container = Microsoft.Azure.Cosmos.Container;
using Database = Microsoft.Azure.Cosmos.Database;

namespace Selvedge.Tests.Integration.Cosmos;

/// <summary>
/// An account for the contract suite: the one at <c>COSMOS_CONTRACT_ENDPOINT</c> with <c>COSMOS_CONTRACT_KEY</c> (Microsoft's emulator, or a
/// real one), else a store in a temporary folder with two partition ranges. Each container a test asks for is new.
/// </summary>
public sealed class CosmosFixture : IAsyncLifetime
{
    private readonly List<IDisposable> _owned = [];
    private string? _folder;

    public CosmosClient Client { get; private set; } = null!;

    public Database Database { get; private set; } = null!;

    /// <summary>False against an account: what is specific to the local store is skipped.</summary>
    public bool IsLocal => _folder is not null;

    public static CosmosClient Connect(CosmosStore store, Action<CosmosClientOptions>? configure = null)
    {
        CosmosEnvironment.Apply();
        var options = new CosmosClientOptions
        {
            ConnectionMode = ConnectionMode.Gateway,
            LimitToEndpoint = true,
            HttpClientFactory = () => new HttpClient(new CosmosHandler(store), disposeHandler: true),
            UseSystemTextJsonSerializerWithOptions = JsonSerializerOptions.Web,
        };
        configure?.Invoke(options);
        return new CosmosClient("http://localhost:8081/", Convert.ToBase64String(new byte[64]), options);
    }

    public static string NewFolder() => Directory.CreateTempSubdirectory("selvedge-cosmos-").FullName;

    public async ValueTask InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable("COSMOS_CONTRACT_ENDPOINT") is { Length: > 0 } endpoint)
        {
            CosmosEnvironment.Apply();
            Client = new CosmosClient(endpoint, Environment.GetEnvironmentVariable("COSMOS_CONTRACT_KEY"), new CosmosClientOptions
            {
                ConnectionMode = ConnectionMode.Gateway,
                LimitToEndpoint = true,
                UseSystemTextJsonSerializerWithOptions = JsonSerializerOptions.Web,
            });
        }
        else
        {
            _folder = NewFolder();
            var store = CosmosStore.Open(_folder, new CosmosStoreOptions { PartitionRanges = 2 });
            Client = Connect(store);
            _owned.Add(store);
        }

        Database = await Client.CreateDatabaseAsync("contract-" + Guid.NewGuid().ToString("N"));
    }

    public Task<Container> NewContainerAsync(params string[] paths) => NewContainerAsync(null, paths);

    public async Task<Container> NewContainerAsync(int? defaultTtl, params string[] paths)
    {
        var id = "c" + Guid.NewGuid().ToString("N");
        paths = paths.Length == 0 ? ["/pk"] : paths;
        var properties = paths.Length == 1 ? new ContainerProperties(id, paths[0]) : new ContainerProperties(id, paths);
        properties.DefaultTimeToLive = defaultTtl;
        return await Database.CreateContainerAsync(properties);
    }

    public async ValueTask DisposeAsync()
    {
        await Database.DeleteAsync();
        Client.Dispose();
        _owned.ForEach(one => one.Dispose());
        if (_folder is not null)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }
}
