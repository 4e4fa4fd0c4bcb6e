using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Exceptions;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Api;

/// <summary>Every operation of the OpenAPI document × every role that may call it × a key or an account whose scope is another location's, channel's or customer's. Bodies come
/// from the document's schemas, so a new operation is covered as soon as it is described.</summary>
public sealed class ForeignScopeTests(EntraFixture entra) : IClassFixture<EntraFixture>
{
    readonly AppFixture app = entra.App;
    const string Sku = "SKU-FOREIGN", Place = "PLACEMARK", Channel = "channelmark", Customer = "customermark", External = "ordermark", Order = $"{Channel}:{External}", Found = "casemark";
    static CancellationToken Cancel => TestContext.Current.CancellationToken;
    static readonly JsonObject Document = OpenApi.Document();
    int number;

    sealed record Operation(string Id, HttpMethod Method, string Path, string Scope, IReadOnlyList<Role> Roles, JsonNode? Body);

    static readonly IReadOnlyList<Operation> Operations =
    [
        .. from path in (JsonObject)Document["paths"]!
           from operation in (JsonObject)path.Value!
           let security = operation.Value!["security"]!.AsArray()
           where security.Count > 0
           select new Operation(operation.Value!["operationId"]!.GetValue<string>(), new(operation.Key.ToUpperInvariant()), path.Key, operation.Value!["x-scope"]?.GetValue<string>() ?? "missing",
               [.. security.SelectMany(each => each!["key"]?.AsArray() ?? []).Select(role => Enum.Parse<Role>(role!.GetValue<string>(), ignoreCase: true))],
               operation.Value!["requestBody"]?["content"]?["application/json"]?["schema"]),
    ];

    [Fact]
    public void Every_operation_says_which_bounds_it_heeds() => Assert.All(Operations, operation =>
        Assert.True(operation.Scope is "none" or "everything" || operation.Scope.Split(' ').All(word => word is "location" or "channel" or "customer"), $"{operation.Id}: x-scope '{operation.Scope}'"));

    public static TheoryData<string> Bounds => ["location", "channel", "customer"];

    [Theory, MemberData(nameof(Bounds))]
    public async Task A_key_of_another_scope_neither_sees_nor_changes_what_is_not_its_own(string bound)
    {
        await SeedAsync();
        var (scope, marks) = bound switch
        {
            "location" => (new Scope(Locations: ["ELSEWHERE"]), (string[])[Place, External]),
            "channel" => (new Scope(Channels: ["elsewhere"]), [Channel, External]),
            _ => (new Scope(Customers: ["elsewhere"]), [Customer, External]),
        };
        var before = await StateAsync();
        foreach (var (role, entry) in from role in Enum.GetValues<Role>() where role != Role.Admin from entry in Enum.GetValues<Entry>() select (role, entry))
        {
            // A portal's key always has customers: its own, where the bound is another one.
            using var client = await entra.ClientAsAsync(entry, role, role == Role.Portal && bound != "customer" ? scope with { Customers = [Customer] } : scope);
            foreach (var operation in Operations.Where(operation => operation.Roles.Contains(role)))
            {
                using var answer = await client.SendAsync(Request(operation), Cancel);
                var (text, what) = (await answer.Content.ReadAsStringAsync(Cancel), $"{operation.Id} as {role} by {entry} with another {bound}: {(int)answer.StatusCode}");
                Assert.True((int)answer.StatusCode != 500, what + text);
                if (operation.Scope != "none" && !operation.Scope.Contains(bound, StringComparison.Ordinal)) Assert.True(answer.StatusCode == HttpStatusCode.Forbidden, what);
                if (!answer.IsSuccessStatusCode) continue;
                foreach (var mark in marks) Assert.False(text.Contains(mark, StringComparison.Ordinal), $"{what} shows {mark}: {text}");
                if (operation.Method != HttpMethod.Get && operation.Scope != "none" && !operation.Id.StartsWith("Query", StringComparison.Ordinal)) Assert.Fail(what + text);
            }
        }
        Assert.Equal(before, await StateAsync());
    }

    [Fact]
    public async Task A_key_of_the_right_scope_sees_what_the_others_do_not()
    {
        await SeedAsync();
        var own = new Scope([Place], [Customer], [Channel]);
        foreach (var role in (Role[])[Role.Sales, Role.Viewer, Role.Portal])
        {
            using var client = await app.ClientAsAsync(role, own);
            Assert.Contains(External, (await client.GetAsync("/api/orders", Cancel).OkAsync()).GetRawText(), StringComparison.Ordinal);
            Assert.Equal(Customer, (await client.GetAsync("/api/orders/" + Order, Cancel).OkAsync()).GetProperty("customer").GetString());
        }
        using var sales = await app.ClientAsAsync(Role.Sales, own);
        Assert.Contains(Found, (await sales.GetAsync("/api/exceptions", Cancel).OkAsync()).GetRawText(), StringComparison.Ordinal);
        using var channel = await app.ClientAsAsync(Role.Sales, new(Channels: [Channel]));
        var entries = (await channel.GetAsync($"/api/inventory/{Sku}/entries", Cancel).OkAsync()).GetProperty("items").EnumerateArray().ToList();
        Assert.Contains(entries, entry => entry.GetProperty("order").GetString() == Order);
        Assert.DoesNotContain(entries, entry => entry.GetProperty("kind").GetString() == "receive");
        Assert.Contains(Order, (await channel.GetAsync($"/api/inventory/{Sku}/claims", Cancel).OkAsync()).GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_customer_orders_for_itself_and_cannot_take_anothers_order_by_its_number()
    {
        await SeedAsync();
        using var portal = await app.ClientAsAsync(Role.Portal, new(Customers: ["shop-7"], Channels: [Channel]));
        object Body(string external, string? customer) => new { channel = Channel, externalId = external, customer, lines = (object[])[new { sku = Sku, quantity = 1 }] };

        var mine = await portal.PostAsync("/api/orders", Body("mine", null).AsJson(), Cancel).OkAsync();
        Assert.Equal("shop-7", mine.GetProperty("customer").GetString());
        await portal.PostAsync("/api/orders", Body("theirs", Customer).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        var taken = await portal.PostAsync("/api/orders", Body(External, null).AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        Assert.DoesNotContain(Customer, taken.GetRawText(), StringComparison.Ordinal);
        await portal.PostAsync("/api/orders", new { channel = Channel, externalId = "vip", customerGroup = "vip", lines = (object[])[new { sku = Sku, quantity = 1 }] }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        Assert.Equal(["mine"], (await portal.GetAsync("/api/orders", Cancel).OkAsync()).GetProperty("items").EnumerateArray().Select(order => order.GetProperty("externalId").GetString()));
        await portal.PostAsync($"/api/orders/{Order}/cancel", new { }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        Assert.Equal("cancelled", (await portal.PostAsync($"/api/orders/{Channel}:mine/cancel", new { }.AsJson(), Cancel).OkAsync()).GetProperty("status").GetString());
        await portal.GetAsync("/api/inventory/" + Sku, Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
    }

    [Fact]
    public async Task A_customer_neither_orders_by_a_channel_that_has_sold_already_nor_holds_in_anothers_name()
    {
        await SeedAsync();
        await app.Client.PutAsync("/api/channels/webshop", new { kind = "shopify", locations = (string[])[Place], shortage = "oversold" }.AsJson(), Cancel).OkAsync();
        using var portal = await app.ClientAsAsync(Role.Portal, new(Customers: ["shop-8"]));
        object Body(string channel, string external, object? hold) => new { channel, externalId = external, hold, lines = (object[])[new { sku = Sku, quantity = 1 }] };
        await portal.PostAsync("/api/orders", Body("webshop", "5123456789012", null).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        var until = TimeProvider.System.GetUtcNow().AddDays(1).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
        await portal.PostAsync("/api/orders", Body(Channel, "held-1", new { owner = "rep:anna", expiresAt = until }).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        var held = await portal.PostAsync("/api/orders", Body(Channel, "held-2", new { expiresAt = until }).AsJson(), Cancel).OkAsync();
        Assert.Equal("customer:shop-8", held.GetProperty("hold").GetProperty("owner").GetString());
    }

    [Fact]
    public async Task A_portal_key_without_customers_reaches_no_order_and_cannot_be_made()
    {
        await SeedAsync();
        using var portal = await app.ClientAsAsync(Role.Portal);
        Assert.Empty((await portal.GetAsync("/api/orders", Cancel).OkAsync()).GetProperty("items").EnumerateArray());
        await portal.GetAsync("/api/orders/" + Order, Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await app.Client.PostAsync("/api/keys", new { name = "p", role = "portal" }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await app.Client.PostAsync("/api/keys", new { name = "a", role = "admin", scope = new { locations = (string[])["WH1"] } }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
    }

    async Task SeedAsync()
    {
        await app.SeedAsync(Sku, 0, "ELSEWHERE");
        await app.SeedAsync(Sku, 20, Place);
        await app.Client.PutAsync("/api/channels/" + Channel, new { kind = "b2b", locations = (string[])[Place], shortage = "refuse" }.AsJson(), Cancel).OkAsync();
        await app.Client.PutAsync("/api/channels/elsewhere", new { kind = "b2b", locations = (string[])["ELSEWHERE"], shortage = "refuse" }.AsJson(), Cancel).OkAsync();
        await app.Client.PostAsync("/api/orders", new { channel = Channel, externalId = External, customer = Customer, email = "ada@example.com", lines = (object[])[new { sku = Sku, quantity = 2 }] }.AsJson(), Cancel).OkAsync();
        await app.Services.GetRequiredService<ExceptionCases>().OpenAsync(new ExceptionCase { Id = Found, Kind = "oversell", Sku = Sku, Order = Order, Channel = Channel, Customer = Customer, Location = Place, Quantity = 1, Detail = External });
    }

    async Task<string> StateAsync() => string.Join('\n',
        (await app.Client.GetAsync("/api/inventory/" + Sku, Cancel).OkAsync()).GetRawText(),
        (await app.Client.GetAsync("/api/orders/" + Order, Cancel).OkAsync()).GetRawText(),
        (await app.Client.GetAsync($"/api/exceptions?id={Found}", Cancel).OkAsync()).GetProperty("items")[0].GetProperty("status").GetString(),
        (await app.Client.GetAsync("/api/keys", Cancel).OkAsync()).GetProperty("items").GetArrayLength() > 0);

    HttpRequestMessage Request(Operation operation)
    {
        var id = operation.Path.Split('/')[2] switch { "orders" => Order, "channels" => Channel, "locations" => Place, "styles" => "style-" + Sku, "exceptions" => Found, "audits" => "latest", _ => "x1" };
        var path = operation.Path.Replace("{id}", Uri.EscapeDataString(id), StringComparison.Ordinal).Replace("{sku}", Sku, StringComparison.Ordinal).Replace("{channel}", Channel, StringComparison.Ordinal);
        return new(operation.Method, path)
        {
            Content = operation.Method == HttpMethod.Get ? null : new StringContent(operation.Body is null ? "{}" : Sample(operation.Body, "")!.ToJsonString(), Encoding.UTF8, "application/json"),
        };
    }

    // A body that the schema allows, which names the foreign thing wherever it can name one.
    JsonNode? Sample(JsonNode schema, string name)
    {
        while (schema["$ref"]?.GetValue<string>() is { } reference) schema = reference.TrimStart('#', '/').Split('/').Aggregate((JsonNode)Document, (at, step) => at[step]!);
        var known = name switch
        {
            "sku" => Sku, "location" => Place, "channel" => Channel, "customer" => Customer, "order" => Order, "line" => "1", "externalId" or "id" => $"x{++number}", "email" => "ada@example.com", _ => null,
        };
        if (known is not null && schema["properties"] is null) return known;
        if (schema["enum"]?[0] is { } word) return word.DeepClone();
        var type = schema["type"] is JsonArray types ? types[0]!.GetValue<string>() : schema["type"]?.GetValue<string>();
        switch (type)
        {
            case "integer" or "number": return schema["minimum"] is { } least ? Math.Max(1, least.GetValue<long>()) : 1;
            case "boolean": return false;
            case "array": return new JsonArray(Sample(schema["items"]!, name.TrimEnd('s')));
            case "string" when schema["format"]?.GetValue<string>() == "date-time": return "2026-11-23T09:15:00Z";
            case "string": return "text";
        }
        var required = (schema["required"] as JsonArray ?? []).Select(each => each!.GetValue<string>()).ToHashSet();
        var sample = new JsonObject();
        foreach (var (member, of) in schema["properties"] as JsonObject ?? [])
            if (required.Contains(member) || member is "sku" or "skus" or "location" or "channel" or "customer" or "order" or "line" or "from" or "email") sample[member] = Sample(of!, member);
        return sample;
    }
}
