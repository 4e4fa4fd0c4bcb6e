using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Logging;
using Selvedge.Exceptions;
using Selvedge.Ledger.Rules;
using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>One audit: document <c>a:…</c> in container <c>audits</c>.</summary>
public sealed record AuditReport
{
    public required string Id { get; init; }
    public string Type { get; init; } = "audit";
    public required string Actor { get; init; }
    /// <summary><c>running</c>, <c>done</c>, or <c>interrupted</c> when its process ended before it did.</summary>
    public required string State { get; set; }
    public required DateTimeOffset StartedAt { get; init; }
    public DateTimeOffset? FinishedAt { get; set; }
    public DateTimeOffset BeatAt { get; set; }
    /// <summary>True when it is done and found no difference.</summary>
    public bool Clean { get; set; }
    public long Skus { get; set; }
    /// <summary>Entries replayed by this audit, those proven before not counted.</summary>
    public long Entries { get; set; }
    public List<string> Differences { get; init; } = [];
}

/// <summary>
/// Proves the ledger (design, section 3, "Audit"): replaying a SKU's entries gives its balance and claims exactly, the hash chain is whole, all
/// accounts sum to zero. Goes on from what was proven before. Also opens the exception of every contradiction again, so that one lost in a crash is
/// there before the audit says that it is done.
/// </summary>
public sealed partial class Audits(Store store, InventoryLedger ledger, ExceptionCases exceptions, TimeProvider time, ILogger<Audits> log)
{
    const int MostDifferences = 100, AtOnce = 4, LargestProof = 1_500_000;
    static readonly TimeSpan Beat = TimeSpan.FromSeconds(2), Dead = TimeSpan.FromMinutes(1);

    /// <summary>What an audit of one SKU left proven: document <c>p:&lt;sku&gt;</c>.</summary>
    sealed record Proof(string Id, string Type, Balance Balance, IReadOnlyCollection<Claim> Claims, string? Continuation);

    /// <summary>Starts an audit in the background and answers its id. <paramref name="fromScratch"/> does not trust earlier proofs.</summary>
    public async Task<string> StartAsync(string actor, bool fromScratch = false)
    {
        var report = await BeginAsync(actor);
        _ = Task.Run(() => RunAsync(report, fromScratch));
        return report.Id;
    }

    /// <summary>Runs an audit to its end.</summary>
    public async Task<AuditReport> RunAsync(string actor, bool fromScratch = false)
    {
        var report = await BeginAsync(actor);
        await RunAsync(report, fromScratch);
        return report;
    }

    /// <summary>An audit by id, or the one that began last for <c>latest</c>; null when there is none.</summary>
    public async Task<AuditReport?> FindAsync(string id)
    {
        AuditReport? report = null;
        if (id == "latest")
        {
            using var pages = store.Audits.GetItemQueryIterator<AuditReport>("SELECT TOP 1 * FROM c WHERE c.type = 'audit' ORDER BY c.startedAt DESC");
            while (report is null && pages.HasMoreResults) report = (await pages.ReadNextAsync()).FirstOrDefault();
        }
        else
        {
            using var response = await store.Audits.ReadItemStreamAsync(id, new PartitionKey(id));
            if (response.StatusCode == HttpStatusCode.NotFound || !id.StartsWith("a:", StringComparison.Ordinal)) return null;
            response.EnsureSuccessStatusCode();
            report = JsonSerializer.Deserialize<AuditReport>(response.Content, Json.Options);
        }
        if (report is { State: "running" } && time.GetUtcNow() - report.BeatAt > Dead) report.State = "interrupted";
        return report;
    }

    async Task<AuditReport> BeginAsync(string actor)
    {
        var now = time.GetUtcNow();
        var report = new AuditReport
        {
            Id = Ids.Join(["a", now.UtcDateTime.ToString("yyyyMMddHHmmssfff", null) + "-" + Guid.NewGuid().ToString("N")[..6]]), Actor = actor, State = "running", StartedAt = now, BeatAt = now,
        };
        await store.Audits.CreateItemAsync(report, new PartitionKey(report.Id));
        return report;
    }

    async Task RunAsync(AuditReport report, bool fromScratch)
    {
        using var one = new SemaphoreSlim(1);
        using var ended = new CancellationTokenSource();
        var beating = BeatAsync();
        try
        {
            await Parallel.ForEachAsync(SkusAsync(), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (sku, _) =>
            {
                var counted = 0L;
                var (entries, differences) = await AuditAsync(sku, fromScratch, async so =>
                {
                    await NoteAsync(() => report.Entries += so - counted);
                    counted = so;
                });
                await NoteAsync(() =>
                {
                    report.Skus++;
                    report.Entries += entries - counted;
                    report.Differences.AddRange(differences.Take(MostDifferences - report.Differences.Count));
                });
            });
        }
        catch (Exception e)
        {
            AuditFailed(e, report.Id);
            report.Differences.Add("The audit could not be finished: " + e.Message);
        }
        await ended.CancelAsync();
        await beating;
        report.State = "done";
        report.FinishedAt = time.GetUtcNow();
        report.Clean = report.Differences.Count == 0;
        await SaveAsync(report);

        async Task NoteAsync(Action note)
        {
            await one.WaitAsync(CancellationToken.None);
            try { note(); }
            finally { one.Release(); }
        }

        // An audit that is silent for long is taken for dead, so it is heard whatever it is at.
        async Task BeatAsync()
        {
            using var timer = new PeriodicTimer(Beat, time);
            try
            {
                while (await timer.WaitForNextTickAsync(ended.Token))
                {
                    await one.WaitAsync(CancellationToken.None);
                    try { await SaveAsync(report); }
                    catch (Exception unsaved) when (unsaved is CosmosException or HttpRequestException) { BeatFailed(unsaved, report.Id); }
                    finally { one.Release(); }
                }
            }
            catch (OperationCanceledException) when (ended.IsCancellationRequested) { }
        }
    }

    async Task SaveAsync(AuditReport report)
    {
        report.BeatAt = time.GetUtcNow();
        await store.Audits.UpsertItemAsync(report, new PartitionKey(report.Id));
    }

    /// <summary>Audits one SKU: replays what is new since its proof, compares, and keeps the new proof. <paramref name="progress"/> is told how many entries
    /// were replayed so far.</summary>
    public async Task<(long Entries, IReadOnlyList<string> Differences)> AuditAsync(string sku, bool fromScratch = false, Func<long, Task>? progress = null)
    {
        var partition = new SkuPartition(store.Skus, sku);
        var proofId = Ids.Join(["p", sku]);
        var proof = fromScratch ? null : await ProofAsync(proofId);
        var replay = new Replay(sku, proof?.Balance, proof?.Claims);

        // Writers go on meanwhile: claims are read between two reads of the balance, and those touched in between are left for the next audit.
        var first = await partition.BalanceAsync();
        var claims = await partition.ClaimsAsync();
        var last = await partition.BalanceAsync();
        // A crash may have come between an entry and the one that goes on serving those who wait.
        if (last.Rebalancing) _ = ledger.ExecuteAsync(new Rebalance { Sku = sku, Actor = "ledger", After = last.Sequence });
        var (moved, began) = (new HashSet<string>(), replay.Balance.Sequence);
        var (continuation, early) = (proof?.Continuation, new SortedDictionary<long, Entry>());
        var feed = store.Skus.GetChangeFeedStreamIterator(
            continuation is null ? ChangeFeedStartFrom.Beginning(FeedRange.FromPartitionKey(new PartitionKey(sku))) : ChangeFeedStartFrom.ContinuationToken(continuation),
            ChangeFeedMode.Incremental, new ChangeFeedRequestOptions { PageSizeHint = 2_000 });
        while (replay.Balance.Sequence < last.Sequence && feed.HasMoreResults)
        {
            using var page = await feed.ReadNextAsync();
            if (page.StatusCode == HttpStatusCode.NotModified) break;
            page.EnsureSuccessStatusCode();
            foreach (var entry in SkuPartition.Entries(page.Content))
                if (entry.Sequence > began && (entry.Sequence <= replay.Balance.Sequence || !early.TryAdd(entry.Sequence, entry)))
                    replay.Differences.Add($"{sku}: {entry.Key} is a second entry of number {entry.Sequence}");
            // Entries of one batch may come in another order than their numbers say.
            while (early.Count > 0 && early.First() is var (number, next) && number <= last.Sequence && number == replay.Balance.Sequence + 1)
            {
                early.Remove(number);
                replay.Add(next);
                if (next.Sequence > first.Sequence) foreach (var claim in next.Claims ?? []) moved.Add(Ids.Claim(claim.Order, claim.Line, claim.Place));
                if (next.Outcome.Exceptions is not null) await exceptions.OpenAsync(next);
            }
            if (early.Count == 0) continuation = page.ContinuationToken;
            if (progress is not null) await progress(replay.Entries);
        }
        // A SKU that has not moved yet has no balance either.
        if (last.ETag is null && (proof is not null || claims.Count > 0 || await HasJournalAsync(sku))) replay.Differences.Add($"{sku}: there are entries or claims and no balance");
        if (replay.Balance.Sequence < last.Sequence) replay.Differences.Add($"{sku}: entry {replay.Balance.Sequence + 1} is missing");
        replay.Compare(last, claims, moved);
        if (replay.Differences.Count == 0 && continuation is not null && replay.Entries > 0)
            await KeepAsync(new(proofId, "proof", replay.Balance, replay.Claims, continuation));
        return (replay.Entries, replay.Differences);
    }

    async Task<bool> HasJournalAsync(string sku)
    {
        using var pages = store.Skus.GetItemQueryIterator<string>("SELECT VALUE c.sku FROM c WHERE c.first = true", requestOptions: new() { PartitionKey = new PartitionKey(sku) });
        return (await pages.ReadNextAsync()).Count > 0;
    }

    async Task<Proof?> ProofAsync(string id)
    {
        using var response = await store.Audits.ReadItemStreamAsync(id, new PartitionKey(id));
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        response.EnsureSuccessStatusCode();
        return JsonSerializer.Deserialize<Proof>(response.Content, ProofJson);
    }

    async Task KeepAsync(Proof proof)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(proof, ProofJson);
        if (bytes.Length > LargestProof) return;
        using var body = new MemoryStream(bytes);
        using var response = await store.Audits.UpsertItemStreamAsync(body, new PartitionKey(proof.Id));
        response.EnsureSuccessStatusCode();
    }

    static readonly JsonSerializerOptions ProofJson = new(Json.Options) { RespectNullableAnnotations = false };

    /// <summary>Every SKU with a balance, with a journal, or proven before: what has lost its balance is found by the others.</summary>
    async IAsyncEnumerable<string> SkusAsync()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (container, query) in ((Container, string)[])[
            (store.Skus, $"SELECT VALUE c.sku FROM c WHERE c.id = '{Balance.DocumentId}'"), (store.Skus, "SELECT VALUE c.sku FROM c WHERE c.first = true"),
            (store.Audits, "SELECT VALUE c.balance.sku FROM c WHERE c.type = 'proof'")])
        {
            using var pages = container.GetItemQueryIterator<string>(query);
            while (pages.HasMoreResults)
                foreach (var sku in await pages.ReadNextAsync())
                    if (seen.Add(sku)) yield return sku;
        }
    }

    [LoggerMessage(EventId = 2101, Level = LogLevel.Error, Message = "Audit {Audit} could not be finished")]
    partial void AuditFailed(Exception e, string audit);

    [LoggerMessage(EventId = 2102, Level = LogLevel.Warning, Message = "Audit {Audit} could not say how far it is")]
    partial void BeatFailed(Exception e, string audit);
}
