using Microsoft.AspNetCore.Http;
using Selvedge.Approvals;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Functions.Api;
using Selvedge.Functions.Approvals;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Functions.Inventory;

/// <summary>Ring-fences and floors: units that some must leave for others.</summary>
public sealed class Limits(InventoryLedger ledger, ProductCatalogue catalogue, Locations locations, SalesChannels channels, ApprovalDesk approvals)
{
    /// <summary>States a ring-fence or a floor of one SKU; 0 lifts it. Its <c>id</c> is the idempotency key within the SKU.</summary>
    [Function("PostLimit"), Access(Role.Sales, By = Bounds.Location)]
    public async Task<IResult> PostAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/limits")] HttpRequest request, FunctionContext context)
    {
        var caller = context.Caller();
        var limit = Limit.Parse(await request.FieldsAsync());
        // A fence for one is kept from all the others: whoever reaches only some channels may not set it.
        if (limit.Fence is not null && caller.Scope.Channels is not null) throw ProblemException.Forbidden("A ring-fence keeps units from every other channel, and your key reaches some only. Use a key without a channel scope.");
        if (limit.Location is { } location)
        {
            caller.RequireLocation(location);
            if (await locations.FindAsync(location) is null) throw ProblemException.UnknownReference("location", $"There is no location '{location}'. PUT api/locations/{{id}} makes it.");
        }
        if (limit.Channel is { } channel && await channels.FindAsync(channel) is null) throw ProblemException.UnknownReference("fence", $"There is no channel '{channel}'. PUT api/channels/{{id}} makes it.");
        var meaning = await catalogue.MeaningAsync(limit.Sku);
        if (meaning is { Virtual: true }) throw ProblemException.UnknownReference("sku", $"SKU '{meaning.Sku}' is virtual and has no stock. Set units of its components apart.");
        var sku = meaning?.Sku ?? throw ProblemException.UnknownReference("sku", $"There is no SKU '{limit.Sku}'. PUT api/styles/{{id}} or POST api/imports/products makes it.");
        var command = limit.ToCommand(sku, caller.Actor);
        var outcome = await ledger.ExecuteAsync(command with { Leeway = await approvals.LeewayAsync(caller, ApprovalKind.RingFence) });
        if (outcome.NeedsApproval) return await ApprovalFunctions.PendingAsync(request, approvals, approvals.Draft(caller, ApprovalKind.RingFence, outcome.Refusal ?? "", Asked.Of(command), command.Key, sku) with { Channel = limit.Channel });
        if (outcome.Repeated) request.MarkReplayed();
        return Request.Answer(new LimitView(limit.Id, sku, limit.Fence, limit.Location, limit.Quantity, outcome.Sequence));
    }
}

/// <summary>A ring-fence or floor as it was stated.</summary>
/// <param name="Sequence">Number of its journal entry within the SKU.</param>
public sealed record LimitView(string Id, string Sku, string? Fence, string? Location, long Quantity, long Sequence);
