using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Selvedge.Functions.Api;
using Selvedge.Functions.Inbound;
using Selvedge.Imports;
using Selvedge.Platform;

namespace Selvedge.Functions.Imports;

/// <summary>Files: products and opening stock.</summary>
public sealed class ImportFunctions(ProductImport products, StockImport stock, ImportRecords records, ImportJobs jobs, InboundRecording inbound)
{
    /// <summary>Largest file, and the largest that is imported while the caller waits, in bytes: some 400,000 and 15,000 lines.</summary>
    const int Limit = 64_000_000, LimitAtOnce = 2_000_000;
    static readonly string[] Csv = ["text/csv", "application/csv", "text/plain", "application/vnd.ms-excel"];

    [Function("ImportProducts"), Access]
    public Task<IResult> ImportProducts([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/imports/products")] HttpRequest request, FunctionContext context)
    {
        var (isJson, caller) = (MediaType(request) == "application/json", context.Caller());
        if (!isJson) RequireCsv(request, "or a JSON list of styles with 'Content-Type: application/json'");
        return RunAsync(request, context, "products", (file, dryRun) => async (import, progress) => await products.RunAsync(file, isJson, import, dryRun, caller, progress));
    }

    [Function("ImportStock"), Access(Role.Warehouse, By = Bounds.Location)]
    public Task<IResult> ImportStock([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/imports/stock")] HttpRequest request, FunctionContext context)
    {
        var caller = context.Caller();
        RequireCsv(request, "and nothing else");
        return RunAsync(request, context, "stock", (file, dryRun) => async (import, progress) => await stock.RunAsync(file, import, dryRun, caller.Actor, caller.ReachesLocation, progress));
    }

    /// <summary>An import that was answered 202, or had a key, as it stands.</summary>
    [Function("GetImport"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> GetImport([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/imports/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var record = await records.GetAsync(id, context.CancellationToken);
        // A key bounded by locations follows its own imports: what another's wrote may be elsewhere.
        if (context.Caller() is { Scope.Locations: not null } bounded && record.Actor != bounded.Actor) throw ProblemException.NotFound($"There is no import '{id}'.");
        if (record.Kind != "stock" && context.Caller().Role == Role.Warehouse) throw ProblemException.Forbidden("A key with the role warehouse sees imports of stock only.");
        if (record.State == ImportState.Running) request.HttpContext.Response.Headers.RetryAfter = "1";
        return Request.Answer(ImportView.Of(record));
    }

    async Task<IResult> RunAsync(HttpRequest request, FunctionContext context, string kind, Func<ReadOnlyMemory<byte>, bool, ImportWork> work)
    {
        var dryRun = request.Choice("dryRun", "true", "false") == "true";
        var key = request.Headers["Idempotency-Key"].ToString();
        if (key.Length > 200 || key.Any(char.IsControl)) throw ProblemException.Invalid("The header Idempotency-Key may have at most 200 characters.");
        var file = await request.BytesAsync(Limit);
        var hash = ImportRecords.HashOf(file.Span);
        var (name, actor) = (key.Length == 0 ? hash : key, context.Caller().Actor);
        var run = dryRun ? work(file, true) : await inbound.KeepFileAsync(request, kind, file, work(file, false));
        if (request.Headers["Prefer"].ToString().Contains("respond-async", StringComparison.OrdinalIgnoreCase) || file.Length > LimitAtOnce)
        {
            // A trial and the real thing are two imports.
            var started = await jobs.StartAsync(kind, dryRun ? name + ":dryRun" : name, hash, actor, again: key.Length == 0 || dryRun, run, context.CancellationToken);
            if (started.State == ImportState.Done) request.MarkReplayed();
            request.HttpContext.Response.Headers.Location = started.Address;
            return Request.Answer(ImportView.Of(started), StatusCodes.Status202Accepted);
        }
        if (key.Length == 0 || dryRun) return Request.Answer(await run(name, new()));

        var (record, mine) = await records.BeginAsync(kind, key, hash, actor, again: false, context.CancellationToken);
        if (record is { State: ImportState.Done, Result: { } before })
        {
            request.MarkReplayed();
            return Request.Answer(before);
        }
        if (!mine) throw ProblemException.Conflict("in-progress", "The first request is still at work", $"The import with key '{key}' is running. Ask {record.Address} how far it is, or send it again shortly.");
        try
        {
            var result = await run(name, new());
            await records.WriteAsync(record with { State = ImportState.Done, Result = System.Text.Json.JsonSerializer.SerializeToElement(result, Json.Options) });
            return Request.Answer(result);
        }
        catch (ProblemException)
        {
            // The key may stand for the corrected file, or the same one again: rows that were written are not written twice.
            await records.ForgetAsync(record);
            throw;
        }
    }

    static string? MediaType(HttpRequest request) => MediaTypeHeaderValue.TryParse(request.ContentType, out var type) ? type.MediaType.ToString().ToLowerInvariant() : null;

    static void RequireCsv(HttpRequest request, string other)
    {
        if (!Csv.Contains(MediaType(request), StringComparer.Ordinal))
            throw new ProblemException(415, "not-csv", "Send a CSV file", $"Send the file itself with the header 'Content-Type: text/csv' (curl: -H 'Content-Type: text/csv' --data-binary @file.csv), {other}.");
    }
}

/// <summary>An import as the API shows it. Counts are of rows; <paramref name="Result"/> is what a small import answers at once, <paramref name="Problem"/> what
/// stood against it.</summary>
public sealed record ImportView(string Id, string Status, ImportState State, string Kind, int? Rows, int Read, int Written, int Errors, DateTimeOffset StartedAt, DateTimeOffset UpdatedAt,
    string? Actor, System.Text.Json.JsonElement? Result, System.Text.Json.JsonElement? Problem)
{
    public static ImportView Of(ImportRecord record) => new(record.PublicId, record.Address, record.State, record.Kind, record.Rows, record.Read ?? 0, record.Written ?? 0, record.Errors ?? 0,
        record.StartedAt, record.At, record.Actor, record.Result, record.Problem);
}
