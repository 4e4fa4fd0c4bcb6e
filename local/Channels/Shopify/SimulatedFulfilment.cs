using System.Globalization;
using System.Text.Json.Nodes;

namespace Selvedge.Local.Channels.Shopify;

/// <summary>Fulfilment orders and fulfilments of the simulated shop. An order has one fulfilment order with all of it until a test divides it; nothing is known again by a key, as there.</summary>
public sealed class SimulatedFulfilment(Func<long, SimulatedOrder?> find)
{
    /// <summary>One fulfilment order: a place and units by line.</summary>
    public sealed class Task(long id, long order, long place, Dictionary<long, long> left)
    {
        public long Id => id;
        public long Order => order;
        public long Place => place;
        public bool OnHold { get; set; }
        public Dictionary<long, long> Left => left;
    }

    readonly Dictionary<long, List<Task>> tasks = [];
    long made;

    /// <summary>Fulfilments made: order, place, tracking number, units by line.</summary>
    public List<(long Order, long Place, string? Tracking, Dictionary<long, long> Units)> Made { get; } = [];

    /// <summary>The order's fulfilment orders are these.</summary>
    public IReadOnlyList<Task> Divide(long order, params (long Place, long Line, long Units)[] parts) =>
        tasks[order] = [.. parts.GroupBy(part => part.Place).Select(place => new Task(++made, order, place.Key, place.ToDictionary(part => part.Line, part => part.Units)))];

    public static IReadOnlyList<long> Lines(SimulatedOrder order) => [.. order.Node()["lineItems"]!["nodes"]!.AsArray().Select(line => Number(line!["id"]))];

    internal JsonObject? Answer(string operation, JsonObject variables) => operation switch
    {
        "ReadFulfilment" => new() { ["order"] = find(Number(variables["id"])) is { } order ? Order(order) : null },
        "ReadFulfilmentLines" => new() { ["fulfillmentOrder"] = tasks.Values.SelectMany(all => all).FirstOrDefault(task => task.Id == Number(variables["id"])) is { } task ? new JsonObject { ["lineItems"] = LinesOf(task) } : null },
        "Fulfil" => new() { ["fulfillmentCreate"] = Fulfil(variables["fulfillment"]!) },
        "CancelOrder" => new() { ["orderCancel"] = Cancel(Number(variables["orderId"])) },
        _ => null,
    };

    List<Task> Of(SimulatedOrder order) => tasks.TryGetValue(order.Id, out var known) ? known
        : tasks[order.Id] = [new(++made, order.Id, SimulatedOrder.Place, order.Node()["lineItems"]!["nodes"]!.AsArray().ToDictionary(line => Number(line!["id"]), line => Whole(line!["currentQuantity"])))];

    long Sent(long order, long line) => Made.Where(made => made.Order == order).Sum(made => made.Units.GetValueOrDefault(line));

    JsonObject Order(SimulatedOrder order) => new()
    {
        ["cancelledAt"] = order.IsCancelled ? "2026-11-24T00:00:00Z" : null,
        ["fulfillmentOrders"] = new JsonObject { ["nodes"] = new JsonArray([.. Of(order).Select(task => new JsonObject
        {
            ["id"] = $"gid://shopify/FulfillmentOrder/{task.Id}", ["status"] = task.OnHold ? "ON_HOLD" : task.Left.Values.All(left => left == 0) ? "CLOSED" : "OPEN",
            ["supportedActions"] = task.OnHold ? new JsonArray(new JsonObject { ["action"] = "RELEASE_HOLD" }) : new JsonArray(new JsonObject { ["action"] = "CREATE_FULFILLMENT" }),
            ["assignedLocation"] = new JsonObject { ["location"] = new JsonObject { ["id"] = SimulatedInventory.PlaceGid(task.Place) } },
        })]) },
        ["lineItems"] = SimulatedInventory.Connection(order.Node()["lineItems"]!["nodes"]!.AsArray().Select(line => new JsonObject
        {
            ["id"] = $"{line!["id"]}", ["currentQuantity"] = line["currentQuantity"]!.DeepClone(), ["unfulfilledQuantity"] = Math.Max(0, Whole(line["currentQuantity"]) - Sent(order.Id, Number(line["id"]))),
        }), 0, 100),
    };

    static JsonObject LinesOf(Task task) => SimulatedInventory.Connection(task.Left.Select(line => new JsonObject
    {
        ["id"] = $"gid://shopify/FulfillmentOrderLineItem/{task.Id}{line.Key}", ["remainingQuantity"] = line.Value, ["lineItem"] = new JsonObject { ["id"] = $"gid://shopify/LineItem/{line.Key}" },
    }), 0, 100);

    JsonObject Fulfil(JsonNode input)
    {
        var plan = new List<(Task Task, long Line, long Units)>();
        foreach (var part in input["lineItemsByFulfillmentOrder"]!.AsArray())
        {
            if (tasks.Values.SelectMany(all => all).FirstOrDefault(task => task.Id == Number(part!["fulfillmentOrderId"])) is not { OnHold: false } task) return Refused("The fulfillment order is not open.");
            foreach (var line in part!["fulfillmentOrderLineItems"]!.AsArray())
                plan.Add((task, task.Left.Keys.First(key => $"{line!["id"]}".EndsWith($"/{task.Id}{key}", StringComparison.Ordinal)), line!["quantity"]!.GetValue<long>()));
        }
        if (plan.DistinctBy(step => (step.Task.Order, step.Task.Place)).Count() != 1) return Refused("All fulfillment orders must be of one order at one location.");
        if (plan.Exists(step => step.Units < 1 || step.Units > step.Task.Left[step.Line])) return Refused("Invalid fulfillment order line item quantity requested.");
        foreach (var (task, line, units) in plan) task.Left[line] -= units;
        var first = plan[0].Task;
        Made.Add((first.Order, first.Place, (string?)input["trackingInfo"]?["number"], plan.GroupBy(step => step.Line).ToDictionary(line => line.Key, line => line.Sum(step => step.Units))));
        var (order, lines) = (find(first.Order)!, Lines(find(first.Order)!));
        foreach (var (_, line, units) in plan) order.Fulfil(lines.ToList().IndexOf(line), (int)units);
        return new() { ["fulfillment"] = new JsonObject { ["id"] = $"gid://shopify/Fulfillment/{Made.Count}", ["status"] = "SUCCESS" }, ["userErrors"] = new JsonArray() };
    }

    JsonObject Cancel(long id)
    {
        var why = find(id) is not { } order ? "NOT_FOUND" : order.IsCancelled || Made.Exists(made => made.Order == id) ? "INVALID" : null;
        if (why is null) find(id)!.Cancel();
        return new() { ["job"] = why is null ? new JsonObject { ["id"] = "gid://shopify/Job/1" } : null, ["orderCancelUserErrors"] = why is null ? new JsonArray() : new JsonArray(new JsonObject { ["field"] = null, ["code"] = why, ["message"] = "The order cannot be cancelled." }) };
    }

    static JsonObject Refused(string message) => new() { ["fulfillment"] = null, ["userErrors"] = new JsonArray(new JsonObject { ["field"] = null, ["message"] = message }) };
    static long Whole(JsonNode? number) => long.Parse($"{number}", CultureInfo.InvariantCulture);
    static long Number(JsonNode? gid) => long.Parse($"{gid}".Split('/')[^1], CultureInfo.InvariantCulture);
}
