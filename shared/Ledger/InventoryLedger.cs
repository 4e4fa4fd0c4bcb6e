using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>
/// The one record of stock. Commands for a SKU are executed one batch at a time, durably, exactly once per key (design, section 3,
/// "One writer at a time per SKU, without locks").
/// </summary>
public sealed class InventoryLedger(Store store)
{
    /// <summary>Executes a command; answers when it is durable.</summary>
    /// <exception cref="ProblemException">422 key used for another content; 503 with Retry-After when the store could not be reached within 10 s
    /// (the command may or may not have been executed: send it again with the same key).</exception>
    public Task<Outcome> ExecuteAsync(Command command) => throw new InvalidOperationException($"{command.Key} {store}");
}
