using System.Net;
using Microsoft.Azure.Cosmos;
using Selvedge.Local.Cosmos;
using static Selvedge.Tests.Integration.Cosmos.ItemTests;
using Container = Microsoft.Azure.Cosmos.Container;
using PartitionKey = Microsoft.Azure.Cosmos.PartitionKey;

namespace Selvedge.Tests.Integration.Cosmos;

/// <summary>What the local store promises about its file: nothing acknowledged is lost, and trouble is said aloud.</summary>
public sealed class StoreTests : IDisposable
{
    private static readonly PartitionKey P = new("P");
    private readonly string _folder = CosmosFixture.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Everything_is_there_after_the_store_is_opened_again()
    {
        string etag;
        using (var store = CosmosStore.Open(_folder))
        {
            var container = await CreateContainerAsync(store);
            await container.CreateItemAsync(new Thing("a", "P", 1), P);
            etag = (await container.ReplaceItemAsync(new Thing("a", "P", 2), "a", P)).ETag;
            await container.CreateItemAsync(new Thing("gone", "P"), P);
            await container.DeleteItemAsync<Thing>("gone", P);
        }

        using (var store = CosmosStore.Open(_folder))
        using (var client = CosmosFixture.Connect(store))
        {
            var container = client.GetContainer("d", "c");
            var read = await container.ReadItemAsync<Thing>("a", P);
            Assert.Equal(2, read.Resource.N);
            Assert.Equal(etag, read.ETag);
            var again = await container.CreateItemAsync(new Thing("gone", "P"), P);
            Assert.True(string.CompareOrdinal(again.ETag, etag) > 0, "an ETag was given out twice");
            Assert.Equal(HttpStatusCode.Conflict, (await container.CreateItemStreamAsync(Json("""{"id":"a","pk":"P"}"""), P)).StatusCode);
        }
    }

    private sealed class SetClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }

    [Fact]
    public async Task Bug_after_a_restart_with_the_clock_set_back_ts_fell_while_the_lsn_grew()
    {
        var noon = new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
        using (var store = CosmosStore.Open(_folder, new CosmosStoreOptions { Clock = new SetClock(noon) }))
        {
            await (await CreateContainerAsync(store)).CreateItemAsync(new Thing("a", "P", 1), P);
        }

        using (var store = CosmosStore.Open(_folder, new CosmosStoreOptions { Clock = new SetClock(noon.AddHours(-1)) }))
        using (var client = CosmosFixture.Connect(store))
        {
            using var created = await client.GetContainer("d", "c").CreateItemStreamAsync(Json("""{"id":"b","pk":"P"}"""), P);
            using var body = System.Text.Json.JsonDocument.Parse(created.Content);
            Assert.Equal(noon.ToUnixTimeSeconds(), body.RootElement.GetProperty("_ts").GetInt64());
        }
    }

    [Fact]
    public async Task A_deleted_items_etag_is_never_given_out_again_even_after_reopening()
    {
        string last;
        using (var store = CosmosStore.Open(_folder))
        {
            var container = await CreateContainerAsync(store);
            last = (await container.CreateItemAsync(new Thing("a", "P"), P)).ETag;
            await container.DeleteItemAsync<Thing>("a", P);
        }

        using (var store = CosmosStore.Open(_folder))
        using (var client = CosmosFixture.Connect(store))
        {
            var next = (await client.GetContainer("d", "c").CreateItemAsync(new Thing("a", "P"), P)).ETag;
            Assert.NotEqual(last, next);
        }
    }

    [Fact]
    public async Task What_was_acknowledged_survives_a_kill()
    {
        var copy = CosmosFixture.NewFolder();
        try
        {
            using (var store = CosmosStore.Open(_folder))
            {
                var container = await CreateContainerAsync(store);
                await Task.WhenAll(Enumerable.Range(0, 50).Select(i => container.CreateItemAsync(new Thing($"i{i}", "P", i), P)));

                // What a killed process leaves behind: the file and its log as they are at this moment.
                File.Copy(Path.Combine(_folder, "cosmos.db"), Path.Combine(copy, "cosmos.db"));
                File.Copy(Path.Combine(_folder, "cosmos.db-wal"), Path.Combine(copy, "cosmos.db-wal"));
            }

            using var reopened = CosmosStore.Open(copy);
            using var client = CosmosFixture.Connect(reopened);
            for (var i = 0; i < 50; i++)
            {
                Assert.Equal(i, (await client.GetContainer("d", "c").ReadItemAsync<Thing>($"i{i}", P)).Resource.N);
            }
        }
        finally
        {
            Directory.Delete(copy, recursive: true);
        }
    }

    [Fact]
    public async Task A_full_disk_fails_the_write_tells_the_host_and_loses_nothing_acknowledged()
    {
        var acknowledged = new List<string>();
        using (var store = CosmosStore.Open(_folder, new CosmosStoreOptions { MaxPageCount = 200 }))
        {
            var told = new TaskCompletionSource<string>();
            store.Faulted += message => told.TrySetResult(message);
            var container = await CreateContainerAsync(store);
            HttpStatusCode status;
            for (var i = 0; ; i++)
            {
                using var answer = await container.CreateItemStreamAsync(Json($$"""{"id":"i{{i}}","pk":"P","text":"{{new string('x', 4000)}}"}"""), P);
                status = answer.StatusCode;
                if (!answer.IsSuccessStatusCode)
                {
                    break;
                }

                acknowledged.Add($"i{i}");
            }

            Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
            Assert.Contains("full", await told.Task, StringComparison.Ordinal);
            Assert.Equal(store.Fault, await told.Task);
            Assert.Equal(HttpStatusCode.OK, (await container.ReadItemStreamAsync("i0", P)).StatusCode);
        }

        Assert.NotEmpty(acknowledged);
        using var reopened = CosmosStore.Open(_folder);
        using var client = CosmosFixture.Connect(reopened);
        foreach (var id in acknowledged)
        {
            using var read = await client.GetContainer("d", "c").ReadItemStreamAsync(id, P);
            Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        }

        using var missing = await client.GetContainer("d", "c").ReadItemStreamAsync($"i{acknowledged.Count}", P);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    [Fact]
    public void A_file_that_is_not_a_database_is_not_touched_and_named()
    {
        var path = Path.Combine(_folder, "cosmos.db");
        File.WriteAllText(path, new string('z', 5000));
        var refused = Assert.Throws<CosmosStoreException>(() => CosmosStore.Open(_folder));
        Assert.Contains(path, refused.Message, StringComparison.Ordinal);
        Assert.Equal(new string('z', 5000), File.ReadAllText(path));
    }

    [Fact]
    public async Task A_file_that_was_cut_off_is_refused()
    {
        await FillAsync();
        using (var file = new FileStream(Path.Combine(_folder, "cosmos.db"), FileMode.Open))
        {
            file.SetLength(file.Length / 2);
        }

        var refused = Assert.Throws<CosmosStoreException>(() => CosmosStore.Open(_folder));
        Assert.Contains("backup", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_page_met_while_running_is_an_error_and_a_fault_never_a_wrong_answer()
    {
        await FillAsync();
        using (var file = new FileStream(Path.Combine(_folder, "cosmos.db"), FileMode.Open))
        {
            // Spares the first pages and the last, which opening reads, and destroys those between.
            file.Position = 16 * 4096;
            file.Write(Enumerable.Repeat((byte)0xA5, (int)((file.Length / 2) - file.Position)).ToArray());
        }

        using var store = CosmosStore.Open(_folder);
        var told = new TaskCompletionSource<string>();
        store.Faulted += message => told.TrySetResult(message);
        using var client = CosmosFixture.Connect(store, options => options.MaxRetryAttemptsOnRateLimitedRequests = 0);
        var container = client.GetContainer("d", "c");
        for (var i = 0; i < 300 && !told.Task.IsCompleted; i++)
        {
            using var read = await container.ReadItemStreamAsync($"i{i}", P);
            Assert.NotEqual(HttpStatusCode.NotFound, read.StatusCode);
        }

        Assert.Contains("damaged", await told.Task, StringComparison.Ordinal);
        using var write = await container.CreateItemStreamAsync(Json("""{"id":"new","pk":"P"}"""), P);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, write.StatusCode);
    }

    [Fact]
    public void A_folder_in_use_is_refused_until_it_is_let_go()
    {
        using (CosmosStore.Open(_folder))
        {
            var refused = Assert.Throws<CosmosStoreException>(() => CosmosStore.Open(_folder));
            Assert.Contains("in use", refused.Message, StringComparison.Ordinal);
        }

        CosmosStore.Open(_folder).Dispose();
    }

    [Fact]
    public void A_folder_that_cannot_be_made_or_written_is_refused()
    {
        var file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        var refused = Assert.Throws<CosmosStoreException>(() => CosmosStore.Open(Path.Combine(file, "data")));
        Assert.Contains("folder", refused.Message, StringComparison.Ordinal);

        var sealedOff = Directory.CreateDirectory(Path.Combine(_folder, "sealed")).FullName;
        if (!OperatingSystem.IsWindows() && Environment.UserName != "root")
        {
            File.SetUnixFileMode(sealedOff, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            var readOnly = Assert.Throws<CosmosStoreException>(() => CosmosStore.Open(sealedOff));
            Assert.Contains("write access", readOnly.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_log_is_moved_into_the_file_while_many_write_and_read()
    {
        using var store = CosmosStore.Open(_folder);
        var container = await CreateContainerAsync(store);
        var text = new string('x', 200_000);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async writer =>
        {
            for (var i = 0; i < 60; i++)
            {
                using var answer = await container.UpsertItemStreamAsync(Json($$"""{"id":"w{{writer}}","pk":"P","n":{{i}},"text":"{{text}}"}"""), P);
                Assert.True(answer.IsSuccessStatusCode);
                Assert.Equal(i, (await container.ReadItemAsync<Thing>($"w{writer}", P)).Resource.N);

                // Left after one page: a query must not keep the log from being restarted.
                using var query = container.GetItemQueryIterator<int>("SELECT VALUE c.n FROM c ORDER BY c.n", requestOptions: new QueryRequestOptions { MaxItemCount = 1, PartitionKey = P });
                Assert.Single(await query.ReadNextAsync());
            }
        }));
        Assert.InRange(new FileInfo(Path.Combine(_folder, "cosmos.db-wal")).Length, 1, 80 << 20); // 96 MB were written
    }

    [Fact]
    public void The_effective_partition_key_is_the_services()
    {
        var definition = ContainerDefinition.Parse("""{"id":"c","partitionKey":{"paths":["/a","/b"],"kind":"MultiHash","version":2}}"""u8.ToArray());
        Assert.Equal("3D48BB14DA9D090D22112C96695028B6", Convert.ToHexString(Selvedge.Local.Cosmos.PartitionKey.Parse("""["t1"]""", definition).Effective));
    }

    private static async Task<Container> CreateContainerAsync(CosmosStore store)
    {
        var client = CosmosFixture.Connect(store);
        Microsoft.Azure.Cosmos.Database database = await client.CreateDatabaseIfNotExistsAsync("d");
        return await database.CreateContainerIfNotExistsAsync("c", "/pk");
    }

    private async Task FillAsync()
    {
        using var store = CosmosStore.Open(_folder);
        var container = await CreateContainerAsync(store);
        for (var i = 0; i < 300; i++)
        {
            using var created = await container.CreateItemStreamAsync(Json($$"""{"id":"i{{i}}","pk":"P","text":"{{new string('x', 1000)}}"}"""), P);
            Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        }
    }
}
