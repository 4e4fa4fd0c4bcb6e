using Microsoft.Extensions.Configuration;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>A carton as it was packed: units by ticket line, or by SKU where the line is not named.</summary>
public sealed record CartonInput(IReadOnlyList<CartonInputLine> Lines, long? WeightGrams);

/// <summary>Units in a carton.</summary>
public sealed record CartonInputLine(string? Line, string? Sku, long Quantity);

/// <summary>Closes what was picked into cartons, each with an SSCC where the setting <c>Gs1CompanyPrefix</c> gives the company's prefix; otherwise with a number of our own.</summary>
public sealed class Packing
{
    /// <summary>The setting's name.</summary>
    public const string Prefix = "Gs1CompanyPrefix";
    readonly PickTickets tickets;
    readonly SsccSerials serials;
    readonly string? prefix;

    /// <exception cref="InvalidOperationException">The prefix is none.</exception>
    public Packing(PickTickets tickets, SsccSerials serials, IConfiguration configuration)
    {
        (this.tickets, this.serials, prefix) = (tickets, serials, configuration[Prefix] is { Length: > 0 } set ? set : null);
        if (prefix is not null && !Sscc.IsPrefix(prefix)) throw new InvalidOperationException($"The setting '{Prefix}' must be 7 to 10 digits, as GS1 gave them; it is '{prefix}'. Leave it out to pack without SSCCs.");
    }

    /// <summary>Packs a ticket; packed otherwise before, it is packed anew, under new numbers.</summary>
    /// <param name="ticket">The ticket.</param>
    /// <param name="cartons">What is in which carton; null: all in one.</param>
    /// <exception cref="ProblemException">409 not picked whole, nothing picked, called off, gone; the cartons are not what was picked.</exception>
    public async Task<(PickTicket Ticket, bool Repeat)> PackAsync(PickTicket ticket, IReadOnlyList<CartonInput>? cartons)
    {
        while (true)
        {
            if (ticket.Status == TicketStatus.Cancelled) throw PickProblems.Cancelled(ticket);
            if (ticket.HasLeft) throw PickProblems.Closed(ticket);
            if (ticket.OnHold is not null) throw PickProblems.OnHold(ticket);
            ticket = await tickets.ReconcileAsync(ticket) ?? throw PickProblems.Unknown(ticket.Id);
            if (ticket.Left > 0) throw PickProblems.StillToPick(ticket);
            if (ticket.Lines.All(line => line.Picked == 0)) throw PickProblems.NothingPicked(ticket);
            var contents = Contents(ticket, cartons);
            if (ticket.Cartons is { } before && before.Count == contents.Count && before.Zip(contents).All(pair => pair.First.Lines.SequenceEqual(pair.Second.Lines) && pair.First.WeightGrams == pair.Second.WeightGrams))
                return (ticket, true);
            var first = prefix is null ? 0 : await serials.TakeAsync(contents.Count);
            var packed = contents.Select((carton, i) => carton with { Code = prefix is null ? string.Create(null, $"{ticket.Id}-{i + 1}") : Sscc.Make(prefix, first + i), Sscc = prefix is not null }).ToList();
            if (await tickets.ReplaceAsync(ticket with { Status = TicketStatus.Packed, Cartons = packed }) is { } written) return (written, false);
            // Changed meanwhile, or packed by this very write whose answer was lost.
            ticket = await tickets.ReadAsync(ticket.Id) ?? throw PickProblems.Unknown(ticket.Id);
        }
    }

    /// <summary>What is in which carton, by ticket line: the cartons together hold exactly what was picked.</summary>
    /// <exception cref="ProblemException">409 <c>cartons-differ</c>: too few or too many of something.</exception>
    public static IReadOnlyList<Carton> Contents(PickTicket ticket, IReadOnlyList<CartonInput>? cartons)
    {
        if (cartons is null) return [new(1, "", false, [.. ticket.Lines.Where(line => line.Picked > 0).Select(line => new CartonLine(line.Line, line.Sku, line.Picked))])];
        var left = ticket.Lines.ToDictionary(line => line.Line, line => line.Picked, StringComparer.Ordinal);
        var packed = new List<Carton>();
        foreach (var carton in cartons)
        {
            var lines = new Dictionary<string, CartonLine>(StringComparer.Ordinal);
            foreach (var asked in carton.Lines)
            {
                var units = asked.Quantity;
                foreach (var line in ticket.Lines.Where(line => asked.Line is null ? line.Sku == asked.Sku : line.Line == asked.Line))
                {
                    if (Math.Min(units, left[line.Line]) is not (> 0 and var put)) continue;
                    (left[line.Line], units) = (left[line.Line] - put, units - put);
                    lines[line.Line] = new(line.Line, line.Sku, put + (lines.GetValueOrDefault(line.Line)?.Quantity ?? 0));
                }
                if (units > 0) throw Differ(ticket, $"{units} more of {asked.Line ?? asked.Sku} are in cartons than were picked.");
            }
            packed.Add(new(packed.Count + 1, "", false, [.. lines.Values], carton.WeightGrams));
        }
        return ticket.Lines.FirstOrDefault(line => left[line.Line] > 0) is { } lacking ? throw Differ(ticket, $"{left[lacking.Line]} × {lacking.Sku} were picked and are in no carton.") : packed;
    }

    static ProblemException Differ(PickTicket ticket, string detail) => ProblemException.Conflict("cartons-differ", "The cartons are not what was picked", $"Pick {ticket.Id}: {detail}");
}
