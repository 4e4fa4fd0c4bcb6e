using Microsoft.Extensions.Configuration;
using Selvedge.Channels;
using Selvedge.Orders;

namespace Selvedge.Inbound;

/// <summary>Lets go of messages whose time is up: whole days, channel by channel.</summary>
public sealed class InboundRetention(ArchiveStore store, SalesChannels channels, IConfiguration configuration, TimeProvider time)
{
    /// <summary>Days for what comes by no channel (files), or by one that is gone.</summary>
    const int Otherwise = 90;

    /// <summary>Days: what the channel says (<c>archiveDays</c>), else the setting <c>Inbound:Days</c>, else by surface half as long as its people are kept
    /// (<see cref="Surfaces.PeopleKept"/>): raw messages hold more of them. 0: nothing is kept.</summary>
    public static int DaysOf(Channel? channel, IConfiguration configuration) =>
        channel?.ArchiveDays ?? configuration.GetValue<int?>("Inbound:Days") ?? (channel is null ? Otherwise : (int)(Surfaces.PeopleKept(Surfaces.Of(channel.Is)).TotalDays / 2));

    /// <summary>Deletes what is older than its channel's days; may run in several instances. Answers how many objects.</summary>
    public async Task<int> RunAsync(CancellationToken cancel = default)
    {
        var (today, deleted) = (DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime), 0);
        var byFolder = (await channels.ListAsync(cancel)).ToDictionary(channel => ArchiveNames.FolderOf(channel.Id), StringComparer.Ordinal);
        foreach (var folder in await store.FoldersAsync(""))
        {
            // The day itself counts: a message is kept for so many days at least.
            var last = today.AddDays(-DaysOf(byFolder.GetValueOrDefault(folder), configuration) - 1);
            foreach (var day in await store.FoldersAsync(folder + "/"))
            {
                if (ArchiveNames.DayOf(day) is not { } date || date > last) continue;
                foreach (var name in await store.ListAsync($"{folder}/{day}/"))
                {
                    cancel.ThrowIfCancellationRequested();
                    await store.DeleteAsync(name);
                    deleted++;
                }
            }
        }
        return deleted;
    }
}
