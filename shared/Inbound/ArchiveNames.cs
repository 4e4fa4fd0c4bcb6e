using System.Globalization;
using System.Text.RegularExpressions;
using Selvedge.Platform;

namespace Selvedge.Inbound;

/// <summary>
/// The one place where the archive's names and ids are built and read: <c>&lt;channel&gt;/&lt;yyyy-MM-dd&gt;/&lt;HHmmssfff&gt;-&lt;8 hex&gt;.ndjson.gz</c>, day and
/// time of the segment's first line in UTC.
/// </summary>
public static partial class ArchiveNames
{
    const string Extension = ".ndjson.gz";

    /// <summary>How long a segment is written to: what it holds arrived from its start until then, but for <see cref="Slack"/>.</summary>
    public static readonly TimeSpan LongestOpen = TimeSpan.FromHours(1);

    /// <summary>Between a message's arrival and its place in a segment, at most, and between clocks.</summary>
    public static readonly TimeSpan Slack = TimeSpan.FromMinutes(5);

    /// <summary>A channel's folder: no '/', no '.' (so that none is <c>..</c>, and an id can be taken apart).</summary>
    public static string FolderOf(string channel) => Ids.Join([channel], 150).Replace(".", "~2E", StringComparison.Ordinal);

    /// <summary>The folder of the channel that an order's id begins with, as <see cref="Ids.Order"/> writes it.</summary>
    public static string FolderOfOrder(string order) => order.Split(':')[0].Replace(".", "~2E", StringComparison.Ordinal);

    /// <summary>A new segment's name.</summary>
    public static string Segment(string folder, DateTimeOffset start, uint random) =>
        string.Create(CultureInfo.InvariantCulture, $"{folder}/{start.UtcDateTime:yyyy-MM-dd}/{start.UtcDateTime:HHmmssfff}-{random:x8}{Extension}");

    /// <summary>The object for one large body.</summary>
    public static string LargeBody(string folder, DateTimeOffset at, uint random) =>
        string.Create(CultureInfo.InvariantCulture, $"{folder}/{at.UtcDateTime:yyyy-MM-dd}/{at.UtcDateTime:HHmmssfff}-{random:x8}.body.gz");

    /// <summary>The id of a line.</summary>
    public static string Id(string segment, long offset, int line)
    {
        var parts = segment.Split('/');
        return string.Create(CultureInfo.InvariantCulture, $"{parts[0]}.{parts[1].Replace("-", "", StringComparison.Ordinal)}.{parts[2][..^Extension.Length]}.{offset}.{line}");
    }

    /// <summary>Where the line with this id is; null when no id looks so.</summary>
    public static (string Segment, long Offset, int Line)? Parse(string id)
    {
        if (id.Length > 300 || IdShape().Match(id) is not { Success: true } match) return null;
        var day = match.Groups["day"].Value;
        return ($"{match.Groups["folder"].Value}/{day[..4]}-{day[4..6]}-{day[6..]}/{match.Groups["segment"].Value}{Extension}",
            long.Parse(match.Groups["offset"].Value, CultureInfo.InvariantCulture), int.Parse(match.Groups["line"].Value, CultureInfo.InvariantCulture));
    }

    /// <summary>When the segment was begun; null when the object is no segment.</summary>
    public static DateTimeOffset? StartOf(string name)
    {
        var parts = name.Split('/');
        return parts.Length == 3 && parts[2].Length > 9 && name.EndsWith(Extension, StringComparison.Ordinal)
            && DateTimeOffset.TryParseExact(parts[1] + parts[2][..9], "yyyy-MM-ddHHmmssfff", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var start) ? start : null;
    }

    /// <summary>The day of a folder <c>yyyy-MM-dd</c>; null when it is none.</summary>
    public static DateOnly? DayOf(string folder) => DateOnly.TryParseExact(folder, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) ? day : null;

    [GeneratedRegex(@"^(?<folder>[^./\\]{1,160})\.(?<day>\d{8})\.(?<segment>\d{9}-[0-9a-f]{8})\.(?<offset>\d{1,12})\.(?<line>\d{1,6})$", RegexOptions.CultureInvariant)]
    private static partial Regex IdShape();
}
