using Microsoft.Azure.Cosmos;
using Selvedge.Catalogue;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>Scans of units that go back to the shelf: from then on anybody may have them.</summary>
public sealed class PuttingBack(WorkDocuments documents, PutBacks tasks, ProductCatalogue catalogue, InventoryLedger ledger, LedgerReads reads)
{
    /// <summary>Open tasks.</summary>
    /// <param name="locations">Where; null: everywhere.</param>
    public Task<Page<PutBack>> ListAsync(IReadOnlyList<string>? locations, int limit, string? continuation)
    {
        var query = new QueryDefinition($"SELECT * FROM c WHERE c.kind = @kind AND c.status = 'open'{(locations is null ? "" : " AND ARRAY_CONTAINS(@locations, c.location)")}")
            .WithParameter("@kind", PutBack.KindName);
        if (locations is not null) query = query.WithParameter("@locations", locations);
        return documents.PageAsync(query, limit, continuation, PickingJson.Default.PutBack);
    }

    /// <summary>Puts units back.</summary>
    /// <exception cref="ProblemException">404; 409 not to be put back, or fewer; 422 the scan's id was used for something else.</exception>
    public async Task<(PutBack Task, TicketScan Scan, bool Repeat)> ScanAsync(PutBack task, ScanInput input, string actor)
    {
        var sku = await catalogue.ResolveAsync(input.Code) ?? throw Wrong(task, input.Code);
        if (task.Scans?.FirstOrDefault(known => known.Id == input.ScanId) is { } known)
            return (known.Sku, known.Quantity) == (sku, input.Quantity) ? Answer(task, known, true) : throw ProblemException.Reused(input.ScanId);
        var lines = task.Lines.Where(line => line.Sku == sku).ToList();
        if (lines.Count == 0) throw Wrong(task, sku);
        var (parts, left, repeat) = (new List<ScanPart>(), input.Quantity, false);
        // What the journal has of it was done, and its answer lost.
        foreach (var line in lines)
            if (await reads.EntryAsync(sku, Command(line, 0).Key) is { Moves: [{ Units: var units }, ..] })
            {
                (repeat, left) = (true, left - units);
                parts.Add(new(line.Line, units));
            }
        if (left < 0) throw ProblemException.Reused(input.ScanId);
        if (!repeat && lines.Sum(line => line.Left) < left) throw await FewerAsync(task, sku, input.Quantity);
        foreach (var line in lines.Where(line => !parts.Exists(part => part.Line == line.Line)))
        {
            if (Math.Min(left, line.Left) is not (> 0 and var units) || (await ledger.ExecuteAsync(Command(line, units))).Verdict == Verdict.Refused) continue;
            left -= units;
            parts.Add(new(line.Line, units));
        }
        if (parts.Count == 0) throw await FewerAsync(task, sku, input.Quantity);
        var scan = new TicketScan(input.ScanId, ScanKind.Unpick, sku, input.Quantity, parts);
        while (true)
        {
            if (task.Scans?.Any(known => known.Id == scan.Id) == true) break;
            var next = task with
            {
                Lines = [.. task.Lines.Select(line => line with { Done = line.Done + parts.Where(part => part.Line == line.Line).Sum(part => part.Quantity) })],
                Scans = [.. task.Scans ?? [], scan],
            };
            if (await tasks.WriteAsync(next) is { } written)
            {
                task = written;
                break;
            }
            task = await tasks.ReadAsync(task.Id) ?? throw Unknown(task.Id);
        }
        return Answer(task, scan, repeat);

        Unpick Command(PutBackLine line, long units) => new()
        {
            Sku = sku, Actor = actor, Order = task.Order, Line = line.Line, Location = task.Location, Bin = input.Bin, Quantity = units, Keep = false, Task = task.Id, Scan = $"{input.ScanId}/{line.Line}",
        };
    }

    static (PutBack, TicketScan, bool) Answer(PutBack task, TicketScan scan, bool repeat) => scan.Parts.Sum(part => part.Quantity) is var taken && taken == scan.Quantity
        ? (task, scan, repeat) : throw PickProblems.InPart("put-back " + task.Id, scan.Sku, scan.Quantity, taken);

    /// <summary>404.</summary>
    public static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no put-back '{id}'. GET api/putbacks?location= lists those that are open.");

    // The task is lowered to what is still staged: the rest was put back otherwise, or is wanted again.
    async Task<ProblemException> FewerAsync(PutBack task, string sku, long quantity)
    {
        await tasks.StateAsync(task.Location, task.Order, task.Delivery, async () =>
        {
            var claims = await reads.ClaimsAsync(task.Lines.Select(line => (Ids.Claim(task.Order, line.Line, task.Location), line.Sku)));
            return [.. task.Lines.Where(line => line.Sku == sku).Select(line => new PutBackDemand(line.Line, sku, Math.Min(line.Left, claims.GetValueOrDefault(Ids.Claim(task.Order, line.Line, task.Location))?.Staged ?? 0)))];
        });
        var left = task.Lines.Where(line => line.Sku == sku).Sum(line => line.Left);
        return ProblemException.Conflict("over-pick", "More than is to be put back", $"Put-back {task.Id} has {left} of {sku} left, not {quantity}.");
    }

    static ProblemException Wrong(PutBack task, string said) => ProblemException.Conflict("wrong-item", "This item is not to be put back",
        $"'{said}' is not on put-back {task.Id}. It has {string.Join(", ", task.Lines.Where(line => line.Left > 0).Take(5).Select(line => $"{line.Left} × {line.Sku}"))}.");
}
