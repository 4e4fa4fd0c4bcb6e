using System.IO.Compression;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Inbound;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Inbound;

/// <summary>Messages hold personal data: they go when their time is up, and when a person is erased.</summary>
public sealed class RetentionTests(AppFixture app) : IClassFixture<AppFixture>
{
    DateTimeOffset Now => app.Services.GetRequiredService<TimeProvider>().GetUtcNow();

    Task<string?> KeepAsync(string channel, string order, string body, string topic = "orders/create") => app.Services.GetRequiredService<InboundArchive>().KeepAsync(new InboundRecord
    {
        At = InstantConverter.Cut(Now), Channel = channel, Topic = topic, Order = order.Length > 0 ? order : null, Headers = new Dictionary<string, string> { ["X-For"] = "mia@customers.example" },
    }, Encoding.UTF8.GetBytes(body), null);

    string Everything(string channel) => string.Concat(Directory.EnumerateFiles(Path.Combine(app.Folder, "inbound", channel), "*.gz", SearchOption.AllDirectories).Select(file =>
    {
        using var zcat = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        return zcat.ReadToEnd();
    }));

    [Fact]
    public async Task Days_that_are_over_by_a_channels_own_count_are_deleted_and_no_others()
    {
        await app.Client.PutAsync("/api/locations/WH1", new { kind = "warehouse", name = "WH1" }.AsJson()).OkAsync();
        await app.Client.PutAsync("/api/channels/brief", new { kind = "shopify", locations = new[] { "WH1" }, archiveDays = 3 }.AsJson()).OkAsync();
        var store = app.Services.GetRequiredService<ArchiveStore>();
        foreach (var (folder, days) in ((string, int)[])[("brief", 2), ("brief", 3), ("brief", 4), ("brief", 40), ("gone", 40), ("gone", 89), ("gone", 91)])
            await store.AppendAsync(ArchiveNames.Segment(folder, Now.AddDays(-days), 1), 0, new byte[] { 1 });
        await app.Services.GetRequiredService<InboundRetention>().RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(new[] { 3, 2 }.Select(Day), await store.FoldersAsync("brief/"));
        Assert.Equal(new[] { 89, 40 }.Select(Day), await store.FoldersAsync("gone/"));

        string Day(int ago) => DateOnly.FromDateTime(Now.AddDays(-ago).UtcDateTime).ToString("yyyy-MM-dd", null);
    }

    [Fact]
    public async Task A_persons_messages_are_emptied_by_order_and_everyone_elses_stay_where_they_are()
    {
        var filler = string.Concat(Enumerable.Range(0, 50).Select(i => $"line {i} "));
        var ids = await Task.WhenAll(Enumerable.Range(1, 30).Select(i => KeepAsync("shop", $"shop:{i}", $"{{\"email\":\"mia{i}@customers.example\",\"note\":\"{filler}\"}}")));
        var later = await KeepAsync("shop", "shop:7", "{\"email\":\"mia7@customers.example\"}", "orders/updated");
        var erasure = app.Services.GetRequiredService<InboundErasure>();
        Assert.Equal(2, await erasure.EraseAsync(["shop:7"], [], TestContext.Current.CancellationToken));
        Assert.Equal(0, await erasure.EraseAsync(["shop:7"], [], TestContext.Current.CancellationToken));

        Assert.DoesNotContain("mia7@", Everything("shop"), StringComparison.Ordinal);
        for (var i = 1; i <= 30; i++)
        {
            var message = await app.Client.GetAsync($"/api/inbound/{ids[i - 1]}").OkAsync();
            Assert.Equal($"shop:{i}", message.GetProperty("order").GetString());
            Assert.Equal(i == 7, message.TryGetProperty("erasedAt", out _));
            if (i != 7) Assert.Contains($"mia{i}@customers.example", message.GetProperty("body").GetString(), StringComparison.Ordinal);
            else Assert.False(message.TryGetProperty("body", out _) || message.TryGetProperty("headers", out _));
        }
        var replayed = await app.Client.PostAsync("/api/inbound/replay", new { ids = new[] { later } }.AsJson()).OkAsync();
        Assert.Equal("unusable", replayed.GetProperty("items")[0].GetProperty("result").GetString());
    }

    [Fact]
    public async Task A_message_that_led_to_no_order_is_found_by_what_names_the_person_and_large_bodies_go_too()
    {
        await KeepAsync("letters", "", "{\"customer\":{\"email\":\"Ruth@Customers.example\"}}", "customers/data_request");
        var large = await KeepAsync("letters", "letters:1", "{\"email\":\"big@customers.example\",\"note\":\"" + new string('x', 400_000) + "\"}");
        Assert.Equal(400_000 + 43, (await app.Client.GetAsync($"/api/inbound/{large}").OkAsync()).GetProperty("body").GetString()!.Length);
        Assert.Equal(2, await app.Services.GetRequiredService<InboundErasure>().EraseAsync(["letters:1"], ["ruth@customers.EXAMPLE"], TestContext.Current.CancellationToken));
        var left = Everything("letters");
        Assert.DoesNotContain("ustomers.example", left, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("customers/data_request", left, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(() => app.Services.GetRequiredService<InboundErasure>().EraseAsync([], ["a"], TestContext.Current.CancellationToken));
    }
}
