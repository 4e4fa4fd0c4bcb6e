namespace Selvedge.Local.Cosmos;

/// <summary>A request that is answered with an error: HTTP status, Cosmos substatus (0: none) and a message for a person.</summary>
internal sealed class CosmosError(int status, string message, int subStatus = 0) : Exception(message)
{
    public int Status { get; } = status;

    public int SubStatus { get; } = subStatus;

    public static CosmosError BadRequest(string message) => new(400, message);

    public static CosmosError NotFound(string message) => new(404, message);

    /// <summary>Header and body, or header and container, disagree on the partition key (substatus 1001).</summary>
    public static CosmosError KeyMismatch(string message) => new(400, message, 1001);
}
