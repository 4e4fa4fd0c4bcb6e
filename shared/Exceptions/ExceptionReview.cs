using System.Globalization;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Exceptions;

/// <summary>Resolves what the ledger opened once its cause is certainly gone: the account is at zero or above again, the line waits for nothing any more.
/// Orders' own exceptions are reviewed where orders are brought up to the ledger.</summary>
public sealed class ExceptionReview(Store store, LedgerReads ledger, ExceptionCases exceptions)
{
    const string Actor = "system:exception-review";

    /// <summary>Most exceptions looked at in one pass, for each kind.</summary>
    const int Most = 500;

    /// <summary>One pass. Answers how many were resolved.</summary>
    public async Task<int> RunAsync(CancellationToken cancel)
    {
        var resolved = 0;
        foreach (var kind in (string[])["belowZero", "claimUncovered", "claimReassigned", "supplyCut", "intakeStuck"])
        {
            string? continuation = null;
            for (var seen = 0; seen < Most && !cancel.IsCancellationRequested; seen += 100)
            {
                var page = await exceptions.ListAsync(ExceptionStatus.Open, kind, 100, continuation);
                foreach (var open in page.Items)
                    if (await GoneAsync(open, cancel) is { } why && await ResolveAsync(open.Id, why)) resolved++;
                if ((continuation = page.Continuation) is null) break;
            }
        }
        return resolved;
    }

    async Task<string?> GoneAsync(ExceptionCase open, CancellationToken cancel) => open switch
    {
        { Kind: "belowZero", Sku: { } sku, Expected.Source: var source } when source.StartsWith("ledger: onHand/", StringComparison.Ordinal) => await ShownAsync(sku, source["ledger: ".Length..], cancel),
        { Kind: "claimUncovered" or "claimReassigned" or "supplyCut", Sku: { } sku, Order: { } order, Line: { } line } =>
            await ExistsAsync(store.Skus, Ids.Claim(order, line, Accounts.Short), sku, cancel) ? null : "The line waits for nothing any more.",
        { Kind: "intakeStuck", Order: { } order } => await IsDecidedAsync(order, cancel) ? "The order is decided." : null,
        _ => null,
    };

    async Task<string?> ShownAsync(string sku, string account, CancellationToken cancel)
    {
        if (await ledger.BalanceAsync(sku, cancel) is not { } balance) return null;
        var shown = balance.Locations.GetValueOrDefault(Accounts.Location(account))?.Bins.GetValueOrDefault(Accounts.Bin(account)) ?? 0;
        return shown >= 0 ? $"The record shows {shown.ToString(CultureInfo.InvariantCulture)} there now." : null;
    }

    static async Task<bool> ExistsAsync(Container container, string id, string partition, CancellationToken cancel)
    {
        using var read = await container.ReadItemStreamAsync(id, new PartitionKey(partition), cancellationToken: cancel);
        if (read.StatusCode == System.Net.HttpStatusCode.NotFound) return false;
        read.EnsureSuccessStatusCode();
        return true;
    }

    async Task<bool> IsDecidedAsync(string order, CancellationToken cancel)
    {
        using var read = await store.Orders.ReadItemStreamAsync(order, new PartitionKey(order), cancellationToken: cancel);
        if (!read.IsSuccessStatusCode) return false;
        using var json = await JsonDocument.ParseAsync(read.Content, cancellationToken: cancel);
        return !json.RootElement.TryGetProperty("intake", out _);
    }

    async Task<bool> ResolveAsync(string id, string why)
    {
        try { return !(await exceptions.ResolveAsync(id, why, owner: null, Actor)).Repeated; }
        catch (ProblemException otherwise) when (otherwise.Status is 404 or 409) { return false; }
    }
}
