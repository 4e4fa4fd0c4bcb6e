using Microsoft.Azure.Cosmos;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Counts;

/// <summary>Count tasks that follow from something else: a short pick, a bin that showed fewer than none. A task is a count with one line; a SKU in a bin has one at a time.</summary>
public sealed class CountTasks(Store store, TimeProvider time)
{
    const int Tries = 12;

    /// <summary>More that ask for a task are not noted on it: their repeats may ask for another.</summary>
    const int MostSources = 100;
    readonly WorkOf<StockCount> counts = new(store, time, StockCount.KindName);

    /// <summary>Asks for one SKU in one bin to be counted. Where somebody is to count it already, that serves both. The same <paramref name="source"/> asks once, however often.</summary>
    /// <param name="location">Where.</param>
    /// <param name="bin">The bin; empty: the location has none.</param>
    /// <param name="sku">The SKU. Its posting settles what is in <c>#missing</c> of that bin.</param>
    /// <param name="reason">Why, in words.</param>
    /// <param name="source">What asks, e.g. <c>&lt;ticket&gt;:&lt;scan&gt;</c>.</param>
    /// <returns>The task's id.</returns>
    public async Task<string> OpenAsync(string location, string bin, string sku, string reason, string source)
    {
        var about = WorkIds.Tag(Ids.Join([location, bin, sku], 1000));
        for (var tries = 0; tries < Tries; tries++)
        {
            var known = await AboutAsync(about);
            if (known.Find(count => count.Source == source || count.Sources?.Contains(source) == true) is { } asked) return asked.Id;
            if (known.Find(Serves) is { } open)
            {
                // Whoever closed it meanwhile did not see what is missing now: then another is made.
                if (await counts.ReplaceAsync(open with { Sources = (open.Sources?.Count ?? 0) < MostSources ? [.. open.Sources ?? [], source] : open.Sources, UpdatedAt = counts.Now }) is { } joined) return joined.Id;
                continue;
            }
            // Numbered, so that of two that find none open one makes it and the other finds that.
            var (now, turn) = (counts.Now, known.Count == 0 ? 1 : known.Max(count => count.Turn) + 1);
            var (there, created) = await counts.CreateAsync(new()
            {
                Id = "ct-" + WorkIds.Tag(Ids.Join([about, turn.ToString(System.Globalization.CultureInfo.InvariantCulture)], 1000)), At = location, About = about, Turn = turn, Source = source, Reason = reason, Actor = "system:" + StockCount.KindName,
                Lines = [new() { Id = "1", Sku = sku, Bin = bin }], CreatedAt = now, UpdatedAt = now,
            });
            if (created || there.Source == source) return there.Id;
        }
        throw ProblemException.Busy($"The counts of {sku} in {(bin.Length > 0 ? bin : location)} are being changed by others. Send the same again.");
    }

    // What is missing while somebody is at the shelf moves inside the window, and asks for another look.
    static bool Serves(StockCount count) => count is { Status: CountStatus.Open, Lines: [{ State: CountState.Open or CountState.Counting }, ..] };

    async Task<List<StockCount>> AboutAsync(string about)
    {
        var found = new List<StockCount>();
        using var pages = store.Work.GetItemQueryIterator<StockCount>(new QueryDefinition("SELECT * FROM c WHERE c.location = @kind AND c.about = @about").WithParameter("@kind", StockCount.KindName).WithParameter("@about", about));
        while (pages.HasMoreResults) found.AddRange(await pages.ReadNextAsync());
        return found;
    }
}
