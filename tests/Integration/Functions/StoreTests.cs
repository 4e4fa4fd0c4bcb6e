using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Selvedge.Local.Cosmos;
using Selvedge.Local.Functions;
using Container = Microsoft.Azure.Cosmos.Container;
using PartitionKey = Microsoft.Azure.Cosmos.PartitionKey;

namespace Selvedge.Tests.Integration.Functions;

/// <summary>The store the host opens with its data folder, as an app reaches it: through the keyed handler.</summary>
public class StoreTests
{
    private static readonly Type[] Ping = [typeof(RoutingTests.Prefixed)];

    private static CosmosClient Client(IServiceProvider services) => new("http://localhost:8081/", Convert.ToBase64String(new byte[64]), new CosmosClientOptions
    {
        ConnectionMode = ConnectionMode.Gateway,
        LimitToEndpoint = true,
        UseSystemTextJsonSerializerWithOptions = JsonSerializerOptions.Web,
        HttpClientFactory = () => new HttpClient(services.GetRequiredKeyedService<HttpMessageHandler>("cosmos"), disposeHandler: false),
        MaxRetryAttemptsOnRateLimitedRequests = 0,
        RequestTimeout = TimeSpan.FromSeconds(2),
    });

    private static async Task<Container> ContainerAsync(CosmosClient client)
    {
        var database = await client.CreateDatabaseIfNotExistsAsync("db", cancellationToken: TestContext.Current.CancellationToken);
        return (await database.Database.CreateContainerIfNotExistsAsync("things", "/id", cancellationToken: TestContext.Current.CancellationToken)).Container;
    }

    [Fact]
    public async Task What_one_host_wrote_another_on_the_same_data_reads_and_so_does_the_next_start()
    {
        using var folder = new TempFolder();
        using (var data = LocalData.Open(folder.File("data")))
        await using (var one = await RunningHost.StartAsync(Ping, builder => builder.UseData(data), folder))
        await using (var two = await RunningHost.StartAsync(Ping, builder => builder.UseData(data), folder))
        {
            using var writer = Client(one.Services);
            using var reader = Client(two.Services);
            await (await ContainerAsync(writer)).CreateItemAsync(new { id = "a", n = 1 }, new PartitionKey("a"), cancellationToken: TestContext.Current.CancellationToken);
            Assert.Equal(1, await ReadAsync(reader));
        }
        await using var next = await RunningHost.StartAsync(Ping, _ => { }, folder);
        using var client = Client(next.Services);
        Assert.Equal(1, await ReadAsync(client));
    }

    private static async Task<int> ReadAsync(CosmosClient client)
    {
        var item = await client.GetContainer("db", "things").ReadItemAsync<JsonElement>("a", new PartitionKey("a"), cancellationToken: TestContext.Current.CancellationToken);
        return item.Resource.GetProperty("n").GetInt32();
    }

    [Fact]
    public async Task A_full_disk_stops_the_host_with_the_stores_message_and_an_exit_code()
    {
        using var folder = new TempFolder();
        using var data = LocalData.Open(folder.File("data"), new CosmosStoreOptions { MaxPageCount = 100 });
        using var host = RunningHost.Build(folder, Ping, builder => builder.UseData(data));
        var run = host.RunAsync(TestContext.Current.CancellationToken);
        using var client = Client(host.Services);
        await Assert.ThrowsAsync<CosmosException>(async () =>
        {
            var container = await ContainerAsync(client);
            for (var i = 0; i < 1000; i++) { await container.CreateItemAsync(new { id = $"i{i}", filler = new string('x', 4000) }, new PartitionKey($"i{i}"), cancellationToken: TestContext.Current.CancellationToken); }
        });
        var fault = await Assert.ThrowsAsync<LocalHostException>(() => run);
        Assert.Equal((ExitCode.StoreFault, data.Cosmos.Fault), (fault.Code, fault.Message));
    }

    [Fact]
    public async Task A_port_for_other_tools_answers_while_the_host_runs_and_a_taken_one_is_refused()
    {
        using var folder = new TempFolder();
        using var data = LocalData.Open(folder.File("data"));
        await using var endpoint = await CosmosEndpoint.StartAsync(data.Cosmos, 0);
        using var host = RunningHost.Build(folder, Ping, builder => builder.UseData(data), "--cosmos-port", $"{endpoint.Address.Port}");
        var refusal = await Assert.ThrowsAsync<LocalHostException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Equal(ExitCode.Address, refusal.Code);
        Assert.Contains($"{endpoint.Address.Port}", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_corrupt_database_file_is_refused_and_the_folder_let_go()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("data"));
        folder.Write(Path.Combine("data", "cosmos.db"), new string('?', 8192));
        for (var i = 0; i < 2; i++)
        {
            var refusal = Assert.Throws<LocalHostException>(() => LocalData.Open(folder.File("data")));
            Assert.Equal(ExitCode.Store, refusal.Code);
            Assert.Contains("cosmos.db", refusal.Message, StringComparison.Ordinal);
        }
    }
}
