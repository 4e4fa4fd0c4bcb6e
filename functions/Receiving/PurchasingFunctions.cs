using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Platform;
using Selvedge.Receiving;

namespace Selvedge.Functions.Receiving;

/// <summary>What was ordered from suppliers, and what they say is on its way.</summary>
public sealed class PurchasingFunctions(Purchasing purchasing, ProductCatalogue catalogue, Locations locations, IConfiguration configuration)
{
    /// <summary>Makes a purchase order what the body says and states its supply; the same again changes nothing.</summary>
    [Function("PutPurchaseOrder"), Access(Role.Finance, By = Bounds.Location)]
    public async Task<IResult> PutOrder([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/purchaseorders/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var (caller, body) = (context.Caller(), await request.FieldsAsync());
        RequireId(id);
        var (supplier, location, currency, rate) = (body.Text("supplier", 100), body.Text("location", 40), Currency(body, "currency", Base(configuration)), Rate(body));
        var (due, lines) = (body.Instant("due"), Lines(body, 0));
        body.Ignoring("id", "status", "version", "receipts", "asns", "actor", "createdAt", "updatedAt").ThrowIfFaulty();
        RequireRate(body, currency, configuration);
        await RequireAsync(caller, location);
        var wanted = new PurchaseOrder { Id = id, At = location, Supplier = supplier, Currency = currency, Rate = rate, Due = due, Lines = await ResolvedAsync(lines), Version = 1, Actor = caller.Actor };
        if (await purchasing.FindOrderAsync(id) is { } before) RequireReach(caller, before.At, Purchasing.UnknownOrder(id));
        var (order, created) = await purchasing.PutAsync(wanted, request.Condition());
        request.SetETag(order.ETag);
        return Request.Answer(order.View(caller), created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    [Function("GetPurchaseOrder"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> GetOrder([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/purchaseorders/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var order = await purchasing.FindOrderAsync(id) ?? throw Purchasing.UnknownOrder(id);
        RequireReach(context.Caller(), order.At, Purchasing.UnknownOrder(id));
        return request.IsUnchanged(order.ETag!.Trim('"')) ? Results.StatusCode(StatusCodes.Status304NotModified) : Request.Answer(order.View(context.Caller()));
    }

    [Function("ListPurchaseOrders"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> ListOrders([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/purchaseorders")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var page = await purchasing.ListOrdersAsync(request.Choice("status", "open", "received", "closed"), request.Parameter("supplier"), context.Caller().Within(request.Parameter("location")), limit, continuation);
        return Request.Answer(page.As(order => order.View(context.Caller())));
    }

    /// <summary>Expects no more of it: its supply is none, and what was promised from it waits for other stock.</summary>
    [Function("ClosePurchaseOrder"), Access(Role.Finance, By = Bounds.Location)]
    public async Task<IResult> CloseOrder([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/purchaseorders/{id}/close")] HttpRequest request, string id, FunctionContext context)
    {
        (await request.FieldsAsync(optional: true)).ThrowIfFaulty();
        var order = await purchasing.FindOrderAsync(id) ?? throw Purchasing.UnknownOrder(id);
        RequireReach(context.Caller(), order.At, Purchasing.UnknownOrder(id));
        return Request.Answer((await purchasing.CloseOrderAsync(id, context.Caller().Actor)).View(context.Caller()));
    }

    /// <summary>Makes an ASN what the body says; against a purchase order its supply takes the place of that part of the order's.</summary>
    [Function("PutAsn"), Access(Role.Warehouse, Role.Finance, By = Bounds.Location)]
    public async Task<IResult> PutAsn([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/asns/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var (caller, body) = (context.Caller(), await request.FieldsAsync());
        RequireId(id);
        var (order, supplier, location, due) = (body.OptionalText("purchaseOrder", 100), body.OptionalText("supplier", 100), body.Text("location", 40), body.Instant("due"));
        var (currency, rate, lines) = (body.Has("currency") ? Currency(body, "currency") : "", Rate(body), Lines(body, 1));
        var cartons = Cartons(body, lines);
        var over = body.Flag("over", false);
        body.Ignoring("id", "status", "version", "receipts", "actor", "createdAt", "updatedAt").ThrowIfFaulty();
        if (order is null) RequireRate(body, currency, configuration);
        await RequireAsync(caller, location);
        if (await purchasing.FindAsnAsync(id) is { } before) RequireReach(caller, before.At, Purchasing.UnknownAsn(id));
        if (order is not null && await purchasing.FindOrderAsync(order) is { } against && !caller.ReachesLocation(against.At)) throw ProblemException.UnknownReference("purchaseOrder", $"There is no purchase order '{order}'.");
        var wanted = new Asn
        {
            Id = id, At = location, PurchaseOrder = order, Supplier = supplier, Currency = currency, Rate = rate, Due = due, Lines = await ResolvedAsync(lines), Cartons = cartons.Count > 0 ? cartons : null, Version = 1, Actor = caller.Actor,
        };
        var (asn, created) = await purchasing.PutAsync(wanted, over, request.Condition());
        request.SetETag(asn.ETag);
        return Request.Answer(asn.View(caller), created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    [Function("GetAsn"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> GetAsn([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/asns/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var asn = await purchasing.FindAsnAsync(id) ?? throw Purchasing.UnknownAsn(id);
        RequireReach(context.Caller(), asn.At, Purchasing.UnknownAsn(id));
        return request.IsUnchanged(asn.ETag!.Trim('"')) ? Results.StatusCode(StatusCodes.Status304NotModified) : Request.Answer(asn.View(context.Caller()));
    }

    [Function("ListAsns"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> ListAsns([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/asns")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var page = await purchasing.ListAsnsAsync(request.Choice("status", "open", "received", "closed"), request.Parameter("purchaseOrder"), context.Caller().Within(request.Parameter("location")), limit, continuation);
        return Request.Answer(page.As(asn => asn.View(context.Caller())));
    }

    /// <summary>Expects no more of it: what did not come is its purchase order's again, or nobody's.</summary>
    [Function("CloseAsn"), Access(Role.Warehouse, Role.Finance, By = Bounds.Location)]
    public async Task<IResult> CloseAsn([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/asns/{id}/close")] HttpRequest request, string id, FunctionContext context)
    {
        (await request.FieldsAsync(optional: true)).ThrowIfFaulty();
        var asn = await purchasing.FindAsnAsync(id) ?? throw Purchasing.UnknownAsn(id);
        RequireReach(context.Caller(), asn.At, Purchasing.UnknownAsn(id));
        return Request.Answer((await purchasing.CloseAsnAsync(id, context.Caller().Actor)).View(context.Caller()));
    }

    /// <summary>States what a crash left unstated.</summary>
    [Function("PurchasingSweeper")]
    public Task Sweep([TimerTrigger("5/30 * * * * *")] TimerInfo timer, FunctionContext context) => purchasing.SweepAsync(context.CancellationToken);

    async Task RequireAsync(Caller caller, string location)
    {
        caller.RequireLocation(location);
        if (await locations.FindAsync(location) is null) throw ProblemException.UnknownReference("location", $"There is no location '{location}'. PUT api/locations/{{id}} makes it.");
    }

    async Task<List<SupplyLine>> ResolvedAsync(List<SupplyLine> lines)
    {
        var resolved = new List<SupplyLine>(lines.Count);
        foreach (var (line, i) in lines.Select((line, i) => (line, i))) resolved.Add(line with { Sku = await catalogue.StockedAsync(line.Sku, $"lines/{i}/sku") });
        return resolved;
    }

    static List<SupplyLine> Lines(RequestFields body, long least)
    {
        var lines = new List<SupplyLine>();
        if (!body.Has("lines")) body.Add("lines", $"Expected 1 to {Purchasing.MostLines} lines {{line, sku, quantity, unitCost?}}.");
        foreach (var line in body.Objects("lines", Purchasing.MostLines))
        {
            if (!line.Has("quantity")) line.Add("quantity", "Expected a whole number of units; it is missing.");
            var read = new SupplyLine(line.Text("line", 60), line.Text("sku", 200), line.Whole("quantity", least, 10_000_000, least), line.OptionalMoney("unitCost"), line.OptionalText("orderLine", 60));
            if (read.Line.Length > 0 && !Ids.IsPlain(read.Line, 60)) line.Add("line", @"It may not have / \ ? # : % or blanks at its ends.");
            if (lines.Exists(other => other.Line == read.Line)) line.Add("line", $"Line '{read.Line}' is there twice.");
            lines.Add(read);
            line.Ignoring("received", "onTheWay", "open", "supply");
        }
        if (body.Has("lines") && lines.Count == 0) body.Add("lines", "Expected at least one line.");
        return lines;
    }

    static List<AsnCarton> Cartons(RequestFields body, List<SupplyLine> lines)
    {
        var cartons = new List<AsnCarton>();
        var packed = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var carton in body.Objects("cartons", 5_000))
        {
            var sscc = carton.Text("sscc", 18);
            // GS1 General Specifications: SSCC, check digit.
            if (sscc.Length > 0 && (sscc.Length != 18 || !sscc.All(char.IsAsciiDigit))) carton.Add("sscc", $"Expected 18 digits, the last the check digit; got '{sscc}'.");
            else if (sscc.Length > 0 && Gtin.CheckDigit(sscc.AsSpan(0, 17)) is var check && check != sscc[17]) carton.Add("sscc", $"The check digit of '{sscc}' is wrong: {check} was expected, got {sscc[17]}. Scan the carton again.");
            var holds = new SortedDictionary<string, long>(StringComparer.Ordinal);
            foreach (var part in carton.Objects("lines", Purchasing.MostLines))
            {
                var (line, units) = (part.Text("line", 60), part.Whole("quantity", 1, 10_000_000, 1));
                if (!lines.Exists(known => known.Line == line)) part.Add("line", $"There is no line '{line}'.");
                holds[line] = holds.GetValueOrDefault(line) + units;
                packed[line] = packed.GetValueOrDefault(line) + units;
            }
            if (cartons.Exists(other => other.Sscc == sscc)) carton.Add("sscc", $"Carton '{sscc}' is there twice.");
            cartons.Add(new(sscc, holds));
        }
        foreach (var line in lines)
            if (packed.GetValueOrDefault(line.Line) > line.Quantity) body.Add("cartons", $"{packed[line.Line]} of line '{line.Line}' are in cartons; the line is for {line.Quantity}.");
        return cartons;
    }

    /// <summary>The deployment's one base currency.</summary>
    internal static string Base(IConfiguration configuration) => configuration["Currency"] ?? "AUD";

    /// <summary>What is in another currency than the base one is worth nothing that we know without a rate.</summary>
    internal static void RequireRate(RequestFields body, string currency, IConfiguration configuration)
    {
        if (currency.Length > 0 && currency != Base(configuration) && !body.Has("rate"))
            throw new ProblemException(422, "rate-missing", "A rate is needed", $"'rate' is missing: {currency} is not the base currency. Say how much {Base(configuration)} one {currency} is, e.g. \"1.5320\".");
    }

    internal static string Currency(RequestFields body, string name, string? otherwise = null)
    {
        var currency = otherwise is null || body.Has(name) ? body.Text(name, 3) : otherwise;
        if (currency.Length > 0 && (currency.Length != 3 || !currency.All(char.IsAsciiLetterUpper))) body.Add(name, $"Expected three capital letters (ISO 4217), e.g. \"AUD\", got '{currency}'.");
        return currency;
    }

    internal static string Rate(RequestFields body)
    {
        var rate = body.OptionalText("rate", 24) ?? "1";
        if (!ReceivingRules.TryRate(rate, out _)) body.Add("rate", $"Expected base currency for one unit as decimal text above 0, e.g. \"1.5320\", got '{rate}'.");
        return rate;
    }

    static void RequireId(string id)
    {
        if (!Ids.IsPlain(id, 80)) throw ProblemException.Invalid($"The id '{id}' may have 1 to 80 characters, and not / \\ ? # : % or blanks at its ends.");
    }

    static void RequireReach(Caller caller, string location, ProblemException unknown)
    {
        if (!caller.ReachesLocation(location)) throw unknown;
    }
}
