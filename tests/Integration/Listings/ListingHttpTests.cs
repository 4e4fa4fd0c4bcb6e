using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Channels;
using Selvedge.Functions.Listings;
using Selvedge.Listings;
using Selvedge.Local.Durable;
using Selvedge.Local.Functions;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Listings;

/// <summary>The whole way in the real app: a movement by HTTP, the change feed, the lane's session, the channel; guards that are orchestrations; and the routes.</summary>
public sealed class ListingHttpTests
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    static readonly string Histories = Path.Combine(AppContext.BaseDirectory, "Listings", "Histories");
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static FakeChannel Fake(bool decrements = false) => new(new()
    {
        MostAtOnce = 50, Decrements = decrements, PollEvery = TimeSpan.FromSeconds(1), RefreshEvery = TimeSpan.FromMinutes(10), VisibleAfter = TimeSpan.FromMilliseconds(200), Accepts = true, Cancels = true, Ships = true,
    }, TimeProvider.System);

    static async Task UntilAsync(Func<Task<bool>> isSo, Func<string> what)
    {
        var from = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            if (TimeProvider.System.GetElapsedTime(from) > Patience) Assert.Fail(what());
            await Task.Delay(20, Cancel);
        }
    }

    static Task ShowsAsync(FakeChannel fake, string item, long units) => UntilAsync(() => Task.FromResult(fake[item] == units), () => $"{item} shows {fake[item]}, not {units}; calls: {string.Join(' ', fake.Calls.TakeLast(20))}");

    static async Task PrepareAsync(HttpClient client, FakeChannel fake, object? listing = null)
    {
        await client.PutAsync("/api/locations/WH1", new { kind = "warehouse", name = "WH1" }.AsJson(), Cancel).OkAsync();
        await client.PutAsync("/api/channels/fake", new { kind = "fake", locations = new[] { "WH1" }, api = new { shop = "fake.example" } }.AsJson(), Cancel).OkAsync();
        await client.PutAsync("/api/styles/S", new { name = "S", matrix = new { Navy = new { M = new { sku = "A" }, L = new { sku = "B" } } } }.AsJson(), Cancel).OkAsync();
        (fake["a-1"], fake["b-1"]) = (0, 0);
        await MoveAsync(client, "open", 20);
        await client.PutAsync("/api/listings/fake/a-1", (listing ?? new { sku = "A" }).AsJson(), Cancel).OkAsync();
    }

    static Task<JsonElement> MoveAsync(HttpClient client, string id, long units) => client.PostAsync("/api/movements", (units > 0
        ? new { id, kind = "receive", sku = "A", location = "WH1", quantity = units, unitCost = "10.00" } : (object)new { id, kind = "adjust", sku = "A", location = "WH1", quantity = units, reason = "test" }).AsJson(), Cancel).OkAsync();

    [Fact]
    public async Task A_change_of_stock_reaches_the_channel_and_its_orders_arrive()
    {
        var fake = Fake(decrements: true);
        await using var app = await AppFixture.StartAsync(configure: builder => builder.Services.AddSingleton<ChannelAdapter>(fake));
        await PrepareAsync(app.Client, fake);
        await ShowsAsync(fake, "a-1", 20);
        await MoveAsync(app.Client, "loss", -5);
        await ShowsAsync(fake, "a-1", 15);
        var id = fake.Sell("a-1", 4, "A", DateTimeOffset.UtcNow.AddHours(1))!;
        await UntilAsync(() => Task.FromResult(fake.Accepted.ContainsKey(id)), () => "not accepted: " + string.Join(' ', fake.Calls.TakeLast(20)));
        Assert.Equal(11, fake["a-1"]);
        Assert.Equal(11, (await app.Client.GetAsync("/api/inventory/A", Cancel).OkAsync()).GetProperty("available").GetInt64());

        await UntilAsync(async () => (await app.Client.GetAsync("/api/listings?channel=fake&sku=A", Cancel).OkAsync()).GetProperty("items")[0].GetProperty("believed").GetInt64() == 11, () => "never believed 11");
        var why = await app.Client.GetAsync("/api/why/fake/A", Cancel).OkAsync();
        Assert.Contains("15 on hand − 4 committed = 11", why.GetProperty("listings")[0].GetProperty("wanted").GetProperty("reason").GetString(), StringComparison.Ordinal);
        var health = await app.Client.GetAsync("/api/channels/fake/health", Cancel).OkAsync();
        Assert.Equal(1, health.GetProperty("listings").GetInt64());
        Assert.True(health.GetProperty("latency").GetProperty("drop.commitToCall").GetProperty("count").GetInt64() >= 1);
        Assert.Equal(1, health.GetProperty("seller").GetProperty("orders").GetInt64());
    }

    [Fact]
    public async Task Items_are_mapped_by_file_all_or_none_and_the_same_again_changes_nothing()
    {
        var fake = Fake();
        await using var app = await AppFixture.StartAsync(configure: builder => builder.Services.AddSingleton<ChannelAdapter>(fake));
        await PrepareAsync(app.Client, fake);
        Task<HttpResponseMessage> SendAsync(string file, string query = "") => app.Client.PostAsync("/api/listings/fake/import" + query, new StringContent(file, Encoding.UTF8, "text/csv"), Cancel);
        var problem = await SendAsync("item,sku,threshold\nb-1,NOPE,3\nb-1,B,x\n").ProblemAsync(HttpStatusCode.BadRequest, "import-invalid");
        Assert.Equal(3, problem.GetProperty("errors").GetArrayLength());
        Assert.Equal(1, (await SendAsync("item,sku,threshold\nb-1,B,3\n", "?dryRun=true").OkAsync()).GetProperty("rows").GetInt32());
        await app.Client.GetAsync("/api/listings/fake/b-1", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        Assert.Equal(1, (await SendAsync("item,sku,threshold\nb-1,B,3\n").OkAsync()).GetProperty("created").GetInt32());
        Assert.Equal(1, (await SendAsync("item,sku,threshold\nb-1,B,3\n").OkAsync()).GetProperty("unchanged").GetInt32());
        var listing = await app.Client.GetAsync("/api/listings/fake/b-1", Cancel).OkAsync();
        Assert.Equal((3, "paused"), (listing.GetProperty("threshold").GetInt32(), listing.GetProperty("status").GetString()));

        await app.Client.PutAsync("/api/listing-rules/style.S", new { buffer = 4 }.AsJson(), Cancel).OkAsync();
        await app.Services.GetRequiredService<DesiredNumbers>().RecomputeAllAsync("fake", Cancel);
        Assert.Equal(16, (await app.Client.GetAsync("/api/listings/fake/a-1", Cancel).OkAsync()).GetProperty("units").GetInt64());
        await app.Client.PutAsync("/api/listing-rules/style.S", new { bufer = 4 }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await app.Client.PostAsync("/api/channels/fake/refresh", null, Cancel).OkAsync();
        using var bounded = await app.ClientAsAsync(Role.Sales, new Scope(Channels: ["elsewhere"]));
        await bounded.GetAsync("/api/listings/fake/a-1", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        Assert.Equal(0, (await bounded.GetAsync("/api/listings", Cancel).OkAsync()).GetProperty("items").GetArrayLength());
    }

    public static TheoryData<string> Recorded() => new(Directory.EnumerateFiles(Histories, "*.json").Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Recorded))]
    public void A_recorded_history_is_what_the_code_of_today_does(string file)
    {
        var history = RecordedHistory.Parse(File.ReadAllText(Path.Combine(Histories, file)));
        Assert.Equal((ListingGuardOrchestration.Name, "1.0"), (history.Name, history.Version));
        Assert.Null(Replay(history));
    }

    // Recorded anew by SELVEDGE_RECORD_HISTORIES=tests/Integration/Listings/Histories.
    [Fact]
    public async Task A_pause_is_guarded_through_a_restart_and_resumed_above_the_hysteresis()
    {
        var folder = Directory.CreateTempSubdirectory("selvedge-").FullName;
        try
        {
            var fake = Fake();
            using (var data = LocalData.Open(folder))
            {
                await using var app = await StartAsync(data);
                await PrepareAsync(app.Client, fake, new { sku = "A", threshold = 5, hysteresis = 3 });
                await ShowsAsync(fake, "a-1", 20);
                await MoveAsync(app.Client, "loss", -16);
                await UntilAsync(async () => (await app.Client.GetAsync("/api/listings/fake/a-1", Cancel).OkAsync()).TryGetProperty("verifiedAt", out _), () => "the pause was never verified");
                Assert.Equal(("a-1", 0, true), fake.Sets.Last());
            }
            using (var data = LocalData.Open(folder))
            {
                await using var app = await StartAsync(data);
                await MoveAsync(app.Client, "some", 3);
                await UntilAsync(async () => (await app.Client.GetAsync("/api/listings/fake/a-1", Cancel).OkAsync()).GetProperty("reason").GetString()!.Contains("7 on hand", StringComparison.Ordinal) || fake["a-1"] != 0 || (await app.Client.GetAsync("/api/inventory/A", Cancel).OkAsync()).GetProperty("available").GetInt64() == 7, () => "not heard");
                Assert.Equal(0, fake["a-1"]);
                await MoveAsync(app.Client, "more", 3);
                await ShowsAsync(fake, "a-1", 10);
                var instance = new GuardRun("fake", Listing.IdOf("", "a-1"), 1).Instance();
                await app.Services.GetRequiredService<LocalDurableClient>().WaitForInstanceCompletionAsync(instance, Cancel);
                var history = await RecordedHistory.ReadAsync(data, instance);
                if (Environment.GetEnvironmentVariable("SELVEDGE_RECORD_HISTORIES") is { Length: > 0 } to) await File.WriteAllTextAsync(Path.Combine(to, $"{history.Version}-guard.json"), history.ToJson() + "\n", Cancel);
                Assert.Null(Replay(RecordedHistory.Parse(history.ToJson())));
            }

            Task<AppInstance> StartAsync(LocalData data) => AppInstance.StartAsync(folder, data, null, builder => builder.Services.AddSingleton<ChannelAdapter>(fake), []);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static string? Replay(RecordedHistory history) => history.Replay(async context =>
    {
        await ListingGuardOrchestration.Run(context);
        return null;
    });
}
