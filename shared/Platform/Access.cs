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

/// <summary>Whose things an operation shows or changes, and so which bounds of a caller it heeds. A caller that is bounded otherwise than the operation heeds is
/// refused: closed by default.</summary>
[Flags]
public enum Bounds
{
    /// <summary>Nothing in it belongs to a location, a channel or a customer: a scope does not matter.</summary>
    None = 0,
    Location = 1,
    Channel = 2,
    Customer = 4,
    /// <summary>The company as a whole: for callers without any bound.</summary>
    Everything = 8,
}

/// <summary>What of the company a caller reaches. A list that is null sets no bound; an empty one reaches nothing.</summary>
public sealed record Scope(IReadOnlyList<string>? Locations = null, IReadOnlyList<string>? Customers = null, IReadOnlyList<string>? Channels = null)
{
    /// <summary>No bounds.</summary>
    public static Scope Everything { get; } = new();
}

/// <summary>Who calls.</summary>
/// <param name="KeyId">The id of the key, or of the account (<see cref="Bindings.IdOf"/>); it may be logged.</param>
/// <param name="Actor">The person or named system that journal entries name.</param>
/// <param name="Role">What the caller may do.</param>
/// <param name="Scope">What the caller reaches. A portal's caller without customers reaches none; an administrator has no bounds.</param>
/// <param name="IsPerson">A person, not a system: may decide on what another asked for.</param>
public sealed record Caller(string KeyId, string Actor, Role Role, Scope Scope, bool IsPerson = false)
{
    /// <inheritdoc cref="Caller" path="/param[@name='Scope']"/>
    public Scope Scope { get; init; } = Role switch
    {
        Role.Admin => Scope.Everything,
        Role.Portal => Scope with { Customers = Scope.Customers ?? [] },
        _ => Scope,
    };

    /// <summary>True unless it is certain that the caller is somebody else than who acted as <paramref name="actor"/> with <paramref name="keyId"/>. An account that no
    /// person was named for may be anybody who has a key; only another account is surely another's.</summary>
    public bool MayBe(string actor, string keyId) => actor == Actor || keyId == KeyId || (keyId == Bindings.IdOf(actor) && !Bindings.IsId(KeyId));

    /// <summary>Costs and values are for those who keep the books.</summary>
    public bool SeesValue => Role is Role.Admin or Role.Finance;

    public bool ReachesLocation(string location) => Scope.Locations?.Contains(location, StringComparer.Ordinal) ?? true;

    /// <summary>What belongs to no customer is for callers without such a bound only.</summary>
    public bool ReachesCustomer(string? customer) => Scope.Customers is null || (customer is not null && Scope.Customers.Contains(customer, StringComparer.Ordinal));

    /// <summary>What belongs to no channel is for callers without such a bound only.</summary>
    public bool ReachesChannel(string? channel) => Scope.Channels is null || (channel is not null && Scope.Channels.Contains(channel, StringComparer.Ordinal));

    /// <summary>True when the caller reaches what is set apart for <paramref name="buyer"/>: <c>channel:…</c>, <c>customer:…</c> or <c>group:…</c>.</summary>
    public bool ReachesBuyer(string buyer) => buyer.Split(':', 2) switch
    {
        ["channel", var id] => ReachesChannel(id),
        ["customer", var id] => ReachesCustomer(id),
        _ => Scope.Customers is null,
    };

    /// <exception cref="ProblemException">403: the caller is bounded otherwise than <paramref name="heeded"/> says.</exception>
    public void RequireWithin(Bounds heeded)
    {
        if (heeded == Bounds.None || Scope == Scope.Everything) return;
        Refuse(Scope.Locations, Bounds.Location, "locations");
        Refuse(Scope.Channels, Bounds.Channel, "channels");
        Refuse(Scope.Customers, Bounds.Customer, "customers");

        void Refuse(IReadOnlyList<string>? bound, Bounds kind, string what)
        {
            if (bound is not null && (heeded & kind) == 0) throw ProblemException.Forbidden($"This is not told apart by {what}, and you reach some {what} only. It takes a key or an account without that bound.");
        }
    }

    /// <summary>The locations a list is narrowed to: those the caller reaches, and of them only <paramref name="location"/> where it is named; null: no bound.</summary>
    public IReadOnlyList<string>? Within(string? location) => location is null ? Scope.Locations : ReachesLocation(location) ? [location] : [];

    /// <exception cref="ProblemException">403: the location is outside the caller's scope.</exception>
    public void RequireLocation(string location) => Require(ReachesLocation(location), "location", location);

    /// <exception cref="ProblemException">403: the channel is outside the caller's scope.</exception>
    public void RequireChannel(string channel) => Require(ReachesChannel(channel), "channel", channel);

    /// <exception cref="ProblemException">403: the customer is outside the caller's scope.</exception>
    public void RequireCustomer(string customer) => Require(ReachesCustomer(customer), "customer", customer);

    static void Require(bool reaches, string what, string id)
    {
        if (!reaches) throw ProblemException.Forbidden($"You do not reach the {what} '{id}'. Ask an administrator for a key, or a binding of your account, whose scope holds it.");
    }
}
