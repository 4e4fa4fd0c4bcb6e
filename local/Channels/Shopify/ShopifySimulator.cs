using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Mishap = Selvedge.Local.Channels.Fault;

namespace Selvedge.Local.Channels.Shopify;

/// <summary>
/// Stands in for a Shopify shop on loopback, for tests and demonstrations: orders that change, webhooks that are signed and then lost, doubled and delivered in
/// another order by a seeded die, and of the GraphQL Admin API the operations that the app sends, known by their names, with the points they cost: orders, <see cref="Inventory"/>, <see cref="Fulfilment"/>, <see cref="Products"/>. It is not
/// Shopify: it checks no query's fields (a test holds them against the published schema), it costs every operation alike, and what it does not know it answers with an error.
/// Unconfirmed is how Shopify throttles (<see cref="ThrottlesWith429"/>) and whether one wrong row keeps the others out (<see cref="SimulatedInventory.AllOrNothing"/>).
/// </summary>
public sealed class ShopifySimulator : IAsyncDisposable
{
    readonly WebApplication app;
    readonly HttpClient http = new();
    readonly Lock gate = new();
    readonly Random die;
    readonly ConcurrentDictionary<long, SimulatedOrder> orders = new();
    readonly Dictionary<string, (string Topic, string Uri)> subscriptions = [];
    int made;

    ShopifySimulator(WebApplication app, int seed, TimeProvider? time)
    {
        (this.app, die, Faults, clock) = (app, new Random(seed), new(seed), time);
        Inventory = new(time ?? TimeProvider.System);
        Fulfilment = new(id => orders.GetValueOrDefault(id));
        Products = new(Inventory);
        filledAt = clock?.GetUtcNow() ?? default;
    }

    readonly TimeProvider? clock;
    DateTimeOffset filledAt;

    /// <summary>What goes wrong.</summary>
    public Faults Faults { get; }
    public SimulatedInventory Inventory { get; }
    public SimulatedFulfilment Fulfilment { get; }
    public SimulatedProducts Products { get; }

    /// <summary>What is throttled is answered 429; false: 200 with an error.</summary>
    public bool ThrottlesWith429 { get; set; }

    /// <summary>The access token it asks for, and the secret it signs with.</summary>
    public string Token { get; init; } = "token";
    public string Secret { get; init; } = "secret";

    /// <summary>Points there are, how many come back in a second, and what one operation costs.</summary>
    public double Available { get; set; } = 1000;
    public double RestoreRate { get; set; } = 50;
    public double Cost { get; set; } = 10;

    /// <summary>While set, every call of the API is answered with this status.</summary>
    public HttpStatusCode? Fault { get; set; }

    /// <summary>Operations answered, by name; those refused are not in it.</summary>
    public ConcurrentDictionary<string, int> Answered { get; } = new();

    /// <summary>Where it is, e.g. <c>http://127.0.0.1:41234</c>.</summary>
    public Uri Address => new(app.Urls.First());

    /// <summary>Topics that webhooks are sent for, and where to.</summary>
    public IReadOnlyList<(string Topic, string Uri)> Subscriptions { get { lock (gate) return [.. subscriptions.Values]; } }

    /// <summary>Moves of lines to another place, by the id of the fulfilment order: (order, line, place, at).</summary>
    public ConcurrentDictionary<long, (long Order, long Line, long Place, DateTimeOffset At)> Moves { get; } = new();

    /// <summary>Starts a shop on a free port of the loopback address. With a clock its points come back.</summary>
    public static async Task<ShopifySimulator> StartAsync(int seed = 1, TimeProvider? time = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var shop = new ShopifySimulator(app, seed, time);
        app.MapPost("/admin/api/{version}/graphql.json", shop.AnswerAsync);
        await app.StartAsync();
        return shop;
    }

    /// <summary>An order of the shop's; a new one when it was not there.</summary>
    public SimulatedOrder Order(long id, bool till = false, DateTimeOffset? start = null) => orders.GetOrAdd(id, _ => new(id, till, start));

    /// <summary>Subscribes without the API.</summary>
    public void Subscribe(string topic, string uri)
    {
        lock (gate) subscriptions[$"gid://shopify/WebhookSubscription/{++made}"] = (topic, uri);
    }

    /// <summary>Delivers what the orders have caused since the last time: each webhook is lost with <paramref name="lost"/>, doubled with <paramref name="doubled"/>
    /// (0 to 1), in an order drawn by the die when <paramref name="shuffled"/>. Answers the statuses of the answers.</summary>
    public async Task<IReadOnlyList<HttpStatusCode>> DeliverAsync(double lost = 0, double doubled = 0, bool shuffled = false)
    {
        var due = new List<Delivery>();
        lock (gate)
        {
            foreach (var order in orders.Values.OrderBy(order => order.Id))
            {
                foreach (var delivery in order.Sent)
                    for (var copies = die.NextDouble() < lost ? 0 : die.NextDouble() < doubled ? 2 : 1; copies > 0; copies--) due.Add(delivery);
                order.Sent.Clear();
            }
        }
        var all = due.ToArray();
        if (shuffled) die.Shuffle(all);
        var answers = new List<HttpStatusCode>();
        foreach (var delivery in all)
            foreach (var (topic, uri) in Subscriptions.Where(subscription => subscription.Topic == Enum(delivery.Topic)))
                answers.Add(await SendAsync(uri, delivery));
        return answers;
    }

    /// <summary>Sends one signed webhook.</summary>
    public async Task<HttpStatusCode> SendAsync(string uri, Delivery delivery)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(delivery.Body);
        using var request = new HttpRequestMessage(HttpMethod.Post, uri) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.Add("X-Shopify-Topic", delivery.Topic);
        request.Headers.Add("X-Shopify-Shop-Domain", "simulated.myshopify.example");
        request.Headers.Add("X-Shopify-Webhook-Id", $"{delivery.Topic}-{delivery.TriggeredAt.UtcTicks}");
        request.Headers.Add("X-Shopify-Triggered-At", delivery.TriggeredAt.ToString("O", CultureInfo.InvariantCulture));
        request.Headers.Add("X-Shopify-Hmac-SHA256", Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), body)));
        using var answer = await http.SendAsync(request);
        return answer.StatusCode;
    }

    async Task AnswerAsync(HttpContext context)
    {
        if (context.Request.Headers["X-Shopify-Access-Token"] != Token) { context.Response.StatusCode = 401; return; }
        if (Fault is { } fault) { context.Response.StatusCode = (int)fault; return; }
        var asked = (await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted))!.AsObject();
        var (operation, variables) = (asked["operationName"]?.GetValue<string>() ?? "", asked["variables"]?.AsObject() ?? []);
        var mishap = Faults.Draw(operation);
        if (mishap is Mishap.HangUpBefore) { context.Abort(); return; }
        if (mishap is Mishap.ServerError) { context.Response.StatusCode = 500; return; }
        if (mishap is Mishap.TokenExpired) { context.Response.StatusCode = 401; return; }
        JsonObject answer;
        lock (gate)
        {
            if (clock?.GetUtcNow() is { } now) (Available, filledAt) = (Math.Min(MostAvailable, Available + (now - filledAt).TotalSeconds * RestoreRate), now);
            var throttled = Available < Cost || mishap is Mishap.Limited;
            if (throttled)
            {
                answer = new() { ["errors"] = new JsonArray(new JsonObject { ["message"] = "Throttled", ["extensions"] = new JsonObject { ["code"] = "THROTTLED" } }) };
                if (ThrottlesWith429)
                {
                    context.Response.StatusCode = 429;
                    context.Response.Headers.RetryAfter = "2.0";
                }
            }
            else
            {
                Available -= Cost;
                answer = Answer(operation, variables, $"{asked["query"]}") is { } data ? new() { ["data"] = data }
                    : new() { ["errors"] = new JsonArray(new JsonObject { ["message"] = $"The simulator does not know the operation '{operation}', or it lacks what it needs." }) };
                Answered.AddOrUpdate(operation, 1, (_, times) => times + 1);
            }
            answer["extensions"] = new JsonObject { ["cost"] = new JsonObject
            {
                ["requestedQueryCost"] = Cost, ["actualQueryCost"] = throttled ? null : Cost, ["throttleStatus"] = new JsonObject { ["maximumAvailable"] = MostAvailable, ["currentlyAvailable"] = Available, ["restoreRate"] = RestoreRate },
            } };
        }
        if (mishap is Mishap.HangUpAfter) { context.Abort(); return; }
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(answer.ToJsonString(), context.RequestAborted);
    }

    const double MostAvailable = 1000;

    /// <summary>A buyer takes units that it shows, and an order is made; null where it shows fewer.</summary>
    public SimulatedOrder? Sell(long id, DateTimeOffset at, params (string Sku, int Units)[] lines)
    {
        lock (gate)
        {
            if (!Inventory.Sell(lines)) return null;
            var order = Order(id, start: at);
            order.Create(lines);
            return order;
        }
    }

    JsonObject? Answer(string operation, JsonObject variables, string query) => Inventory.Answer(operation, variables, query) ?? Fulfilment.Answer(operation, variables) ?? Products.Answer(operation, variables) ?? Answer(operation, variables);

    JsonObject? Answer(string operation, JsonObject variables) => operation switch
    {
        "ChangedOrders" => Changed(variables),
        "ReadOrder" => new() { ["order"] = orders.TryGetValue(Number(variables["id"]), out var order) ? order.Node() : null },
        "ReadMove" => new() { ["fulfillmentOrder"] = Moves.TryGetValue(Number(variables["id"]), out var move) ? Move(move) : null },
        "Subscriptions" => new()
        {
            ["webhookSubscriptions"] = new JsonObject { ["nodes"] = new JsonArray([.. subscriptions.Select(pair => new JsonObject { ["id"] = pair.Key, ["topic"] = pair.Value.Topic, ["uri"] = pair.Value.Uri })]) },
        },
        "Subscribe" => Subscribed("webhookSubscriptionCreate", $"gid://shopify/WebhookSubscription/{++made}", $"{variables["topic"]}", $"{variables["uri"]}"),
        "Resubscribe" => Subscribed("webhookSubscriptionUpdate", $"{variables["id"]}", subscriptions[$"{variables["id"]}"].Topic, $"{variables["uri"]}"),
        _ => null,
    };

    // Ids of what changed, the earliest first: query "updated_at:>='…'", a page of `first` after the cursor.
    JsonObject Changed(JsonObject variables)
    {
        var query = variables["query"]!.GetValue<string>();
        var since = DateTimeOffset.Parse(query[(query.IndexOf('\'', StringComparison.Ordinal) + 1)..query.LastIndexOf('\'')], CultureInfo.InvariantCulture);
        var first = variables["first"]!.GetValue<int>();
        var from = int.Parse(variables["after"]?.GetValue<string>() ?? "0", CultureInfo.InvariantCulture);
        var all = orders.Values.Where(order => order.UpdatedAt >= since).OrderBy(order => order.UpdatedAt).ThenBy(order => order.Id).ToList();
        var page = all.Skip(from).Take(first).Select(order => new JsonObject { ["legacyResourceId"] = $"{order.Id}", ["currentSubtotalLineItemsQuantity"] = order.Units, ["edited"] = order.IsEdited, ["cancelledAt"] = order.IsCancelled ? $"{order.UpdatedAt:O}" : null, ["updatedAt"] = order.UpdatedAt.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) });
        return new()
        {
            ["orders"] = new JsonObject
            {
                ["nodes"] = new JsonArray([.. page]),
                ["pageInfo"] = new JsonObject { ["hasNextPage"] = all.Count > from + first, ["endCursor"] = (from + first).ToString(CultureInfo.InvariantCulture) },
            },
        };
    }

    static JsonObject Move((long Order, long Line, long Place, DateTimeOffset At) move) => new()
    {
        ["orderId"] = $"gid://shopify/Order/{move.Order}", ["updatedAt"] = move.At.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        ["assignedLocation"] = new JsonObject { ["location"] = new JsonObject { ["legacyResourceId"] = $"{move.Place}" } },
        ["lineItems"] = new JsonObject { ["nodes"] = new JsonArray(new JsonObject { ["lineItem"] = new JsonObject { ["id"] = $"gid://shopify/LineItem/{move.Line}" } }) },
    };

    JsonObject Subscribed(string field, string id, string topic, string uri)
    {
        var refused = !uri.StartsWith("http", StringComparison.Ordinal);
        if (!refused) subscriptions[id] = (topic, uri);
        return new()
        {
            [field] = new JsonObject
            {
                ["webhookSubscription"] = refused ? null : new JsonObject { ["id"] = id },
                ["userErrors"] = refused ? new JsonArray(new JsonObject { ["message"] = "Address is not allowed" }) : new JsonArray(),
            },
        };
    }

    static string Enum(string topic) => topic.Replace('/', '_').ToUpperInvariant();

    static long Number(JsonNode? gid) => long.Parse($"{gid}".Split('/')[^1], CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await app.DisposeAsync();
    }
}
