using System.Globalization;
using Microsoft.Azure.Cosmos;
using Selvedge.Local.Cosmos;
using Selvedge.Local.Durable;
using Selvedge.Local.ServiceBus;

namespace Selvedge.Local.Functions;

/// <summary>
/// The opened data folder: it belongs to one process at a time. Several hosts in one process share one <see cref="LocalData"/>,
/// and with it one store and one set of timers, like several instances of an app in Azure.
/// </summary>
public sealed class LocalData : IDisposable
{
    private readonly FileStream folderLock;
    private readonly Lock durableGate = new();
    private DurableStore? durable;
    private readonly Lazy<ServiceBusBroker> serviceBus;

    private LocalData(string path, FileStream folderLock, TimerStatusFile timers, CosmosStore cosmos, TimeProvider? clock)
    {
        (Path, this.folderLock, Timers, Cosmos) = (path, folderLock, timers, cosmos);
        serviceBus = new(() => OpenServiceBus(path, clock));
    }

    /// <summary>The folder, absolute.</summary>
    public string Path { get; }

    /// <summary>The Cosmos DB store in the folder.</summary>
    public CosmosStore Cosmos { get; }

    /// <summary>The orchestrations in the folder, opened when first asked for: an app without any has no such file.</summary>
    /// <exception cref="LocalHostException">The file cannot be used.</exception>
    internal DurableStore Durable
    {
        get
        {
            lock (durableGate)
            {
                try
                {
                    return durable ??= DurableStore.Open(Path, AtDurableCommit);
                }
                catch (CosmosStoreException unopened)
                {
                    throw new LocalHostException(ExitCode.Store, unopened.Message, unopened);
                }
            }
        }
    }

    /// <summary>Called before and after each commit of <see cref="Durable"/>, see <see cref="DurableStore.Open"/>. For tests; set before it is opened.</summary>
    internal Action<bool>? AtDurableCommit { get; set; }

    /// <summary>The Service Bus namespace in the folder, opened when first asked for.</summary>
    /// <exception cref="LocalHostException">Its file cannot be opened.</exception>
    public ServiceBusBroker ServiceBus => serviceBus.Value;

    /// <summary>A client of the store in the folder.</summary>
    internal CosmosClient Connect() => new("http://localhost:8081/", "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==", new()
    {
        ConnectionMode = ConnectionMode.Gateway, LimitToEndpoint = true, HttpClientFactory = () => new HttpClient(new CosmosHandler(Cosmos)),
        CosmosClientTelemetryOptions = new() { DisableDistributedTracing = true, DisableSendingMetricsToService = true },
    });

    /// <summary>The lowest number that no host on this folder has: after a crash the next process has the names, and with them the leases, of the one before.</summary>
    internal InstanceName TakeName()
    {
        lock (names)
        {
            var number = 1;
            while (!names.Add(number)) { number++; }
            return new(this, number);
        }
    }

    private readonly HashSet<int> names = [];

    /// <summary>A host's name among those on the folder, until it is given free.</summary>
    internal sealed class InstanceName(LocalData data, int number) : IDisposable
    {
        public string Name => number.ToString(CultureInfo.InvariantCulture);

        public void Dispose()
        {
            lock (data.names) { data.names.Remove(number); }
        }
    }

    /// <summary>When each monitored timer ran last.</summary>
    internal TimerStatusFile Timers { get; }

    /// <summary>Creates the folder where it is missing (readable by its owner only) and locks it for this process. The
    /// lock is the operating system's, so that a killed process leaves none behind.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="cosmos">How its Cosmos store behaves; null: the defaults.</param>
    /// <param name="clock">The clock of its Service Bus; null: the system's.</param>
    /// <exception cref="LocalHostException">The folder cannot be written, is open already, or holds something unreadable.</exception>
    public static LocalData Open(string path, CosmosStoreOptions? cosmos = null, TimeProvider? clock = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        path = System.IO.Path.GetFullPath(path);
        var owner = System.IO.Path.Combine(path, "lock.pid");
        try
        {
            if (OperatingSystem.IsWindows()) { Directory.CreateDirectory(path); }
            else { Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute); }
            var folderLock = Lock(System.IO.Path.Combine(path, "lock"), path, owner);
            try
            {
                File.WriteAllText(owner, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
                return new LocalData(path, folderLock, TimerStatusFile.Open(System.IO.Path.Combine(path, "timers.json")), CosmosStore.Open(path, cosmos), clock);
            }
            catch
            {
                folderLock.Dispose();
                throw;
            }
        }
        catch (CosmosStoreException unopened)
        {
            throw new LocalHostException(ExitCode.Store, unopened.Message, unopened);
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException)
        {
            throw new LocalHostException(ExitCode.DataUnusable, $"The data folder {path} cannot be written: {unusable.Message} Choose another with --data FOLDER or SELVEDGE_DATA.", unusable);
        }
    }

    /// <summary>Closes what is stored, then gives the folder free.</summary>
    public void Dispose()
    {
        durable?.Dispose();
        if (serviceBus.IsValueCreated) { serviceBus.Value.Dispose(); }
        Cosmos.Dispose();
        folderLock.Dispose();
    }

    private static ServiceBusBroker OpenServiceBus(string path, TimeProvider? clock)
    {
        try
        {
            return ServiceBusBroker.Open(path, clock);
        }
        catch (CosmosStoreException unopened)
        {
            throw new LocalHostException(ExitCode.Store, unopened.Message, unopened);
        }
    }

    private static FileStream Lock(string file, string path, string owner)
    {
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException taken) when (IsSharingViolation(taken))
        {
            throw new LocalHostException(ExitCode.DataInUse, $"The data folder {path} is in use by {OwnerName(owner)}. Stop it, or choose another folder with --data FOLDER or SELVEDGE_DATA.", taken);
        }
    }

    // Windows: ERROR_SHARING_VIOLATION. Unix: flock answers EWOULDBLOCK, whose number is 11 on Linux and 35 on macOS.
    private static bool IsSharingViolation(IOException error) => error.HResult is unchecked((int)0x80070020) or 11 or 35;

    private static string OwnerName(string owner)
    {
        try
        {
            return int.TryParse(File.ReadAllText(owner), CultureInfo.InvariantCulture, out var pid)
                ? pid == Environment.ProcessId ? "this very process" : $"process {pid}"
                : "another process";
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return "another process";
        }
    }
}
