using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Returns;

/// <summary>Returns as other parts of the app make them be expected.</summary>
public sealed class ExpectedReturns(Store store, TimeProvider time)
{
    const int MostLines = 500;
    readonly WorkOf<ReturnCase> returns = new(store, time, ReturnCase.KindName);

    /// <summary>Expects units of an order line back. Lines of one <paramref name="source"/> are one return; the same line again states its units and adds nothing.</summary>
    /// <param name="order">The order.</param>
    /// <param name="line">The ledger's line: an order line's id, or of a bundle one part's.</param>
    /// <param name="sku">What should come.</param>
    /// <param name="units">How many, in all, for this line and source.</param>
    /// <param name="source">What makes it be expected: <c>refund:&lt;id&gt;</c>, <c>cancel</c>. Within the order it names the return.</param>
    /// <param name="location">Where it is expected; null: anywhere.</param>
    /// <param name="reason">Why, in words.</param>
    /// <param name="refunded">The money was given back already.</param>
    /// <returns>The return's id.</returns>
    public async Task<string> ExpectAsync(string order, string line, string sku, long units, string source, string? location = null, string? reason = null, bool refunded = false)
    {
        var now = returns.Now;
        const string actor = "system:" + ReturnCase.KindName;
        var expected = new ExpectedLine(line, sku, units, reason);
        var wanted = new ReturnCase
        {
            Id = "rt-" + WorkIds.Tag(Ids.Join([order, source], 1000)), At = location, Order = order, Channel = Ids.ChannelOf(order), Source = source, Reason = reason, Lines = [expected],
            Refunds = refunded ? [new(source, null, null, now, actor)] : [], Actor = actor, CreatedAt = now, UpdatedAt = now,
        };
        var (there, created) = await returns.CreateAsync(wanted);
        if (created) return there.Id;
        await returns.ChangeAsync(there.Id, found =>
        {
            var before = found.Lines.FirstOrDefault(each => each.Line == line && each.Sku == sku);
            if (before?.Units == units) return null;
            if (before is null && found.Lines.Count >= MostLines) throw ProblemException.Conflict("too-many-lines", "The return has too many lines", $"Return '{found.Id}' has {MostLines} lines already.");
            return found with { Lines = before is null ? [.. found.Lines, expected] : [.. found.Lines.Select(each => each == before ? expected : each)], UpdatedAt = now };
        }, ReturnProblems.Unknown);
        return there.Id;
    }
}

/// <summary>What can be wrong with a return.</summary>
public static class ReturnProblems
{
    public static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no return '{id}'. POST api/returns opens one.");
}
