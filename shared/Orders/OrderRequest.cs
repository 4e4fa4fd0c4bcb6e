using Selvedge.Channels;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>An order by API: <c>{channel, externalId, lines[{sku, quantity, price}], shipTo, …}</c>.</summary>
/// <param name="Channel">The channel's id.</param>
/// <param name="Draft">The order.</param>
public sealed record OrderRequest(string Channel, Draft Draft)
{
    /// <summary>Reads a request. Whether its codes are known is for <see cref="CheckAsync"/>.</summary>
    /// <exception cref="ProblemException">400 with the JSON pointer of every fault.</exception>
    public static OrderRequest Parse(RequestFields body, string actor)
    {
        var channel = body.Text("channel", 40);
        var lines = new List<DraftLine>();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        if (!body.Has("lines")) body.Add("lines", "Expected a list of lines; it is missing.");
        foreach (var line in body.Objects("lines", Draft.MostLines))
        {
            var id = line.OptionalText("id", Draft.LongestId) ?? (lines.Count + 1).ToString(System.Globalization.CultureInfo.InvariantCulture);
            if (!ids.Add(id)) line.Add("id", $"Line '{id}' is there twice.");
            if (!line.Has("quantity")) line.Add("quantity", $"Expected a whole number from 1 to {Draft.MostUnits}; it is missing.");
            lines.Add(new()
            {
                Id = id, Code = line.Text("sku", Draft.LongestCode), Quantity = line.Whole("quantity", 1, Draft.MostUnits, 1),
                UnitPrice = line.OptionalMoney("price") ?? 0, Discount = line.OptionalMoney("discount") ?? 0, Tax = line.OptionalMoney("tax") ?? 0,
                TaxIncluded = line.Flag("taxIncluded", false), ShippingShare = line.OptionalMoney("shipping") ?? 0,
            });
        }
        if (body.Has("lines") && lines.Count == 0) body.Add("lines", $"Expected 1 to {Draft.MostLines} lines.");
        var currency = body.OptionalText("currency", 3) ?? "";
        if (body.Has("currency") && (currency.Length != 3 || !currency.All(char.IsAsciiLetterUpper))) body.Add("currency", "Expected three capital letters (ISO 4217), e.g. \"AUD\".");
        var draft = new Draft
        {
            ExternalId = body.Text("externalId", Draft.LongestId), Customer = body.OptionalText("customer", 60), CustomerGroup = body.OptionalText("customerGroup", 60),
            Hold = HoldOf(body.Object("hold"), actor), Name = body.OptionalText("name", 100),
            PlacedAt = Instant(body, "placedAt"), RequiredBy = Instant(body, "requiredBy"), ShipWindow = WindowOf(body.Object("shipWindow")), Priority = (int?)body.OptionalWhole("priority", 0, 9),
            ShipComplete = body.Has("shipComplete") ? body.Flag("shipComplete", false) : null,
            Blocks = BlocksOf(body, actor), Currency = currency, Lines = lines, Actor = actor,
            Person = new() { Id = "", Email = body.OptionalText("email", 320), Phone = body.OptionalText("phone", 40), ShipTo = Address(body.Object("shipTo")), BillTo = Address(body.Object("billTo")) },
        };
        body.ThrowIfFaulty();
        return new(channel, draft);
    }

    static List<Block>? BlocksOf(RequestFields body, string actor)
    {
        var blocks = new List<Block>();
        foreach (var block in body.Objects("blocks", 5))
            if (block.Word<BlockKind>("kind") is var kind && blocks.All(other => other.Kind != kind)) blocks.Add(new(kind, block.OptionalText("reason", 200), actor, default));
        return blocks.Count > 0 ? blocks : null;
    }

    /// <summary>Refuses a ship window that is over already.</summary>
    /// <exception cref="ProblemException">400 with the JSON pointer.</exception>
    public static void CheckWindow(ShipWindow window, DateTimeOffset now)
    {
        if (window.CancelAfter is not { } late || late > now) return;
        var detail = $"The ship window is over already: {InstantConverter.Text(late)} is past, and the order would be cancelled at once.";
        throw ProblemException.Invalid($"/shipWindow/cancelAfter: {detail}", [new Fault("/shipWindow/cancelAfter", detail)]);
    }

    /// <summary>Refuses a hold that is over already, or longer than the channel holds anything.</summary>
    /// <exception cref="ProblemException">400 with the JSON pointer.</exception>
    public static void CheckHold(Channel channel, DateTimeOffset until, DateTimeOffset now, string pointer)
    {
        var most = now.AddDays(channel.HoldDays);
        if (until > now && until <= most) return;
        var detail = until <= now ? $"The hold would be over already: {InstantConverter.Text(until)} is past." : $"Channel '{channel.Id}' holds for {channel.HoldDays} days at most, until {InstantConverter.Text(most)}.";
        throw ProblemException.Invalid($"{pointer}: {detail}", [new Fault(pointer, detail)]);
    }

    /// <summary>The order as <paramref name="caller"/> may place it: one who reaches a single customer orders for that one.</summary>
    /// <exception cref="ProblemException">403 the channel or the customer is outside its scope; 400 it has to name one of its customers.</exception>
    public OrderRequest For(Caller caller)
    {
        caller.RequireChannel(Channel);
        if (caller.Scope.Customers is not { } customers) return this;
        // Who may draw on a group's ring-fence, or be served before others, is not for the customer to say.
        if (Draft.CustomerGroup is not null) throw ProblemException.Forbidden("A key for some customers only may not name a customerGroup. Leave it out.");
        if (Draft.Blocks is not null && caller.Role == Role.Portal) throw ProblemException.Forbidden("A portal key may not block orders. Leave blocks out.");
        if (Draft.Priority is not null && caller.Role == Role.Portal) throw ProblemException.Forbidden("A portal key may not state a priority. Leave it out.");
        if (Draft.Customer is { } named)
        {
            caller.RequireCustomer(named);
            return this with { Draft = Draft with { Hold = HoldFor(caller, named) } };
        }
        return customers.Count == 1 ? this with { Draft = Draft with { Customer = customers[0], Hold = HoldFor(caller, customers[0]) } }
            : throw ProblemException.Invalid("/customer: Say which of your customers the order is for.", [new Fault("/customer", "It is missing, and your key reaches several or none.")]);
    }

    /// <summary>Refuses a channel whose orders a key for some customers may not write: what it has sold already it says itself, and no ring-fence or shortage stops it.</summary>
    /// <exception cref="ProblemException">403.</exception>
    public static void CheckChannel(Channel channel, Caller caller)
    {
        if (caller.Scope.Customers is not null && channel.Shortage is ShortagePolicy.Oversold)
            throw ProblemException.Forbidden($"Channel '{channel.Id}' reports what it has sold already, and your key is for some customers only. Order by a channel that asks first or lets wait.");
    }

    // Whose hold it is counts against the owner's limit: a customer's own key holds in the customer's name.
    Hold? HoldFor(Caller caller, string customer) => Draft.Hold is not { } hold || caller.Role != Role.Portal ? Draft.Hold
        : hold.Owner == caller.Actor || hold.Owner == "customer:" + customer ? hold with { Owner = "customer:" + customer }
        : throw ProblemException.Forbidden("A portal key holds for its customer: it may not name another owner. Leave hold.owner out.");

    /// <summary>Refuses codes that mean no SKU of ours: who asks can correct them.</summary>
    /// <exception cref="ProblemException">400 with the JSON pointer of every one.</exception>
    public async Task CheckAsync(Func<string?, ValueTask<string?>> resolve)
    {
        var faults = new List<Fault>();
        for (var i = 0; i < Draft.Lines.Count; i++)
            if (await resolve(Draft.Lines[i].Code) is null) faults.Add(new($"/lines/{i}/sku", $"'{Draft.Lines[i].Code}' is no SKU, barcode or code of ours."));
        if (faults.Count > 0) throw ProblemException.Invalid($"{faults[0].Pointer}: {faults[0].Detail}{(faults.Count > 1 ? $" And {faults.Count - 1} more." : "")}", faults.Take(100));
    }

    /// <summary>Reads <c>{lines[{line, quantity}]}</c>: units by line.</summary>
    /// <exception cref="ProblemException">400.</exception>
    public static IReadOnlyDictionary<string, long> ParseEdit(RequestFields body)
    {
        var wanted = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var line in body.Objects("lines", Draft.MostLines))
        {
            var id = line.Text("line", Draft.LongestId);
            if (!line.Has("quantity")) line.Add("quantity", $"Expected a whole number from 0 to {Draft.MostUnits}; it is missing.");
            if (!wanted.TryAdd(id, line.Whole("quantity", 0, Draft.MostUnits, 0))) line.Add("line", $"Line '{id}' is there twice.");
        }
        if (wanted.Count == 0) body.Add("lines", "Expected at least one line, e.g. [{\"line\":\"1\",\"quantity\":2}].");
        body.ThrowIfFaulty();
        return wanted;
    }

    /// <summary>Reads <c>{expiresAt}</c>.</summary>
    /// <exception cref="ProblemException">400.</exception>
    public static DateTimeOffset ParseExtension(RequestFields body)
    {
        if (!body.Has("expiresAt")) body.Add("expiresAt", "Expected when the hold lapses, as RFC 3339 text; it is missing.");
        var until = Instant(body, "expiresAt");
        body.ThrowIfFaulty();
        return until!.Value;
    }

    static ShipWindow? WindowOf(RequestFields? window)
    {
        if (window is null) return null;
        var (from, late) = (Instant(window, "from"), Instant(window, "cancelAfter"));
        if (from is null && late is null) window.Add("from", "Expected from, cancelAfter or both as RFC 3339 text; both are missing.");
        else if (late <= from) window.Add("cancelAfter", $"Expected an instant after from ({InstantConverter.Text(from!.Value)}).");
        return new(from, late);
    }

    static Hold? HoldOf(RequestFields? hold, string actor)
    {
        if (hold is null) return null;
        if (!hold.Has("expiresAt")) hold.Add("expiresAt", "Expected when the hold lapses, as RFC 3339 text; it is missing.");
        return new(hold.Word<HoldKind>("kind", HoldKind.Quote), hold.OptionalText("owner", 100) ?? actor, Instant(hold, "expiresAt") ?? default);
    }

    static DateTimeOffset? Instant(RequestFields body, string name)
    {
        if (body.OptionalText(name, 40) is not { } text) return null;
        if (text.Length >= 20 && text[10] == 'T' && (text[^1] == 'Z' || text[^6] is '+' or '-')
            && DateTimeOffset.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var at)) return InstantConverter.Cut(at);
        body.Add(name, "Expected an instant as RFC 3339 text, e.g. \"2026-11-23T09:15:00Z\".");
        return null;
    }

    static string? Country(RequestFields a)
    {
        if (a.OptionalText("country", 60) is { Length: not 2 } text) a.Add("country", $"Expected two letters (ISO 3166-1), e.g. \"AU\", got '{text}'.");
        else return a.OptionalText("country", 2);
        return null;
    }

    static PostalAddress? Address(RequestFields? a) => a is null ? null : new()
    {
        Name = a.OptionalText("name", 200), Company = a.OptionalText("company", 200), Line1 = a.OptionalText("line1", 200), Line2 = a.OptionalText("line2", 200),
        City = a.OptionalText("city", 100), Region = a.OptionalText("region", 100), Postcode = a.OptionalText("postcode", 20), Country = Country(a), Phone = a.OptionalText("phone", 40),
    };
}
