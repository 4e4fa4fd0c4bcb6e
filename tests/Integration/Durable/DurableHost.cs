using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Local.Durable;
using Selvedge.Local.Functions;
using Selvedge.Tests.Integration.Functions;

namespace Selvedge.Tests.Integration.Durable;

/// <summary>What the orchestrators and activities of a test share with it: side effects keyed by what was done, doors that hold activities back.</summary>
public sealed class Journal
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> doors = new();

    /// <summary>How often each thing was done.</summary>
    public ConcurrentDictionary<string, int> Done { get; } = new();

    /// <summary>In the order done.</summary>
    public ConcurrentQueue<string> Order { get; } = new();

    public void Add(string what)
    {
        Done.AddOrUpdate(what, 1, (_, times) => times + 1);
        Order.Enqueue(what);
    }

    public Task DoorAsync(string name) => doors.GetOrAdd(name, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public void Open(string name) => doors.GetOrAdd(name, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
}

/// <summary>One host of durable functions on a folder, with a clock that moves only when told.</summary>
internal sealed class DurableHost : IAsyncDisposable
{
    private readonly RunningHost host;
    private readonly TempFolder? owned;

    private DurableHost(RunningHost host, TempFolder? owned, ManualTime time, Journal journal) => (this.host, this.owned, Time, Journal) = (host, owned, time, journal);

    public ManualTime Time { get; }

    public Journal Journal { get; }

    public DurableTaskClient Client => host.Services.GetRequiredService<LocalDurableClient>();

    public LocalData Data => host.Services.GetRequiredService<LocalData>();

    public HttpClient Http => host.Client;

    public static async Task<DurableHost> StartAsync(Type[] functions, TempFolder? folder = null, ManualTime? time = null, Journal? journal = null, Action<FunctionsApplicationBuilder>? configure = null, string? durableTask = null)
    {
        var used = folder ?? new TempFolder();
        if (durableTask is not null) { used.Write("host.json", $$"""{ "version": "2.0", "extensions": { "http": { "routePrefix": "" }, "durableTask": {{durableTask}} } }"""); }
        time ??= new ManualTime(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        journal ??= new Journal();
        try
        {
            var host = await RunningHost.StartAsync(functions, builder =>
            {
                builder.Services.AddSingleton<TimeProvider>(time).AddSingleton(journal);
                configure?.Invoke(builder);
            }, used);
            return new DurableHost(host, folder is null ? used : null, time, journal);
        }
        catch
        {
            if (folder is null) { used.Dispose(); }
            throw;
        }
    }

    /// <summary>Starts an orchestration and waits for its end.</summary>
    public async Task<OrchestrationMetadata> RunAsync(string name, object? input = null, string? id = null)
    {
        var instance = await Client.ScheduleNewOrchestrationInstanceAsync(name, input, new StartOrchestrationOptions(id));
        return await EndAsync(instance);
    }

    public Task<OrchestrationMetadata> EndAsync(string instance) => Client.WaitForInstanceCompletionAsync(instance, true, TestContext.Current.CancellationToken);

    /// <summary>Moves the clock from timer to timer until the instance has ended.</summary>
    public async Task<OrchestrationMetadata> EndOverTimeAsync(string instance, TimeSpan step)
    {
        var ended = EndAsync(instance);
        while (await Task.WhenAny(ended, Task.Delay(5, TestContext.Current.CancellationToken)) != ended) { Time.Advance(step); }
        return await ended;
    }

    /// <summary>Waits until a custom status is this text.</summary>
    public async Task StatusAsync(string instance, string status)
    {
        while ((await Client.GetInstanceAsync(instance, true, TestContext.Current.CancellationToken))?.SerializedCustomStatus != $"\"{status}\"")
        {
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await host.DisposeAsync();
        owned?.Dispose();
    }
}
