using System.Collections.Concurrent;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>
/// The one record of stock. Commands for a SKU are executed one batch at a time, durably, exactly once per key (design, section 3,
/// "One writer at a time per SKU, without locks").
/// </summary>
public class InventoryLedger(Store store, TimeProvider time)
{
    /// <summary>Writers kept in memory; each caches its SKU's balance. Beyond this, idle ones are let go.</summary>
    const int MostWriters = 4_096;

    readonly ConcurrentDictionary<string, SkuWriter> writers = new(StringComparer.Ordinal);
    readonly Container skus = store.Skus;

    /// <summary>Raised after an entry with exceptions was written. A crash may lose it; an audit opens what is missing.</summary>
    public event Action<Entry>? Contradicted;

    /// <summary>Executes a command; answers when it is durable. No caller's cancellation reaches the writer.</summary>
    /// <exception cref="ProblemException">422: the key was used for another content. 503 with Retry-After: the store did not take it within 10 s
    /// (it may or may not have been executed: send it again with the same key).</exception>
    public virtual Task<Outcome> ExecuteAsync(Command command)
    {
        while (true)
        {
            var writer = writers.GetOrAdd(command.Sku, static (sku, ledger) => ledger.Open(sku), this);
            if (writer.Submit(command) is { } outcome) return outcome;
            writers.TryRemove(new(command.Sku, writer));
        }
    }

    void Report(Entry entry) => Contradicted?.Invoke(entry);

    SkuWriter Open(string sku)
    {
        if (writers.Count >= MostWriters)
            foreach (var (idle, writer) in writers)
                if (writer.TryRetire()) { writers.TryRemove(new(idle, writer)); if (writers.Count < MostWriters * 3 / 4) break; }
        return new(new(skus, sku), time, Report);
    }
}

public static class LedgerServices
{
    public static IServiceCollection AddLedger(this IServiceCollection services) => services.AddSingleton<InventoryLedger>().AddSingleton<Audits>();
}
