using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Selvedge.People;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.People;

/// <summary>Personal data is in one place, is forgotten when asked, and who looked at it is known.</summary>
public sealed class PeopleTests
{
    const string Name = "Zephyrine Quill", Email = "zephyrine@quill.example", Street = "77 Heliotrope Row", Phone = "+61 400 555 012";
    static CancellationToken Cancel => TestContext.Current.CancellationToken;
    static readonly string[] Personal = ["Zephyrine", "quill.example", "Heliotrope", "555 012"];

    static object Order(string id, string? customer = null) => new
    {
        channel = "web", externalId = id, customer, email = Email, phone = Phone, lines = (object[])[new { sku = "PP-1", quantity = 2 }],
        shipTo = new { name = Name, line1 = Street, city = "Hobart", country = "AU" },
    };

    static async Task<AppFixture> StartAsync(ConcurrentQueue<string>? log = null, List<(IReadOnlyCollection<string> Orders, IReadOnlyCollection<string> Traces)>? elsewhere = null)
    {
        var app = await AppFixture.StartAsync(configure: builder =>
        {
            if (log is not null) builder.Logging.SetMinimumLevel(LogLevel.Trace).AddProvider(new Listening(log)).AddFilter<Listening>(null, LogLevel.Trace);
            if (elsewhere is not null) builder.Services.AddSingleton(new PersonalStore("letters", (orders, traces, _) =>
            {
                elsewhere.Add((orders, traces));
                return Task.FromResult(orders.Count);
            }));
        }, args: ["--Secrets:web", "hush"]);
        await app.SeedAsync("PP-1", 10);
        await app.Client.PutAsync("/api/channels/web", new { kind = "shopify", locations = (string[])["WH1"], shortage = "oversold", secret = "web" }.AsJson(), Cancel).OkAsync();
        return app;
    }

    static async Task<IReadOnlyList<string>> TracesAsync(AppFixture app, params string[] without)
    {
        var found = new List<string>();
        foreach (var spec in Store.Containers.Where(spec => !without.Contains(spec.Name)))
        {
            using var pages = app.Services.GetRequiredService<Store>().Client.GetContainer(Store.DatabaseId, spec.Name).GetItemQueryStreamIterator("SELECT * FROM c");
            while (pages.HasMoreResults)
            {
                using var page = await pages.ReadNextAsync(Cancel);
                page.EnsureSuccessStatusCode();
                var text = await new StreamReader(page.Content).ReadToEndAsync(Cancel);
                found.AddRange(Personal.Where(mark => text.Contains(mark, StringComparison.OrdinalIgnoreCase)).Select(mark => $"{spec.Name}: {mark}"));
            }
        }
        return found;
    }

    static async Task<HttpStatusCode> WebhookAsync(AppFixture app)
    {
        var body = $$"""{"id":9001,"name":"#9001","created_at":"2026-11-23T09:15:00Z","currency":"AUD","email":"{{Email}}","phone":"{{Phone}}","note":"for {{Name}}","customer":{"id":1,"email":"{{Email}}","first_name":"Zephyrine"},"shipping_address":{"name":"{{Name}}","address1":"{{Street}}","city":"Hobart","country_code":"AU"},"line_items":[{"id":1,"sku":"NOT-OURS","quantity":1,"price":"49.90","requires_shipping":true},{"id":2,"sku":"PP-1","quantity":30,"price":"49.90","requires_shipping":true}]}""";
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/webhooks/web/orders/create") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("X-Shopify-Hmac-Sha256", Convert.ToBase64String(HMACSHA256.HashData("hush"u8, Encoding.UTF8.GetBytes(body))));
        request.Headers.Add("X-Shopify-Topic", "orders/create");
        request.Headers.Add("X-Shopify-Webhook-Id", "w1");
        using var client = app.ClientWith(null);
        using var answer = await client.SendAsync(request, Cancel);
        return answer.StatusCode;
    }

    [Fact]
    public async Task Names_and_addresses_are_in_people_only_and_in_no_log()
    {
        var log = new ConcurrentQueue<string>();
        await using var app = await StartAsync(log);
        await app.Client.PostAsync("/api/orders", Order("1").AsJson(), Cancel).OkAsync();
        Assert.Equal(HttpStatusCode.OK, await WebhookAsync(app));
        await app.Client.PostAsync("/api/orders/web:1/cancel", new { }.AsJson(), Cancel).OkAsync();
        await app.Client.GetAsync("/api/orders/web:9001", Cancel).OkAsync();
        Assert.NotEmpty(await TracesAsync(app));
        Assert.Empty(await TracesAsync(app, "people"));
        Assert.NotEmpty(log);
        Assert.DoesNotContain(log, line => Personal.Any(mark => line.Contains(mark, StringComparison.OrdinalIgnoreCase)));
    }

    [Theory]
    [InlineData("order"), InlineData("email"), InlineData("customer")]
    public async Task An_erased_person_is_gone_everywhere_and_the_record_is_whole(string by)
    {
        var elsewhere = new List<(IReadOnlyCollection<string> Orders, IReadOnlyCollection<string> Traces)>();
        await using var app = await StartAsync(elsewhere: elsewhere);
        await app.Client.PostAsync("/api/orders", Order("1", "quill").AsJson(), Cancel).OkAsync();
        object whom = by switch { "order" => new { order = "web:1" }, "email" => new { email = Email.ToUpperInvariant() }, _ => new { customer = "quill" } };
        var erased = await app.Client.PostAsync("/api/people/erase", whom.AsJson(), Cancel).OkAsync();
        Assert.Equal(["web:1"], erased.GetProperty("orders").EnumerateArray().Select(order => order.GetString()));
        Assert.Equal(1, erased.GetProperty("elsewhere").GetProperty("letters").GetInt32());
        Assert.Equal(by != "order", elsewhere[0].Traces.Contains(Email, StringComparer.OrdinalIgnoreCase));
        Assert.Empty(await TracesAsync(app));

        var order = await app.Client.GetAsync("/api/orders/web:1", Cancel).OkAsync();
        Assert.True(order.TryGetProperty("erased", out _));
        Assert.False(order.TryGetProperty("people", out _));
        Assert.Equal("committed", order.GetProperty("status").GetString());
        // The sender tries again: the order is the same one, and nobody comes back.
        await app.Client.PostAsync("/api/orders", Order("1", "quill").AsJson(), Cancel).OkAsync();
        Assert.Empty(await TracesAsync(app));
        await app.Client.PostAsync("/api/people/erase", whom.AsJson(), Cancel).OkAsync();
        Assert.True((await app.Services.GetRequiredService<Ledger.Audits>().RunAsync("test", fromScratch: true)).Clean);
    }

    [Fact]
    public async Task An_erased_persons_messages_are_emptied_and_who_had_read_them_is_known()
    {
        await using var app = await StartAsync();
        Assert.Equal(HttpStatusCode.OK, await WebhookAsync(app));
        var listed = Assert.Single((await app.Client.GetAsync("/api/inbound?order=web:9001", Cancel).OkAsync()).GetProperty("items").EnumerateArray());
        var address = "/api/inbound/" + Uri.EscapeDataString(listed.GetProperty("id").GetString()!);
        Assert.Contains(Street, (await app.Client.GetAsync(address, Cancel).OkAsync()).GetRawText(), StringComparison.Ordinal);
        Assert.Equal(1, (await app.Client.PostAsync("/api/people/erase", new { order = "web:9001" }.AsJson(), Cancel).OkAsync()).GetProperty("elsewhere").GetProperty("inbound").GetInt32());
        var emptied = (await app.Client.GetAsync(address, Cancel).OkAsync()).GetRawText();
        Assert.DoesNotContain(Personal, mark => emptied.Contains(mark, StringComparison.OrdinalIgnoreCase));
        Assert.Empty(await TracesAsync(app));
        var notes = (await app.Client.GetAsync("/api/people/access?order=web:9001", Cancel).OkAsync()).GetProperty("items").EnumerateArray().Select(note => note.GetProperty("kind").GetString()).ToList();
        Assert.Contains("message", notes);
        Assert.Contains("erase", notes);
    }

    [Fact]
    public async Task Who_read_or_erased_whom_is_known_to_administrators()
    {
        await using var app = await StartAsync();
        await app.Client.PostAsync("/api/orders", Order("1").AsJson(), Cancel).OkAsync();
        using var sales = app.ClientWith((await app.Client.PostAsync("/api/keys", new { name = "k", person = "Ana", role = "sales" }.AsJson(), Cancel).OkAsync()).GetProperty("token").GetString());
        using var viewer = await app.ClientAsAsync(Role.Viewer);
        Assert.Equal(Name, (await sales.GetAsync("/api/orders/web:1", Cancel).OkAsync()).GetProperty("people").GetProperty("shipTo").GetProperty("name").GetString());
        Assert.False((await viewer.GetAsync("/api/orders/web:1", Cancel).OkAsync()).TryGetProperty("people", out _));
        await app.Client.PostAsync("/api/people/erase", new { order = "web:1" }.AsJson(), Cancel).OkAsync();
        await sales.GetAsync("/api/orders/web:1", Cancel).OkAsync();
        var notes = (await app.Client.GetAsync("/api/people/access?order=web:1", Cancel).OkAsync()).GetProperty("items").EnumerateArray().Select(note => (note.GetProperty("kind").GetString(), note.GetProperty("actor").GetString()));
        Assert.Equal([("erase", "admin"), ("read", "Ana")], notes);
        Assert.Single((await app.Client.GetAsync("/api/people/access?actor=Ana", Cancel).OkAsync()).GetProperty("items").EnumerateArray());
        await sales.GetAsync("/api/people/access", Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        await app.Client.PostAsync("/api/people/erase", new { order = "web:none" }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await app.Client.PostAsync("/api/people/erase", new { order = "web:1", email = Email }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
    }

    sealed class Listening(ConcurrentQueue<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
        public bool IsEnabled(LogLevel logLevel) => true;
        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => lines.Enqueue(formatter(state, exception) + exception);
        public void Dispose() { }
    }
}
