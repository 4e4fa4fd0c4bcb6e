using Microsoft.AspNetCore.Http;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Functions.Inventory;

/// <summary>Stock that came, went or was found, as a person or a till reports it.</summary>
public sealed class Movements(InventoryLedger ledger, ProductCatalogue catalogue, Locations locations, TimeProvider time)
{
    /// <summary>Posts one movement. Its <c>id</c> is the idempotency key within the SKU; the same again is answered the same. 409 when the ledger cannot grant it.</summary>
    [Function("PostMovement"), Access(Role.Warehouse, Role.Sales, By = Bounds.Location | Bounds.Channel)]
    public async Task<IResult> PostAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/movements")] HttpRequest request, FunctionContext context)
    {
        var caller = context.Caller();
        var movement = Movement.Parse(await request.FieldsAsync(), time.GetUtcNow());
        var sku = await CheckAsync(movement, caller);
        var outcome = await ledger.ExecuteAsync(movement.ToCommand(sku, caller.Actor));
        if (outcome.Repeated) request.MarkReplayed();
        return outcome.Verdict != Verdict.Refused
            ? Request.Answer(new MovementView(movement.Id, sku, movement.Kind, outcome.Sequence, OutcomeView.Of(outcome, caller)))
            : throw new ProblemException(409, "insufficient-stock", "Not enough stock", outcome.Refusal ?? $"{outcome.Available} available.")
            {
                Members = { ["sku"] = sku, ["location"] = movement.Location, ["wanted"] = movement.Quantity, ["available"] = outcome.Available },
            };
    }

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
