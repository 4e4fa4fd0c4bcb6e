using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selvedge.Exceptions;
using Selvedge.Ledger;

namespace Selvedge.Functions.Exceptions;

/// <summary>Opens an exception for everything the ledger reports as contradictory, whoever sent the command. What a crash or a full queue loses,
/// the next audit reports again.</summary>
public sealed partial class ContradictionWatch(InventoryLedger ledger, ExceptionCases exceptions, TimeProvider time, ILogger<ContradictionWatch> logger) : BackgroundService
{
    const int MostWaiting = 10_000, MostTries = 5;
    readonly Channel<Entry> waiting = Channel.CreateBounded<Entry>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        ledger.Contradicted += Note;
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override Task StopAsync(CancellationToken cancellationToken)
    {
        ledger.Contradicted -= Note;
        waiting.Writer.TryComplete();
        return base.StopAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var entry in waiting.Reader.ReadAllAsync(stoppingToken)) await OpenAsync(entry, stoppingToken);
    }

    async Task OpenAsync(Entry entry, CancellationToken stopping)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await exceptions.OpenAsync(entry);
                return;
            }
            catch (Exception failure) when (!stopping.IsCancellationRequested)
            {
                if (tries == MostTries)
                {
                    LogLost(failure, entry.Sequence, entry.Sku);
                    return;
                }
                await Task.Delay(TimeSpan.FromMilliseconds(100 << tries), time, stopping);
            }
        }
    }

    // Never waits: the ledger's writer calls this.
    void Note(Entry entry)
    {
        if (!waiting.Writer.TryWrite(entry)) LogLost(null, entry.Sequence, entry.Sku);
    }

    [LoggerMessage(EventId = 1101, Level = LogLevel.Warning, Message = "The exceptions of entry {Sequence} of {Sku} were not opened; the next audit will open them")]
    partial void LogLost(Exception? failure, long sequence, string sku);
}
