using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Selvedge.Functions.Api;
using Selvedge.Imports;
using Selvedge.Platform;

namespace Selvedge.Functions.Imports;

/// <summary>CSV files: products and opening stock.</summary>
public sealed class ImportFunctions(ProductImport products, StockImport stock, ImportRecords records)
{
    /// <summary>Largest file, in bytes: some 200,000 lines.</summary>
    const int Limit = 25_000_000;
    static readonly string[] Types = ["text/csv", "application/csv", "text/plain", "application/vnd.ms-excel"];

    [Function("ImportProducts"), Access]
    public Task<IResult> ImportProducts([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/imports/products")] HttpRequest request, FunctionContext context) =>
        RunAsync(request, context, "products", async (file, import, dryRun) => await products.RunAsync(file, import, dryRun, context.Caller().Actor, context.CancellationToken));

    [Function("ImportStock"), Access(Role.Warehouse)]
    public Task<IResult> ImportStock([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/imports/stock")] HttpRequest request, FunctionContext context) =>
        RunAsync(request, context, "stock", async (file, import, dryRun) => await stock.RunAsync(file, import, dryRun, context.Caller().Actor, context.Caller().ReachesLocation, context.CancellationToken));

    async Task<IResult> RunAsync(HttpRequest request, FunctionContext context, string kind, Func<ReadOnlyMemory<byte>, string, bool, Task<object>> run)
    {
        var dryRun = request.Choice("dryRun", "true", "false") == "true";
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !Types.Contains(type.MediaType.ToString(), StringComparer.OrdinalIgnoreCase))
            throw new ProblemException(415, "not-csv", "Send a CSV file", "Send the file itself with the header 'Content-Type: text/csv' (curl: -H 'Content-Type: text/csv' --data-binary @file.csv).");
        var key = request.Headers["Idempotency-Key"].ToString();
        if (key.Length > 200 || key.Any(char.IsControl)) throw ProblemException.Invalid("The header Idempotency-Key may have at most 200 characters.");
        var file = await request.BytesAsync(Limit);
        var hash = ImportRecords.HashOf(file.Span);
        if (key.Length == 0 || dryRun) return Request.Answer(await run(file, key.Length == 0 ? hash : key, dryRun));

        if (await records.BeginAsync(kind, key, hash, context.CancellationToken) is { } before)
        {
            request.MarkReplayed();
            return Request.Answer(before);
        }
        try
        {
            var result = await run(file, key, false);
            await records.FinishAsync(kind, key, hash, result);
            return Request.Answer(result);
        }
        catch (ProblemException refused) when (refused.Status == 400)
        {
            // Nothing was written: the key may stand for the corrected file.
            await records.ForgetAsync(kind, key);
            throw;
        }
    }
}
