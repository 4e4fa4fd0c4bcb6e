namespace Selvedge.Local.Durable;

/// <summary>Which versions of an orchestration a host runs (host.json: <c>versionMatchStrategy</c>).</summary>
internal enum VersionMatch
{
    /// <summary>All.</summary>
    None,

    /// <summary>Its own only.</summary>
    Strict,

    /// <summary>Its own and older ones.</summary>
    CurrentOrOlder,
}

/// <summary>Compares versions as Azure's host does.</summary>
internal static class OrchestrationVersions
{
    /// <summary>Below 0 where <paramref name="version"/> is older: by number where both are dotted numbers, else by text; none is the oldest.</summary>
    public static int Compare(string? version, string? other)
    {
        if (string.IsNullOrWhiteSpace(version)) { return string.IsNullOrWhiteSpace(other) ? 0 : -1; }
        if (string.IsNullOrWhiteSpace(other)) { return 1; }
        return System.Version.TryParse(version, out var a) && System.Version.TryParse(other, out var b) ? a.CompareTo(b) : string.Compare(version, other, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Whether a host of version <paramref name="own"/> runs an instance of <paramref name="instance"/>.</summary>
    public static bool Runs(VersionMatch match, string own, string instance) => match switch
    {
        VersionMatch.Strict => Compare(instance, own) == 0,
        VersionMatch.CurrentOrOlder => Compare(instance, own) <= 0,
        _ => true,
    };
}
