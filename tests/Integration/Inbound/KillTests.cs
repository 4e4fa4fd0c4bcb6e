using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text.Json;
using Selvedge.Tests.Integration.Functions;
using Selvedge.Tests.Integration.Survival;

namespace Selvedge.Tests.Integration.Inbound;

/// <summary>The real app as a process, killed (-9) while webhooks come: every one that was acknowledged is in the archive, as it was sent.</summary>
public sealed class KillTests
{
    [Fact]
    public async Task What_was_acknowledged_before_a_kill_is_in_the_archive_after_it()
    {
        using var folder = new TempFolder();
        var acknowledged = new ConcurrentDictionary<string, byte[]>();
        for (var kill = 0; kill < 3; kill++)
        {
            await using var app = AppProcess.Start(folder, "--Secrets:shop", ShopifySender.Secret);
            using var client = await ClientAsync(app, folder);
            if (kill == 0)
            {
                await client.PutAsync("/api/locations/WH1", new { kind = "warehouse", name = "WH1" }.AsJson()).OkAsync();
                await client.PutAsync("/api/channels/shop", new { kind = "shopify", locations = new[] { "WH1" }, secret = "shop" }.AsJson()).OkAsync();
            }
            var (first, enough) = (kill * 100_000L, acknowledged.Count + 40 + 30 * kill);
            await Task.WhenAll(Enumerable.Range(0, 6).Select(sender => Task.Run(async () =>
            {
                for (var id = first + sender + 1; await SendAsync(client, id, acknowledged); id += 6)
                    if (acknowledged.Count >= enough) await app.KillAsync();
            })));
        }
        await using var again = AppProcess.Start(folder, "--Secrets:shop", ShopifySender.Secret);
        using var reader = await ClientAsync(again, folder);
        var kept = new Dictionary<string, string>(StringComparer.Ordinal);
        for (string? continuation = ""; continuation is not null;)
        {
            var page = await reader.GetAsync($"/api/inbound?limit=100{continuation}").OkAsync();
            foreach (var message in page.GetProperty("items").EnumerateArray()) kept.TryAdd(message.GetProperty("order").GetString()!, message.GetProperty("id").GetString()!);
            continuation = page.TryGetProperty("continuation", out var next) ? "&continuation=" + next : null;
        }
        Assert.True(acknowledged.Count >= 100, $"only {acknowledged.Count} were acknowledged");
        Assert.Empty(acknowledged.Keys.Except(kept.Keys));
        foreach (var (order, body) in acknowledged.Take(25))
            Assert.Equal(body, System.Text.Encoding.UTF8.GetBytes((await reader.GetAsync($"/api/inbound/{kept[order]}").OkAsync()).GetProperty("body").GetString()!));
    }

    static async Task<bool> SendAsync(HttpClient client, long id, ConcurrentDictionary<string, byte[]> acknowledged)
    {
        var body = ShopifySender.Order(id, ("UNKNOWN", 1));
        try
        {
            using var answer = await ShopifySender.SendAsync(client, body);
            if (answer.IsSuccessStatusCode) acknowledged[JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync()).GetProperty("order").GetString()!] = body;
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    static async Task<HttpClient> ClientAsync(AppProcess app, TempFolder folder)
    {
        var client = new HttpClient { BaseAddress = await app.Address };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(folder.Path, ".data", "admin.key"))).Trim());
        return client;
    }
}
