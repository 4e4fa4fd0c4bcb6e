namespace Selvedge.Local.Functions;

/// <summary>Which changes a feed has (official: Worker.Extensions.CosmosDB).</summary>
public enum CosmosDBChangeFeedMode
{
    /// <summary>Each item once, as it is now.</summary>
    LatestVersion = 0,

    /// <summary>Every version and every delete; refused here.</summary>
    AllVersionsAndDeletes = 1,
}

/// <summary>
/// Runs the function for batches of changed items of a container (official: Microsoft.Azure.Functions.Worker.CosmosDBTriggerAttribute). The parameter is a list of a
/// type the items are read as, or their JSON as text. Times are milliseconds; 0 stands for the official default. As in Azure a batch whose function fails is
/// lost, unless the function has a retry attribute, and instances share the work by leases.
/// </summary>
/// <param name="databaseName">The database.</param>
/// <param name="containerName">The container that is watched.</param>
public sealed class CosmosDBTriggerAttribute(string databaseName, string containerName) : TriggerBindingAttribute
{
    /// <summary>The container that is watched.</summary>
    public string ContainerName { get; } = containerName;

    /// <summary>The database.</summary>
    public string DatabaseName { get; } = databaseName;

    /// <summary>Name of the setting with the connection. Not used here: there is one store.</summary>
    public string? Connection { get; set; }

    /// <summary>Where the leases are; <c>leases</c> when not set.</summary>
    public string? LeaseContainerName { get; set; }

    /// <summary>Database of the leases; the watched one's when not set.</summary>
    public string? LeaseDatabaseName { get; set; }

    /// <summary>As <see cref="Connection"/>.</summary>
    public string? LeaseConnection { get; set; }

    /// <summary>Makes the lease container where it is missing.</summary>
    public bool CreateLeaseContainerIfNotExists { get; set; }

    /// <summary>Throughput of a lease container made so; not used here.</summary>
    public int LeasesContainerThroughput { get; set; }

    /// <summary>What this function's leases begin with, so that several share a container.</summary>
    public string? LeaseContainerPrefix { get; set; }

    /// <summary>Time between two looks at a feed that had nothing new; 5,000.</summary>
    public int FeedPollDelay { get; set; }

    /// <summary>How often a lease is renewed; 17,000.</summary>
    public int LeaseRenewInterval { get; set; }

    /// <summary>How often leases of others that ended are looked for; 13,000.</summary>
    public int LeaseAcquireInterval { get; set; }

    /// <summary>After what time without renewal a lease ends; 60,000.</summary>
    public int LeaseExpirationInterval { get; set; }

    /// <summary>Most items of one run.</summary>
    public int MaxItemsPerInvocation { get; set; }

    /// <summary>Without leases yet: begins with the oldest item instead of now.</summary>
    public bool StartFromBeginning { get; set; }

    /// <summary>Without leases yet: begins at this time (ISO 8601, UTC).</summary>
    public string? StartFromTime { get; set; }

    /// <summary>Regions; not used here.</summary>
    public string? PreferredLocations { get; set; }

    /// <summary>Which changes.</summary>
    public CosmosDBChangeFeedMode ChangeFeedMode { get; set; }
}
