using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selvedge.Platform;

namespace Selvedge.Imports;

/// <summary>An import: given its name and progress, does the work.</summary>
public delegate Task<object> ImportWork(string import, ImportProgress progress);

/// <summary>
/// Runs imports, at once or beside the request, with their progress in their record. The file itself is not kept: an import whose instance ends in the
/// middle is shown as interrupted, and the same file sent again does what is missing, since rows that are done are not done twice.
/// </summary>
public sealed partial class ImportJobs(ImportRecords records, TimeProvider time, ILogger<ImportJobs> log) : IHostedService
{
    readonly ConcurrentDictionary<Task, byte> running = new();

    /// <summary>Starts it, or finds it running already.</summary>
    public async Task<ImportRecord> StartAsync(string kind, string key, string hash, string actor, bool again, ImportWork work, CancellationToken cancel)
    {
        var (record, mine) = await records.BeginAsync(kind, key, hash, actor, again, cancel);
        if (!mine) return record;
        var run = Task.Run(() => RunAsync(record, key, work), CancellationToken.None);
        running[run] = 0;
        _ = run.ContinueWith(done => running.TryRemove(done, out _), TaskScheduler.Default);
        return record;
    }

    async Task RunAsync(ImportRecord record, string key, ImportWork work)
    {
        var progress = new ImportProgress();
        var job = work(key, progress);
        ImportRecord? current = record;
        using (var beat = new PeriodicTimer(ImportRecords.Beat, time))
        {
            while (current is not null && !job.IsCompleted)
            {
                await Task.WhenAny(job, beat.WaitForNextTickAsync().AsTask());
                if (!job.IsCompleted) current = await SaveAsync(With(current, progress));
            }
        }
        try
        {
            var result = JsonSerializer.SerializeToElement(await job, Json.Options);
            if (current is not null) await SaveAsync(With(current, progress) with { State = ImportState.Done, Result = result });
        }
        catch (Exception failure)
        {
            if (failure is not ProblemException) LogFailed(failure, record.Kind);
            var problem = failure as ProblemException ?? ProblemException.Busy("The import could not be finished. Send the same file again: what is done is not done twice.");
            var members = new Dictionary<string, object?> { ["type"] = "/problems/" + problem.Type, ["title"] = problem.Title, ["status"] = problem.Status, ["detail"] = problem.Message };
            foreach (var (name, value) in problem.Members) members.TryAdd(name, value);
            if (current is not null) await SaveAsync(With(current, progress) with { State = ImportState.Failed, Problem = JsonSerializer.SerializeToElement(members, Json.Options) });
        }
    }

    static ImportRecord With(ImportRecord record, ImportProgress progress) =>
        record with { Rows = progress.Total > 0 ? progress.Total : null, Read = progress.Read, Written = progress.Written, Errors = progress.Errors };

    // A store that does not answer costs a report; the import itself goes on.
    async Task<ImportRecord?> SaveAsync(ImportRecord record)
    {
        try
        {
            return await records.WriteAsync(record);
        }
        catch (Exception failure)
        {
            LogUnsaved(failure, record.Kind);
            return record;
        }
    }

    Task IHostedService.StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Lets what runs come to its end for as long as the host waits.</summary>
    async Task IHostedService.StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAll(running.Keys).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            LogLeft(running.Count);
        }
    }

    [LoggerMessage(EventId = 4001, Level = LogLevel.Error, Message = "An import of {Kind} failed")]
    partial void LogFailed(Exception failure, string kind);

    [LoggerMessage(EventId = 4002, Level = LogLevel.Warning, Message = "The progress of an import of {Kind} could not be saved")]
    partial void LogUnsaved(Exception failure, string kind);

    [LoggerMessage(EventId = 4003, Level = LogLevel.Warning, Message = "{Count} imports are cut short by the end of this instance; the same files sent again finish them")]
    partial void LogLeft(int count);
}

public static class ImportServices
{
    /// <summary>Product and stock imports, and the export. Needs the catalogue and the ledger.</summary>
    public static IServiceCollection AddImports(this IServiceCollection services) => services
        .AddSingleton<ImportRecords>().AddSingleton<ProductImport>().AddSingleton<StockImport>().AddSingleton<ProductExport>()
        .AddSingleton<ImportJobs>().AddHostedService(provider => provider.GetRequiredService<ImportJobs>());
}
