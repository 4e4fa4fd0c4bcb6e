using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Platform;
using Selvedge.Receiving;

namespace Selvedge.Functions.Receiving;

/// <summary>Goods that came in, and what it cost to bring them.</summary>
public sealed class ReceiptFunctions(Receipts receipts, Purchasing purchasing, ProductCatalogue catalogue, Locations locations, IConfiguration configuration)
{
    /// <summary>Takes in what came, against an ASN, a purchase order or neither. A fact: it is posted whatever was expected; the same id again is answered as it stands.</summary>
    [Function("PostReceipt"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> Post([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/receipts")] HttpRequest request, FunctionContext context)
    {
        var (caller, body) = (context.Caller(), await request.FieldsAsync());
        var (id, location, order, asn, reason) = (body.Text("id", 80), body.Text("location", 40), body.OptionalText("purchaseOrder", 100), body.OptionalText("asn", 100), body.OptionalText("reason", 500));
        if (id.Length > 0 && !Ids.IsPlain(id, 80)) body.Add("id", @"It may not have / \ ? # : % or blanks at its ends.");
        if (!body.Has("lines")) body.Add("lines", $"Expected 1 to {Receipts.MostLines} lines {{sku | barcode, quantity, damaged?, bin?, line?}}.");
        var lines = body.Objects("lines", Receipts.MostLines).Select(Line).ToList();
        if (body.Has("lines") && lines.Count == 0) body.Add("lines", "Expected at least one line.");
        body.ThrowIfFaulty();
        caller.RequireLocation(location);
        if (await locations.FindAsync(location) is null) throw ProblemException.UnknownReference("location", $"There is no location '{location}'. PUT api/locations/{{id}} makes it.");
        var received = new List<ReceivedLine>(lines.Count);
        foreach (var (line, i) in lines.Select((line, i) => (line, i))) received.Add(line with { Sku = await catalogue.StockedAsync(line.Sku, $"lines/{i}/sku") });
        await RequireReachAsync(caller, order, asn);
        var (receipt, repeat) = await receipts.ReceiveAsync(id, location, order, asn, received, reason, caller.Actor);
        if (repeat) request.MarkReplayed();
        return Request.Answer(receipt.View(caller), repeat ? StatusCodes.Status200OK : StatusCodes.Status201Created);
    }

    [Function("GetReceipt"), Access(Role.Warehouse, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/receipts/{id}")] HttpRequest request, string id, FunctionContext context) =>
        Request.Answer((await ReachedAsync(context.Caller(), id)).View(context.Caller()));

    [Function("ListReceipts"), Access(Role.Warehouse, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/receipts")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var page = await receipts.ListAsync(request.Parameter("purchaseOrder"), request.Parameter("asn"), context.Caller().Within(request.Parameter("location")), limit, continuation);
        return Request.Answer(page.As(receipt => receipt.View(context.Caller())));
    }

    /// <summary>Spreads freight, duty and the like over what came: what is still owned is worth more, what is gone is expensed.</summary>
    [Function("PostLandedCost"), Access(Role.Finance, By = Bounds.Location)]
    public async Task<IResult> PostCost([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/receipts/{id}/landedcost")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (cost, amount, currency, rate, basis) = (body.Text("id", 80), body.OptionalMoney("amount"), PurchasingFunctions.Currency(body, "currency", PurchasingFunctions.Base(configuration)), PurchasingFunctions.Rate(body), body.Word<LandedBasis>("basis"));
        if (cost.Length > 0 && !Ids.IsPlain(cost, 80)) body.Add("id", @"It may not have / \ ? # : % or blanks at its ends.");
        if (!body.Has("amount")) body.Add("amount", "Expected an amount, e.g. \"250.00\"; it is missing.");
        body.ThrowIfFaulty();
        PurchasingFunctions.RequireRate(body, currency, configuration);
        await ReachedAsync(context.Caller(), id);
        var (receipt, repeat) = await receipts.SpreadAsync(id, cost, amount!.Value, currency, rate, basis, context.Caller().Actor);
        if (repeat) request.MarkReplayed();
        return Request.Answer(receipt.View(context.Caller()));
    }

    /// <summary>Goes on with receipts that a crash or a slow store left open.</summary>
    [Function("ReceiptSweeper")]
    public Task Sweep([TimerTrigger("10/30 * * * * *")] TimerInfo timer, FunctionContext context) => receipts.SweepAsync(context.CancellationToken);

    static ReceivedLine Line(RequestFields line)
    {
        if (line.Has("sku") == line.Has("barcode")) line.Add("sku", "Expected either sku or barcode.");
        if (!line.Has("quantity")) line.Add("quantity", "Expected a whole number of units, damaged ones included; it is missing.");
        var (code, units, bin) = (line.OptionalText("sku", 200) ?? line.OptionalText("barcode", 200) ?? "", line.Whole("quantity", 1, 10_000_000, 1), line.OptionalText("bin", 40) ?? "");
        if (bin.Length > 0 && !Ids.IsPlain(bin, 40)) line.Add("bin", $"'{bin}' may not have / \\ ? # : % or blanks at its ends.");
        return new(code, units, line.Whole("damaged", 0, units, 0), bin, line.OptionalText("line", 60));
    }

    async Task<Receipt> ReachedAsync(Caller caller, string id) =>
        await receipts.FindAsync(id) is { } receipt && caller.ReachesLocation(receipt.At) ? receipt : throw Receipts.Unknown(id);

    // Goods may come to another place than they were expected at: what is expected where the caller does not reach does not exist for it.
    async Task RequireReachAsync(Caller caller, string? order, string? asn)
    {
        if (order is not null && (await purchasing.FindOrderAsync(order))?.At is { } ordered && !caller.ReachesLocation(ordered)) throw ProblemException.UnknownReference("purchaseOrder", $"There is no purchase order '{order}'.");
        if (asn is not null && (await purchasing.FindAsnAsync(asn))?.At is { } shipped && !caller.ReachesLocation(shipped)) throw ProblemException.UnknownReference("asn", $"There is no ASN '{asn}'.");
    }
}
