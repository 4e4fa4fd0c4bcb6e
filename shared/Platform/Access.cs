using System.Text.Json.Serialization;

namespace Selvedge.Platform;

/// <summary>What a caller may do (design, section 6, "Auth"). <see cref="Admin"/> may do everything; the others what an endpoint names.</summary>
[JsonConverter(typeof(CamelCaseEnum<Role>))]
public enum Role
{
    /// <summary>Everything, keys included.</summary>
    Admin,
    /// <summary>Receives, counts, picks, moves stock.</summary>
    Warehouse,
    /// <summary>Takes and cancels orders.</summary>
    Sales,
    /// <summary>Reads everything with its value, audits.</summary>
    Finance,
    /// <summary>Reads.</summary>
    Viewer,
    /// <summary>A customer's own portal access: only what belongs to its customers.</summary>
    Portal,
}

/// <summary>An enum as its name in camelCase, whatever serializer options it meets; numbers are refused.</summary>
public sealed class CamelCaseEnum<T>() : JsonStringEnumConverter<T>(System.Text.Json.JsonNamingPolicy.CamelCase, allowIntegerValues: false) where T : struct, Enum;

/// <summary>What of the company a caller reaches. A list that is null sets no bound; an empty one reaches nothing.</summary>
public sealed record Scope(IReadOnlyList<string>? Locations = null, IReadOnlyList<string>? Customers = null, IReadOnlyList<string>? Channels = null)
{
    /// <summary>No bounds.</summary>
    public static Scope Everything { get; } = new();
}

/// <summary>Who calls.</summary>
/// <param name="KeyId">The key's id; it may be logged.</param>
/// <param name="Actor">The person or named system that journal entries name.</param>
/// <param name="Role">What the caller may do.</param>
/// <param name="Scope">What the caller reaches.</param>
public sealed record Caller(string KeyId, string Actor, Role Role, Scope Scope)
{
    /// <summary>Costs and values are for those who keep the books.</summary>
    public bool SeesValue => Role is Role.Admin or Role.Finance;

    public bool ReachesLocation(string location) => Scope.Locations?.Contains(location, StringComparer.Ordinal) ?? true;
    public bool ReachesCustomer(string customer) => Scope.Customers?.Contains(customer, StringComparer.Ordinal) ?? true;
    public bool ReachesChannel(string channel) => Scope.Channels?.Contains(channel, StringComparer.Ordinal) ?? true;

    /// <exception cref="ProblemException">403: the location is outside the caller's scope.</exception>
    public void RequireLocation(string location) => Require(ReachesLocation(location), "location", location);

    /// <exception cref="ProblemException">403: the channel is outside the caller's scope.</exception>
    public void RequireChannel(string channel) => Require(ReachesChannel(channel), "channel", channel);

    /// <exception cref="ProblemException">403: the customer is outside the caller's scope.</exception>
    public void RequireCustomer(string customer) => Require(ReachesCustomer(customer), "customer", customer);

    /// <exception cref="ProblemException">403: the key is bound to some locations, and what is asked for shows all of them.</exception>
    public void RequireAllLocations()
    {
        if (Scope.Locations is not null) throw ProblemException.Forbidden("This shows every location, and your key reaches some only. Use a key without a location scope.");
    }

    static void Require(bool reaches, string what, string id)
    {
        if (!reaches) throw ProblemException.Forbidden($"Your key does not reach the {what} '{id}'. Ask an administrator for a key whose scope holds it.");
    }
}
