using Selvedge.Functions.Orders;
using Selvedge.Local.Durable;
using Selvedge.Local.Functions;
using Selvedge.Orders;
using Selvedge.Picking;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>
/// What released versions of the orchestration did, replayed against the code of today: deliveries that are under way when an app is updated go through just this. A
/// change that fails here takes a new <c>defaultVersion</c> in host.json and a branch by <c>CompareVersionTo</c>; a new version's histories are recorded beside the old ones:
/// <c>SELVEDGE_RECORD_HISTORIES=tests/Integration/Orders/Histories dotnet run --project tests/Integration -- -class …HistoryReplayTests</c>.
/// </summary>
public sealed class HistoryReplayTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;
    static readonly string Histories = Path.Combine(AppContext.BaseDirectory, "Orders", "Histories");

    public static TheoryData<string> Recorded() => new(Directory.EnumerateFiles(Histories, "*.json").Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Recorded))]
    public void A_recorded_history_is_what_the_code_of_today_does(string file)
    {
        var history = RecordedHistory.Parse(File.ReadAllText(Path.Combine(Histories, file)));
        Assert.Equal((FulfilmentOrchestration.Name, "1.0"), (history.Name, history.Version));
        Assert.Null(history.Replay(async context =>
        {
            await FulfilmentOrchestration.Run(context);
            return null;
        }));
    }

    [Fact]
    public void Other_code_than_what_was_recorded_is_noticed()
    {
        var history = RecordedHistory.Parse(File.ReadAllText(Path.Combine(Histories, "1.0-shipped.json")));
        Assert.NotNull(history.Replay(async context =>
        {
            await context.CallActivityAsync("FulfilmentCancel", new FulfilmentRun("shop:1", 1, 1));
            return null;
        }));
    }

    [Fact]
    public async Task Every_way_a_delivery_takes_can_be_recorded_and_replayed()
    {
        var folder = Directory.CreateTempSubdirectory("selvedge-").FullName;
        try
        {
            using var data = LocalData.Open(folder);
            await using var app = await AppInstance.StartAsync(folder, data, null, null, ["--Fulfilment:Paused=false"]);
            var floor = new Floor(app);
            foreach (var place in new[] { "WH1", "WH2" }) await app.Client.PutAsync("/api/locations/" + place, new { kind = "warehouse", name = place }.AsJson(), Cancel).OkAsync();
            await app.Client.PutAsync("/api/channels/shop", new { kind = "b2b", locations = new[] { "WH1", "WH2" }, shortage = "backorder" }.AsJson(), Cancel).OkAsync();
            await app.Client.PutAsync("/api/styles/A", new { name = "A", matrix = new { Navy = new { M = new { sku = "A" } } } }.AsJson(), Cancel).OkAsync();
            foreach (var (place, quantity) in new[] { ("WH1", 10), ("WH2", 10) })
                await app.Client.PostAsync("/api/movements", new { id = "seed" + place, kind = "receive", sku = "A", location = place, quantity, unitCost = "10.00" }.AsJson(), Cancel).OkAsync();

            await RecordAsync("shipped", _ => Task.CompletedTask);
            await RecordAsync("rerouted", async ticket =>
            {
                await floor.ShortAsync(ticket, 2);
                await floor.WhenTicketsAsync(ticket.Order, all => all.Any(other => other.Location == "WH2" && FulfilmentRules.IsLive(other)));
            });
            await RecordAsync("cancelled", async ticket => await app.Client.PostAsync($"/api/orders/{ticket.Order}/cancel", null, Cancel).OkAsync(), OrderStatus.Cancelled);
            await RecordAsync("blocked", async ticket => await app.Client.PostAsync($"/api/orders/{ticket.Order}/blocks", new { kind = "manual" }.AsJson(), Cancel).OkAsync(), OrderStatus.Committed);

            async Task RecordAsync(string way, Func<PickTicket, Task> happens, OrderStatus until = OrderStatus.Shipped)
            {
                await app.Client.PostAsync("/api/orders", new { channel = "shop", externalId = way, lines = new[] { new { sku = "A", quantity = 2 } } }.AsJson(), Cancel).OkAsync();
                await happens(Assert.Single(await floor.LiveAsync("shop:" + way)));
                if (until is OrderStatus.Shipped) await floor.SendAsync("shop:" + way);
                else await floor.WhenAsync("shop:" + way, until);
                var instance = Delivery.Instance("shop:" + way, 1, 1);
                await floor.Durable.WaitForInstanceCompletionAsync(instance, Cancel);
                var history = await RecordedHistory.ReadAsync(data, instance);
                if (Environment.GetEnvironmentVariable("SELVEDGE_RECORD_HISTORIES") is { Length: > 0 } to) await File.WriteAllTextAsync(Path.Combine(to, $"{history.Version}-{way}.json"), history.ToJson() + "\n", Cancel);
                Assert.Null(RecordedHistory.Parse(history.ToJson()).Replay(async context =>
                {
                    await FulfilmentOrchestration.Run(context);
                    return null;
                }));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
