using System.Text.Json;
using System.Threading.Channels;
using Azure.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Functions.Orders;

/// <summary>
/// Intake step 6 (design, section 4): sends <c>{orderId}</c> to queue <c>orders</c>, message id <c>&lt;order id&gt;:&lt;n&gt;</c>, in batches and off the way of who took the order
/// in. What is lost here, by a full buffer, a crash or a broker that is away, costs the time until the order's date is looked at.
/// </summary>
public sealed partial class OrderQueue(DueOrders due, InventoryLedger ledger, ServiceBusClient client, ILogger<OrderQueue> logger) : BackgroundService
{
    public const string Name = "orders";

    /// <summary>Longest part of a message id (128 characters) that names the order.</summary>
    const int LongestId = 90;
    const int MostWaiting = 20_000, MostAtOnce = 200;
    readonly Channel<ServiceBusMessage> waiting = Channel.CreateBounded<ServiceBusMessage>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        due.Noted += Note;
        ledger.Contradicted += Note;
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override Task StopAsync(CancellationToken cancellationToken)
    {
        due.Noted -= Note;
        ledger.Contradicted -= Note;
        waiting.Writer.TryComplete();
        return base.StopAsync(cancellationToken);
    }

    /// <summary>The namespace that the setting <c>ServiceBus</c> means: a connection string, or under <c>ServiceBus:fullyQualifiedNamespace</c> its name (then with the app's identity).</summary>
    public static ServiceBusClient Connect(IServiceProvider provider)
    {
        var configuration = provider.GetRequiredService<IConfiguration>();
        if (configuration["ServiceBus"] is { Length: > 0 } connection) return new(connection);
        var name = configuration["ServiceBus:fullyQualifiedNamespace"] ?? throw new InvalidOperationException("The setting 'ServiceBus:fullyQualifiedNamespace' is missing: the namespace with the queue of orders.");
        return new(name, provider.GetService<TokenCredential>() ?? throw new InvalidOperationException("'ServiceBus:fullyQualifiedNamespace' is a name: register the app's TokenCredential, or use a connection string."));
    }

    /// <summary>The id of a message about an order.</summary>
    public static string MessageId(string order, long attempt) => string.Create(null, $"{Ids.Join([order], LongestId)}:{attempt}");

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using var sender = client.CreateSender(Name);
        var batch = new List<ServiceBusMessage>();
        while (await waiting.Reader.WaitToReadAsync(stoppingToken))
        {
            while (batch.Count < MostAtOnce && waiting.Reader.TryRead(out var next)) batch.Add(next);
            try
            {
                await sender.SendMessagesAsync(batch, stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                LogLost(failure, batch.Count);
            }
            batch.Clear();
        }
    }

    // Never waits: who wrote the order, or the ledger's writer, calls these.
    void Note(Order order) => Write(new(order.Id), MessageId(order.Id, Deliveries.Attempt(order)));

    // Units that were promised turned out not to be there: what is under way has to see where they are taken from now.
    void Note(Entry entry)
    {
        foreach (var hit in entry.Outcome.Exceptions ?? [])
            if (hit.Order is { } order) Write(new(order, Changed: true), string.Create(null, $"{Ids.Join([order], LongestId)}:{WorkIds.Tag(entry.Sku)}{entry.Sequence}"));
    }

    void Write(OrderMessage message, string id)
    {
        if (!waiting.Writer.TryWrite(new ServiceBusMessage(JsonSerializer.SerializeToUtf8Bytes(message, Json.Options)) { MessageId = id, ContentType = "application/json" })) LogLost(null, 1);
    }

    [LoggerMessage(EventId = 3044, Level = LogLevel.Warning, Message = "{Messages} messages to the queue of orders were lost: the orders are found by their date")]
    partial void LogLost(Exception? failure, int messages);
}
