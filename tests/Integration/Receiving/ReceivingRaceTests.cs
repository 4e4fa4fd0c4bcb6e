using System.Text.Json;

namespace Selvedge.Tests.Integration.Receiving;

/// <summary>Receipts that see the same units open.</summary>
public sealed class ReceivingRaceTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(10, 10, false), InlineData(6, 4, false), InlineData(6, 6, false), InlineData(10, 10, true), InlineData(7, 5, true)]
    public async Task What_two_receipts_bring_at_once_beyond_the_order_is_told_once_and_to_the_unit(long slow, long quick, bool edited)
    {
        WorkMeets? meets = null;
        await using var one = await AppFixture.StartAsync(cosmos: inner => meets = new WorkMeets(inner));
        await one.SeedAsync("RR-1", 0);
        Task<JsonElement> OrderAsync(string due) => one.Client.PutAsync("/api/purchaseorders/PO-R", new { supplier = "mill", location = "WH1", currency = "AUD", due, lines = (object[])[new { line = "1", sku = "RR-1", quantity = 10, unitCost = "1.00" }] }.AsJson(), Cancel).OkAsync();
        Task<JsonElement> ReceiveAsync(string id, long units) => one.Client.PostAsync("/api/receipts", new { id, location = "WH1", purchaseOrder = "PO-R", lines = (object[])[new { sku = "RR-1", quantity = units }] }.AsJson(), Cancel).OkAsync();
        await OrderAsync("2026-12-01");
        // The quick one comes after the slow one has seen what is open; or, where the order is edited, after the slow one is in the ledger and the order states its supply anew.
        meets!.Before(edited ? "\"receipts\":{\"slow\"" : "\"kind\":\"receipt\"", async () =>
        {
            if (edited) await OrderAsync("2026-12-24");
            await ReceiveAsync("quick", quick);
        });
        var last = await ReceiveAsync("slow", slow);
        var over = Math.Max(0, slow + quick - 10);

        var told = new List<JsonElement>();
        for (var tries = 0; tries < 400 && (tries == 0 || Sum() < over); tries++, await Task.Delay(25, Cancel))
            told = [.. (await one.Client.GetAsync("/api/exceptions?sku=RR-1", Cancel).OkAsync()).GetProperty("items").EnumerateArray()];
        Assert.All(told, item => Assert.Equal("overReceipt", item.GetProperty("kind").GetString()));
        Assert.Equal(over, Sum());
        var lines = last.GetProperty("lines").EnumerateArray().Concat((await one.Client.GetAsync("/api/receipts/quick", Cancel).OkAsync()).GetProperty("lines").EnumerateArray()).ToList();
        Assert.Equal((over, slow + quick), (Units(lines.Where(line => line.GetProperty("over").GetBoolean())), Units(lines)));
        var order = (await one.Client.GetAsync("/api/purchaseorders/PO-R", Cancel).OkAsync()).GetProperty("lines")[0];
        var stock = await one.Client.GetAsync("/api/inventory/RR-1", Cancel).OkAsync();
        Assert.Equal((slow + quick, 0L, slow + quick, Math.Max(0, 10 - slow - quick)), (order.GetProperty("received").GetInt64(), order.GetProperty("open").GetInt64(), stock.GetProperty("onHand").GetInt64(), stock.GetProperty("incoming").GetInt64()));

        long Sum() => told.Sum(item => item.GetProperty("quantity").GetInt64());
        static long Units(IEnumerable<JsonElement> lines) => lines.Sum(line => line.GetProperty("units").GetInt64());
    }
}
