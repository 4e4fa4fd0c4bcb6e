using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Counts;

/// <summary>Which of a location's stock is to be counted: exactly one of these.</summary>
public sealed record CountScope(IReadOnlyList<(string Sku, string Bin, string Condition)> Lines, IReadOnlyList<string> Skus, IReadOnlyList<string> Bins, string? Zone);

/// <summary>
/// Cycle counts without freezing. A line's look has a beginning and an end; it is compared with the ledger as of then, an entry in between asks for another
/// look, and so does a difference beyond the tolerance, by another person where there is one. What stands is posted by <see cref="CountPosting"/>.
/// </summary>
public sealed class Counting(Store store, LedgerReads reads, CountPosting posting, TimeProvider time)
{
    public const int MostLines = 500;

    /// <summary>A look that was begun longer ago was given up: another may begin.</summary>
    static readonly TimeSpan Longest = TimeSpan.FromHours(1);
    readonly WorkOf<StockCount> counts = new(store, time, StockCount.KindName);

    public Task<StockCount?> FindAsync(string id) => counts.FindAsync(id);

    public Task<Page<StockCount>> ListAsync(string? status, IReadOnlyList<string>? locations, int limit, string? continuation) => counts.ListAsync([("status", "=", status)], locations, limit, continuation);

    /// <summary>Makes a count sheet of what the ledger shows at a location now. The same id again is answered as it stands.</summary>
    /// <exception cref="ProblemException">409: there is nothing to count, or more than one sheet holds; 422: the id was used for another.</exception>
    public async Task<(StockCount Count, bool Repeat)> OpenAsync(string id, string location, CountScope scope, bool blind, long tolerance, string? reason, string actor)
    {
        var content = Canonical.Start().Add(location).Add([.. scope.Lines.SelectMany(line => (string[])[line.Sku, line.Bin, line.Condition])]).Add(scope.Skus).Add(scope.Bins).Add(scope.Zone).Add(blind).Add(tolerance).ShortHash();
        if (await counts.FindAsync(id) is { } before) return (Same(before), true);
        var lines = await LinesAsync(location, scope);
        if (lines.Count == 0) throw ProblemException.Conflict("nothing-to-count", "There is nothing to count", $"The ledger shows nothing of that at {location}. Name SKUs and bins as 'lines' to count them all the same.");
        if (lines.Count > MostLines) throw ProblemException.Conflict("too-many-lines", "It is more than one sheet holds", $"{lines.Count} lines; a count has at most {MostLines}. Narrow it by bins or zone.");
        var now = counts.Now;
        var (there, created) = await counts.CreateAsync(new()
        {
            Id = id, At = location, Blind = blind, Tolerance = tolerance, Reason = reason, Content = content, Actor = actor, CreatedAt = now, UpdatedAt = now,
            Lines = [.. lines.Select((line, i) => new CountLine { Id = string.Create(null, $"{i + 1}"), Sku = line.Sku, Bin = line.Bin, Condition = line.Condition })],
        });
        return (created ? there : Same(there), !created);

        StockCount Same(StockCount other) => other.Content == content ? other : throw ProblemException.Reused(id);
    }

    /// <summary>Adds what was found in a bin and is on no line.</summary>
    public async Task<(StockCount Count, bool Added)> AddAsync(string id, string sku, string bin, string condition) => await counts.ChangeAsync(id, found =>
    {
        if (found.Lines.Any(line => (line.Sku, line.Bin, line.Condition) == (sku, bin, condition))) return null;
        RequireOpen(found);
        if (found.Lines.Count >= MostLines) throw ProblemException.Conflict("too-many-lines", "It is more than one sheet holds", $"Count '{id}' has {MostLines} lines.");
        return found with { Lines = [.. found.Lines, new() { Id = string.Create(null, $"{found.Lines.Count + 1}"), Sku = sku, Bin = bin, Condition = condition }], UpdatedAt = counts.Now };
    }, Unknown);

    /// <summary>Opens a line's window: from now on somebody looks.</summary>
    /// <param name="id">The count.</param>
    /// <param name="line">The line.</param>
    /// <param name="by">Who looks.</param>
    /// <param name="alone">Nobody else is there: the same person counts again.</param>
    /// <exception cref="ProblemException">404; 409: another is counting it, or should; it is decided.</exception>
    public async Task<StockCount> BeginAsync(string id, string line, Counter by, bool alone) => (await counts.ChangeAsync(id, found =>
    {
        RequireOpen(found);
        var wanted = Line(found, line);
        if (wanted.State is CountState.Posting or CountState.Pending or CountState.Posted) throw ProblemException.Conflict("already-counted", "The line is counted", $"Line '{line}' of count '{id}' is {wanted.State.ToString().ToLowerInvariant()}.");
        if (wanted is { State: CountState.Counting, Looks: [.., var open] })
        {
            if (open.By.Actor == by.Actor) return null;
            if (counts.Now - open.From < Longest) throw ProblemException.Conflict("being-counted", "Another is counting it", $"{open.By.Actor} is counting line '{line}' since {InstantConverter.Text(open.From)}.");
        }
        if (!alone && wanted.Recount == CountRules.BeyondTolerance && wanted.Looks.Any(look => look is { Moved: false, Counted: not null } && look.By.Actor == by.Actor))
            throw ProblemException.Conflict("another-person", "Another person counts again", $"You counted line '{line}' of count '{id}' already, and it differed. Have another person count it, or say that nobody else is there (\"alone\": true).");
        return With(found, wanted with { State = CountState.Counting, Looks = [.. wanted.Looks.Where(look => look.Counted is not null), new(by, counts.Now)] });
    }, Unknown)).Document;

    /// <summary>Closes a line's window with what was seen, and decides on it. The same again is answered as it stands.</summary>
    /// <exception cref="ProblemException">404; 409: this person did not begin it.</exception>
    public async Task<(StockCount Count, bool Repeat)> ReportAsync(string id, string line, long counted, Counter by)
    {
        var to = counts.Now;
        var found = await counts.FindAsync(id) ?? throw Unknown(id);
        var wanted = Line(found, line);
        CountLook? seen = null;
        if (wanted is { State: CountState.Counting, Looks: [.., var open] } && open.By.Actor == by.Actor)
            seen = await CompareAsync(found.At, wanted, open with { By = by, To = to, Counted = counted });
        var (told, changed) = await counts.ChangeAsync(id, now =>
        {
            var mine = Line(now, line);
            if (mine is { State: CountState.Counting, Looks: [.., var mineOpen] } && seen is not null && mineOpen.By.Actor == by.Actor && mineOpen.From == seen.From)
            {
                RequireOpen(now);
                var looks = (IReadOnlyList<CountLook>)[.. mine.Looks.Take(mine.Looks.Count - 1), seen];
                var again = CountRules.Recount([.. looks.Skip(mine.Decided)], now.Tolerance);
                return again is not null ? With(now, mine with { State = CountState.Open, Recount = again, Looks = looks })
                    : With(now, mine with { State = CountState.Posting, Recount = null, Looks = looks, Result = CountRules.Result(seen, (mine.Result?.Number ?? 0) + 1) }) with { Attention = counts.Later };
            }
            // The answer to the same report was lost.
            if (mine.Looks.LastOrDefault(look => look.Counted is not null) is { } last && last.By.Actor == by.Actor && last.Counted == counted) return null;
            throw ProblemException.Conflict("not-counting", "You have not begun to count it", $"Line '{line}' of count '{id}' is not being counted by {by.Actor}. Begin it first (POST api/counts/{id}/lines/{line}/begin).");
        }, Unknown);
        return (await posting.RunAsync(told), !changed);
    }

    /// <summary>Calls off what is not counted yet.</summary>
    /// <exception cref="ProblemException">409: something of it is being posted.</exception>
    public async Task<StockCount> CancelAsync(string id) => (await counts.ChangeAsync(id, found =>
        found.Status != CountStatus.Open ? null
        : found.Lines.Any(line => line.State is CountState.Posting or CountState.Pending) ? throw ProblemException.Conflict("being-posted", "Something of it is being posted", $"Count '{id}' has lines that wait for the ledger or a second person.")
        : found with { Status = CountStatus.Cancelled, UpdatedAt = counts.Now }, Unknown)).Document;

    Task<CountLook> CompareAsync(string location, CountLine line, CountLook look) => CompareAsync(reads, location, line, look);

    /// <summary>The look with what the ledger shows as of its window.</summary>
    internal static async Task<CountLook> CompareAsync(LedgerReads reads, string location, CountLine line, CountLook look)
    {
        var account = Accounts.OnHand(location, line.Bin, line.Condition);
        var balance = await reads.BalanceAsync(line.Sku);
        var bins = balance?.Locations.GetValueOrDefault(location)?.Bins;
        // What was written since the balance was read is not in it.
        var entries = (await reads.EntriesSinceAsync(line.Sku, look.From - CountWindow.Ahead)).Where(entry => entry.Sequence <= (balance?.Sequence ?? 0)).ToList();
        var view = CountWindow.Of(account, bins?.GetValueOrDefault(Accounts.Bin(account)) ?? 0, entries, look.From, look.To!.Value);
        if (line.Condition.Length > 0) return look with { Expected = view.Expected, Moved = view.Moved };
        var gone = Accounts.OnHand(location, line.Bin, CountRules.Missing);
        var missing = CountWindow.Of(gone, bins?.GetValueOrDefault(Accounts.Bin(gone)) ?? 0, entries, look.From, look.To.Value);
        return look with { Expected = view.Expected, Missing = Math.Max(0, missing.Expected), Moved = view.Moved || missing.Moved };
    }

    async Task<List<(string Sku, string Bin, string Condition)>> LinesAsync(string location, CountScope scope)
    {
        if (scope.Lines.Count > 0) return [.. scope.Lines.Distinct()];
        var lines = new List<(string Sku, string Bin, string Condition)>();
        if (scope.Skus.Count > 0)
        {
            var balances = await reads.BalancesAsync(scope.Skus);
            foreach (var sku in scope.Skus) Add(sku, balances.GetValueOrDefault(sku)?.Locations.GetValueOrDefault(location)?.Bins.Keys, _ => true, always: true);
            return lines;
        }
        // The shelves of one location are in the balances of all SKUs, and no index has them, since the hot path would pay for it: the store looks at every balance and
        // answers with the shelves alone.
        using var pages = store.Skus.GetItemQueryIterator<Shelves>(new QueryDefinition("SELECT c.sku, c.locations[@location].bins AS bins FROM c WHERE c.id = 'balance' AND IS_DEFINED(c.locations[@location])")
            .WithParameter("@location", location), requestOptions: new() { MaxItemCount = 1_000 });
        while (pages.HasMoreResults && lines.Count <= MostLines)
            foreach (var shelves in await pages.ReadNextAsync())
                Add(shelves.Sku, shelves.Bins?.Keys, bin => scope.Zone is { } zone ? bin.StartsWith(zone, StringComparison.Ordinal) : scope.Bins.Contains(bin, StringComparer.Ordinal), always: false);
        return [.. lines.OrderBy(line => line.Bin, StringComparer.Ordinal).ThenBy(line => line.Sku, StringComparer.Ordinal)];

        void Add(string sku, IEnumerable<string>? bins, Func<string, bool> within, bool always)
        {
            var before = lines.Count;
            foreach (var account in bins ?? [])
            {
                var (bin, condition) = account.IndexOf('#', StringComparison.Ordinal) is >= 0 and var hash ? (account[..hash], account[(hash + 1)..]) : (account, "");
                // Units a picker missed belong to the bin's own line.
                var line = (sku, bin, condition == CountRules.Missing ? "" : condition);
                if (within(bin) && !lines.Contains(line)) lines.Add(line);
            }
            if (always && lines.Count == before) lines.Add((sku, "", ""));
        }
    }

    /// <summary>What a balance has on the shelves of one location.</summary>
    sealed record Shelves(string Sku, IReadOnlyDictionary<string, long>? Bins);

    StockCount With(StockCount count, CountLine line) => count with { Lines = [.. count.Lines.Select(each => each.Id == line.Id ? line : each)], UpdatedAt = counts.Now };

    static CountLine Line(StockCount count, string line) => count.Lines.FirstOrDefault(each => each.Id == line) ?? throw ProblemException.NotFound($"Count '{count.Id}' has no line '{line}'.");

    static void RequireOpen(StockCount count)
    {
        if (count.Status != CountStatus.Open) throw ProblemException.Conflict("count-over", "The count is over", $"Count '{count.Id}' is {count.Status.ToString().ToLowerInvariant()}. Open another.");
    }

    public static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no count '{id}'. POST api/counts opens one.");
}

public static class CountServices
{
    public static IServiceCollection AddCounts(this IServiceCollection services) => services.AddSingleton<CountTasks>().AddSingleton<CountPosting>().AddSingleton<Counting>().AddSingleton<CountVariances>();
}
