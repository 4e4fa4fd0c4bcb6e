using Microsoft.AspNetCore.Http;
using Selvedge.Approvals;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Functions.Approvals;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Functions.Inventory;

/// <summary>Stock that came, went or was found, as a person or a till reports it.</summary>
public sealed class Movements(InventoryLedger ledger, ProductCatalogue catalogue, Locations locations, ApprovalDesk approvals, TimeProvider time)
{
    /// <summary>Posts one movement. Its <c>id</c> is the idempotency key within the SKU; the same again is answered the same. 409 when the ledger cannot grant it.</summary>
    [Function("PostMovement"), Access(Role.Warehouse, Role.Sales, By = Bounds.Location | Bounds.Channel)]
    public async Task<IResult> PostAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/movements")] HttpRequest request, FunctionContext context)
    {
        var caller = context.Caller();
        var movement = Movement.Parse(await request.FieldsAsync(), time.GetUtcNow());
        var sku = await CheckAsync(movement, caller);
        var command = movement.ToCommand(sku, caller.Actor);
        var kind = movement is { Kind: MovementKind.Count } or { Kind: MovementKind.Adjust, Quantity: > 0 } ? ApprovalKind.CountVariance : ApprovalKind.WriteOff;
        // A count that was approved is executed against what the record showed when it was asked, so its repeat is answered by its approval.
        if (command is Count && await approvals.LeewayAsync(caller, kind) is not null && await approvals.FindAsync(sku, command.Key) is not null)
            return await ApprovalFunctions.PendingAsync(request, approvals, Draft(caller, movement, sku, kind, command, ""));
        var outcome = await ledger.ExecuteAsync(command with { Leeway = movement.Kind is MovementKind.Count or MovementKind.Adjust or MovementKind.Grade ? await approvals.LeewayAsync(caller, kind) : null });
        if (outcome.NeedsApproval) return await ApprovalFunctions.PendingAsync(request, approvals, Draft(caller, movement, sku, kind, command is Count count ? count with { Expected = outcome.Available } : command, outcome.Refusal ?? ""));
        if (outcome.Repeated) request.MarkReplayed();
        return outcome.Verdict != Verdict.Refused
            ? Request.Answer(new MovementView(movement.Id, sku, movement.Kind, outcome.Sequence, OutcomeView.Of(outcome, caller)))
            : throw new ProblemException(409, "insufficient-stock", "Not enough stock", outcome.Refusal ?? $"{outcome.Available} available.")
            {
                Members = { ["sku"] = sku, ["location"] = movement.Location, ["wanted"] = movement.Quantity, ["available"] = outcome.Available },
            };
    }

    Approval Draft(Caller caller, Movement movement, string sku, ApprovalKind kind, Command command, string what) =>
        approvals.Draft(caller, kind, what, Asked.Of(command), command.Key, sku) with { Location = movement.Location, Channel = movement.Channel ?? Ids.ChannelOf(movement.Order) };

    async Task<string> CheckAsync(Movement movement, Caller caller)
    {
        if (caller.Role == Role.Sales && movement.Kind is not (MovementKind.PosSale or MovementKind.Return))
            throw ProblemException.Forbidden("A key with the role sales may report sales over the counter (posSale) and returns only.");
        caller.RequireLocation(movement.Location);
        if (movement.Channel is { } channel) caller.RequireChannel(channel);
        if (movement.Order is { } order) caller.RequireChannel(Ids.ChannelOf(order) ?? "");
        await RequireAsync(movement.Location, "location");
        if (movement is { Kind: MovementKind.Transfer, To: { } to })
        {
            caller.RequireLocation(to);
            await RequireAsync(to, "to");
        }
        var meaning = await catalogue.MeaningAsync(movement.Sku);
        if (meaning is { Virtual: true }) throw ProblemException.UnknownReference("sku", $"SKU '{meaning.Sku}' is virtual and has no stock. Move its components.");
        return meaning?.Sku ?? throw ProblemException.UnknownReference("sku", $"There is no SKU '{movement.Sku}'. PUT api/styles/{{id}} or POST api/imports/products makes it.");
    }

    async Task RequireAsync(string location, string member)
    {
        if (await locations.FindAsync(location) is null) throw ProblemException.UnknownReference(member, $"There is no location '{location}'. PUT api/locations/{{id}} makes it.");
    }
}

/// <summary>A posted movement.</summary>
/// <param name="Sequence">Number of its journal entry within the SKU.</param>
public sealed record MovementView(string Id, string Sku, MovementKind Kind, long Sequence, OutcomeView Outcome);
