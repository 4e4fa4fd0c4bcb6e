using Selvedge.Tests.Integration.Functions;

namespace Selvedge.Tests.Integration.ServiceBus;

/// <summary>
/// A namespace for the contract suite: the one of the connection string in <c>SERVICEBUS_CONTRACT_CONNECTION</c>, in which the queues below exist and are this
/// suite's alone, else a broker in a temporary folder whose clock the test moves.
/// </summary>
internal sealed class BusRig : IAsyncDisposable
{
    private static readonly QueueDefinition[] Declared =
    [
        new("contract-plain") { LockDuration = TimeSpan.FromSeconds(10), MaxDeliveryCount = 3 },
        new("contract-dedupe") { LockDuration = TimeSpan.FromSeconds(10), RequiresDuplicateDetection = true, DuplicateDetectionHistoryTimeWindow = TimeSpan.FromSeconds(20) },
        new("contract-sessions") { LockDuration = TimeSpan.FromSeconds(10), MaxDeliveryCount = 3, RequiresSession = true },
        new("contract-expiring") { LockDuration = TimeSpan.FromSeconds(10), DeadLetteringOnMessageExpiration = true },
    ];

    private readonly TempFolder folder = new();
    private readonly ManualTime? time;
    private ServiceBusBroker? broker;

    private BusRig(ServiceBusClient client) => Client = client;

    private BusRig(ManualTime time)
    {
        this.time = time;
        broker = Open(folder.Path);
        foreach (var queue in Declared) { broker.Declare(queue); }
        Client = broker.Connect();
    }

    public ServiceBusClient Client { get; private set; }

    /// <summary>The local broker; null against the real service.</summary>
    public ServiceBusBroker? Broker => broker;

    public ManualTime Time => time!;

    public string FolderPath => folder.Path;

    /// <summary>The clock's time, or the machine's against the real service.</summary>
    public DateTimeOffset Now => (time ?? TimeProvider.System).GetUtcNow();

    public static async Task<BusRig> StartAsync(string queue)
    {
        if (Environment.GetEnvironmentVariable("SERVICEBUS_CONTRACT_CONNECTION") is not { Length: > 0 } connection) { return Local(); }
        var rig = new BusRig(new ServiceBusClient(connection));
        foreach (var part in (SubQueue[])[SubQueue.None, SubQueue.DeadLetter])
        {
            if (part == SubQueue.None && queue == "contract-sessions") { continue; }
            await using var left = rig.Client.CreateReceiver(queue, new ServiceBusReceiverOptions { SubQueue = part, ReceiveMode = ServiceBusReceiveMode.ReceiveAndDelete });
            while ((await left.ReceiveMessagesAsync(100, TimeSpan.FromSeconds(1))).Count > 0) { }
        }
        return rig;
    }

    /// <summary>On the local broker whatever the environment says.</summary>
    public static BusRig Local() => new(new ManualTime(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero)));

    /// <summary>Lets time go by.</summary>
    public async Task PassAsync(TimeSpan span)
    {
        if (time is not null) { time.Advance(span); }
        else { await Task.Delay(span); }
    }

    /// <summary>The process is killed and another one starts: what is on the disk at this moment is all that is left.</summary>
    public void Crash()
    {
        var survived = folder.File(Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(survived);
        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(BrokerFile)!, "servicebus.db*").Where(file => !file.EndsWith("-shm", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(survived, Path.GetFileName(file)));
        }
        broker!.Dispose();
        broker = Open(survived);
        Client = broker.Connect();
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        broker?.Dispose();
        folder.Dispose();
    }

    private string BrokerFile { get; set; } = "";

    private ServiceBusBroker Open(string path)
    {
        BrokerFile = Path.Combine(path, "servicebus.db");
        return ServiceBusBroker.Open(path, time);
    }
}
