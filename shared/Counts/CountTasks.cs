using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Counts;

/// <summary>Count tasks that follow from something else: a short pick, a bin that showed fewer than none. A task is a count with one line.</summary>
public sealed class CountTasks(Store store, TimeProvider time)
{
    readonly WorkOf<StockCount> counts = new(store, time, StockCount.KindName);

    /// <summary>Asks for one SKU in one bin to be counted. The same <paramref name="source"/> asks once for each SKU and bin, whoever asks and however often.</summary>
    /// <param name="location">Where.</param>
    /// <param name="bin">The bin; empty: the location has none.</param>
    /// <param name="sku">The SKU. Its posting settles what is in <c>#missing</c> of that bin.</param>
    /// <param name="reason">Why, in words.</param>
    /// <param name="source">What asks, e.g. <c>&lt;ticket&gt;:&lt;scan&gt;</c>.</param>
    /// <returns>The task's id.</returns>
    public async Task<string> OpenAsync(string location, string bin, string sku, string reason, string source)
    {
        var now = counts.Now;
        var task = new StockCount
        {
            Id = "ct-" + WorkIds.Tag(Ids.Join([location, bin, sku, source], 1000)), At = location, Source = source, Reason = reason, Actor = "system:" + StockCount.KindName,
            Lines = [new() { Id = "1", Sku = sku, Bin = bin }], CreatedAt = now, UpdatedAt = now,
        };
        return (await counts.CreateAsync(task)).Document.Id;
    }
}
