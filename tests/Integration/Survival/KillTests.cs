using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Selvedge.Tests.Integration.Functions;

namespace Selvedge.Tests.Integration.Survival;

/// <summary>The real app as a process, killed (-9) under load twenty times: what was acknowledged is there, once, and the ledger explains itself after every restart.</summary>
public sealed class KillTests
{
    const int Kills = 20, Senders = 8, Stock = 400;
    static readonly string[] Skus = [.. Enumerable.Range(1, 8).Select(i => $"KILL-{i}")];

    /// <summary>What the shop knows of an order it sent.</summary>
    sealed record Sent(long Id, byte[] Body, (string Sku, long Quantity)[] Lines)
    {
        public string? Status { get; set; }
        public string OrderId => $"shop:{Id}";
    }

    [Fact]
    public async Task KilledTwentyTimesUnderLoad_NothingAcknowledgedIsLost_AndNothingIsDoubled()
    {
        using var folder = new TempFolder();
        var die = new Random(20_261);
        var orders = new ConcurrentBag<Sent>();
        for (var kill = 0; kill <= Kills; kill++)
        {
            await using var app = AppProcess.Start(folder, "--Secrets:shop", ShopifySender.Secret);
            using var client = await ClientAsync(app, folder);
            if (kill == 0) await OpenShopAsync(client);
            await ResendAsync(client, orders, die);
            await AssertAuditIsCleanAsync(client);
            if (kill == Kills)
            {
                try { await AssertOrdersAndStockAgreeAsync(client, [.. orders]); }
                catch (HttpRequestException) when (app.IsOver) { Assert.Fail($"The app ended by itself ({await app.ExitAsync()}): {app.Said}"); }
                break;
            }
            await LoadUntilKilledAsync(app, client, orders, killAt: die.Next(1, 160), seed: die.Next());
        }
        Assert.Contains(orders, order => order.Status == "oversold");
    }

    static async Task<HttpClient> ClientAsync(AppProcess app, TempFolder folder)
    {
        var client = new HttpClient { BaseAddress = await app.Address, Timeout = TimeSpan.FromMinutes(2) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(folder.Path, ".data", "admin.key"))).Trim());
        return client;
    }

    static async Task OpenShopAsync(HttpClient client)
    {
        await client.PutAsync("/api/locations/WH1", new { kind = "warehouse", name = "WH1" }.AsJson()).OkAsync();
        var matrix = new Dictionary<string, object> { ["Navy"] = Skus.ToDictionary(sku => sku[^1..], sku => new { sku }) };
        await client.PutAsync("/api/styles/KILL", new { name = "Style", matrix }.AsJson()).OkAsync();
        foreach (var sku in Skus) await client.PostAsync("/api/movements", new { id = "open", kind = "receive", sku, location = "WH1", quantity = Stock, unitCost = "10.00" }.AsJson()).OkAsync();
        await client.PutAsync("/api/channels/shop", new { kind = "shopify", locations = new[] { "WH1" }, shortage = "oversold", secret = "shop" }.AsJson()).OkAsync();
    }

    /// <summary>Several senders at once; the process is killed when the <paramref name="killAt"/>th order is being sent.</summary>
    static async Task LoadUntilKilledAsync(AppProcess app, HttpClient client, ConcurrentBag<Sent> orders, int killAt, int seed)
    {
        var sending = 0;
        await Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => Task.Run(async () =>
        {
            var die = new Random(seed + sender);
            for (var alive = true; alive;)
            {
                var order = Draw(die);
                orders.Add(order);
                if (Interlocked.Increment(ref sending) == killAt)
                {
                    var last = SendAsync(client, order);
                    await app.KillAsync();
                    await last;
                    return;
                }
                alive = await SendAsync(client, order);
            }
        })));
    }

    static Sent Draw(Random die)
    {
        var id = die.NextInt64(1, 1L << 45);
        var lines = Skus.OrderBy(_ => die.Next()).Take(2).Select(sku => (sku, (long)die.Next(1, 4))).ToArray();
        return new(id, ShopifySender.Order(id, lines), lines);
    }

    /// <summary>False when the connection broke: the app is dead, and the order may or may not have been taken.</summary>
    static async Task<bool> SendAsync(HttpClient client, Sent order)
    {
        try
        {
            using var answer = await ShopifySender.SendAsync(client, order.Body);
            if (answer.StatusCode == HttpStatusCode.ServiceUnavailable) return true;
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            order.Status = JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync()).GetProperty("status").GetString();
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>Shopify sends again what was not acknowledged; a few of the acknowledged ones come again too, and are answered as they were.</summary>
    static async Task ResendAsync(HttpClient client, ConcurrentBag<Sent> orders, Random die)
    {
        foreach (var order in orders.Where(order => order.Status is null).Concat(orders.Where(order => order.Status is not null).OrderBy(order => order.Id).Where(_ => die.Next(20) == 0)).ToList())
        {
            var before = order.Status;
            do Assert.True(await SendAsync(client, order), "the app answers after its restart");
            while (order.Status is null);
            if (before is not (null or "received") && order.Status is not "fulfilling") Assert.Equal(before, order.Status);
        }
    }

    static async Task AssertAuditIsCleanAsync(HttpClient client)
    {
        var status = (await client.PostAsync("/api/audits?full=true", null).OkAsync()).GetProperty("status").GetString()!;
        JsonElement audit;
        do audit = await client.GetAsync(new Uri(status, UriKind.Relative)).OkAsync();
        while (audit.GetProperty("state").GetString() == "running");
        Assert.True(audit.GetProperty("clean").GetBoolean(), audit.ToString());
        Assert.Equal(Skus.Length, audit.GetProperty("skus").GetInt32());
    }

    static async Task AssertOrdersAndStockAgreeAsync(HttpClient client, Sent[] orders)
    {
        var (committed, oversold) = (Skus.ToDictionary(sku => sku, _ => 0L), Skus.ToDictionary(sku => sku, _ => 0L));
        foreach (var sent in orders)
        {
            JsonElement order;
            do order = await client.GetAsync($"/api/orders/{Uri.EscapeDataString(sent.OrderId)}").OkAsync();
            while (order.GetProperty("deciding").GetBoolean());
            var lines = order.GetProperty("lines").EnumerateArray().ToList();
            Assert.Equal(sent.Lines, lines.Select(line => (line.GetProperty("sku").GetString()!, line.GetProperty("quantity").GetInt64())));
            foreach (var line in lines)
            {
                var (held, missing) = (line.GetProperty("committed").GetInt64(), line.GetProperty("oversold").GetInt64());
                Assert.Equal(line.GetProperty("quantity").GetInt64(), held + missing);
                committed[line.GetProperty("sku").GetString()!] += held;
                oversold[line.GetProperty("sku").GetString()!] += missing;
            }
        }
        foreach (var sku in Skus)
        {
            var inventory = await client.GetAsync($"/api/inventory/{sku}").OkAsync();
            Assert.Equal((committed[sku], oversold[sku], Stock), (inventory.GetProperty("committed").GetInt64(), inventory.GetProperty("short").GetInt64(), inventory.GetProperty("onHand").GetInt64()));
            Assert.Equal(Math.Min(Stock, committed[sku] + oversold[sku]), committed[sku]);
        }
    }
}
