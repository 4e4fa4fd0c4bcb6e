using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using NCrontab;

namespace Selvedge.Local.Functions;

/// <summary>What a timer function is told (official: Microsoft.Azure.Functions.Worker.TimerInfo).</summary>
public class TimerInfo
{
    /// <summary>The schedule's status before this run; null when the timer is not monitored.</summary>
    public ScheduleStatus? ScheduleStatus { get; set; }

    /// <summary>This run makes up for one missed while the host was down.</summary>
    public bool IsPastDue { get; set; }
}

/// <summary>When a timer ran and runs; UTC.</summary>
public class ScheduleStatus
{
    /// <summary>The last run; <see cref="DateTime.MinValue"/> before the first.</summary>
    public DateTime Last { get; set; }

    /// <summary>The next run expected.</summary>
    public DateTime Next { get; set; }

    /// <summary>When this status was written.</summary>
    public DateTime LastUpdated { get; set; }
}

/// <summary>The occurrences of one NCRONTAB expression, in UTC.</summary>
internal sealed partial class TimerSchedule
{
    private readonly CrontabSchedule schedule;

    private TimerSchedule(CrontabSchedule schedule) => this.schedule = schedule;

    /// <summary>Reads <paramref name="trigger"/>'s schedule, through the setting it names where it is <c>%Name%</c>.</summary>
    /// <exception cref="LocalHostException">The setting is missing or the expression is malformed.</exception>
    public static TimerSchedule Parse(string function, TimerTriggerAttribute trigger, IConfiguration settings)
    {
        var expression = SettingName().Replace(trigger.Schedule ?? "", match => settings[match.Groups[1].Value] is { Length: > 0 } value
            ? value
            : throw new LocalHostException(ExitCode.Settings, $"Function {function}: its schedule %{match.Groups[1].Value}% names a setting that is not set. Add it to local.settings.json's Values or the environment."));
        var seconds = expression.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length == 6;
        var parsed = CrontabSchedule.TryParse(expression, new CrontabSchedule.ParseOptions { IncludingSeconds = seconds });
        return parsed is not null
            ? new TimerSchedule(parsed)
            : throw new LocalHostException(ExitCode.Functions, $"Function {function}: '{expression}' is not an NCRONTAB schedule. Six fields are expected: second minute hour day month weekday, as in 0 */5 * * * *.");
    }

    /// <summary>The first occurrence after <paramref name="time"/>; <see cref="DateTime.MaxValue"/> when there is none.</summary>
    public DateTime After(DateTime time) => DateTime.SpecifyKind(schedule.GetNextOccurrence(time, DateTime.MaxValue), DateTimeKind.Utc);

    /// <summary>Two occurrences within a minute: too frequent to keep a status for, as in Azure.</summary>
    public bool IsMoreFrequentThanAMinute(DateTime now)
    {
        var next = After(now);
        for (var i = 0; i < 5 && next < DateTime.MaxValue; i++)
        {
            var following = After(next);
            if (following - next < TimeSpan.FromMinutes(1)) { return true; }
            next = following;
        }
        return false;
    }

    [GeneratedRegex("%([^%]+)%")]
    private static partial Regex SettingName();
}

/// <summary>Keeps each timer's status in one small file, replaced as a whole, and lets one host at a time run a timer.</summary>
internal sealed class TimerStatusFile
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private readonly Lock gate = new();
    private readonly string file;
    private readonly Dictionary<string, ScheduleStatus> statuses;
    private readonly Dictionary<string, SemaphoreSlim> leases = new(StringComparer.OrdinalIgnoreCase);

    private TimerStatusFile(string file, Dictionary<string, ScheduleStatus> statuses) => (this.file, this.statuses) = (file, statuses);

    /// <summary>Reads the file, where there is one.</summary>
    /// <exception cref="LocalHostException">It cannot be read.</exception>
    public static TimerStatusFile Open(string file)
    {
        try
        {
            var statuses = File.Exists(file) ? JsonSerializer.Deserialize<Dictionary<string, ScheduleStatus>>(File.ReadAllBytes(file), Format) : null;
            return new TimerStatusFile(file, new(statuses ?? [], StringComparer.OrdinalIgnoreCase));
        }
        catch (Exception unreadable) when (unreadable is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new LocalHostException(ExitCode.Store, $"The timers' status in {file} cannot be read: {unreadable.Message} Delete the file to start the schedules afresh.", unreadable);
        }
    }

    /// <summary>The status of <paramref name="function"/>; null before its first start.</summary>
    public ScheduleStatus? Read(string function)
    {
        lock (gate) { return statuses.GetValueOrDefault(function); }
    }

    /// <summary>Replaces the status of <paramref name="function"/>; on return it has reached the disk.</summary>
    public void Write(string function, ScheduleStatus status)
    {
        lock (gate)
        {
            statuses[function] = status;
            var next = file + ".new";
            using (var stream = new FileStream(next, FileMode.Create, FileAccess.Write))
            {
                JsonSerializer.Serialize(stream, statuses, Format);
                stream.Flush(flushToDisk: true);
            }
            File.Move(next, file, overwrite: true);
        }
    }

    /// <summary>Waits until no other host of this process runs the timer <paramref name="function"/>; dispose to let go.</summary>
    public async Task<IDisposable> LeaseAsync(string function, CancellationToken cancellationToken)
    {
        SemaphoreSlim lease;
        lock (gate)
        {
            if (!leases.TryGetValue(function, out lease!)) { leases[function] = lease = new SemaphoreSlim(1, 1); }
        }
        await lease.WaitAsync(cancellationToken);
        return new Lease(lease);
    }

    private sealed class Lease(SemaphoreSlim semaphore) : IDisposable
    {
        public void Dispose() => semaphore.Release();
    }
}
