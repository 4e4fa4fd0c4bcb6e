using System.Text.Json.Serialization;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Approvals;

/// <summary>What takes a second person.</summary>
[JsonConverter(typeof(CamelCaseEnum<ApprovalKind>))]
public enum ApprovalKind
{
    /// <summary>Units leave the books: an adjustment or a grading to a loss.</summary>
    WriteOff,
    /// <summary>A count that differs from the record.</summary>
    CountVariance,
    /// <summary>A ring-fence is lowered or lifted.</summary>
    RingFence,
    /// <summary>A customer's units are given to another order.</summary>
    Reassign,
    /// <summary>What a SKU costs.</summary>
    Cost,
}

/// <summary>How far an approval is.</summary>
[JsonConverter(typeof(CamelCaseEnum<ApprovalState>))]
public enum ApprovalState
{
    Open,
    /// <summary>Decided, and about to be executed.</summary>
    Approved,
    /// <summary>Refused by the second person, or by the ledger when it was to be executed (<see cref="Approval.Refusal"/>).</summary>
    Refused,
    /// <summary>Nobody decided in time.</summary>
    Expired,
    Done,
}

/// <summary>What is to be executed, exactly as it was asked: one of these.</summary>
public sealed record Asked
{
    public Post? Post { get; init; }
    public Count? Count { get; init; }
    public SetLimit? Limit { get; init; }
    public Reassign? Reassign { get; init; }
    public CostChange? Cost { get; init; }

    /// <summary>The ledger's command; null where it is none.</summary>
    [JsonIgnore] public Command? Command => Post ?? Count ?? Limit ?? (Command?)Reassign;

    public static Asked Of(Command command) => command switch
    {
        Post c => new() { Post = c }, Count c => new() { Count = c }, SetLimit c => new() { Limit = c }, Reassign c => new() { Reassign = c },
        _ => throw new ArgumentException($"{command.GetType().Name} takes no second person.", nameof(command)),
    };

    /// <summary>Tells one content from another.</summary>
    internal string Content()
    {
        var content = Canonical.Start();
        // What the record showed when it was asked is not part of what was asked.
        if (Count is { } count) (count with { Expected = null }).Describe(content.Add(count.Sku));
        else if (Command is { } command) command.Describe(content.Add(command.Sku));
        else content.Name("cost").Add(Cost?.Sku).Add(Cost?.Cost);
        return content.Add(Command?.EffectiveAt).ShortHash();
    }
}

/// <summary>Another cost of one unit, in ten-thousandths; null: none is stated. <paramref name="From"/>: what it was when it was asked; from another one nobody approved it.</summary>
public sealed record CostChange(string Sku, long? Cost, long? From);

/// <summary>Something a person asked for that takes a second one: document of container <c>approvals</c>, kept for good, as entries name it.</summary>
public sealed record Approval
{
    public required string Id { get; init; }
    public required ApprovalKind Kind { get; init; }

    /// <summary>What is asked, in words.</summary>
    public required string What { get; init; }
    public required Asked Asked { get; init; }
    public required string Content { get; init; }
    public string? Sku { get; init; }
    public string? Location { get; init; }
    public string? Channel { get; init; }
    public string? Customer { get; init; }
    public required string AskedBy { get; init; }
    public required string AskedWith { get; init; }
    public required DateTimeOffset AskedAt { get; init; }
    public required DateTimeOffset ExpiresAt { get; init; }
    public ApprovalState State { get; init; }
    public string? DecidedBy { get; init; }
    public DateTimeOffset? DecidedAt { get; init; }
    public string? Reason { get; init; }

    /// <summary>The number of the journal entry, once it is done.</summary>
    public long? Sequence { get; init; }

    /// <summary>The command's own refusal, where things had changed.</summary>
    public string? Refusal { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>True when the caller reaches all that it is about; what something costs is for those who keep the books.</summary>
    public bool IsWithin(Caller caller) => (Kind is not ApprovalKind.Cost || caller.SeesValue || caller.Actor == AskedBy) && caller.ReachesChannel(Channel) && caller.ReachesCustomer(Customer) && (caller.Scope.Locations is null || (Location is { } location && caller.ReachesLocation(location)));

    /// <summary>The roles that may decide on it.</summary>
    public static IReadOnlyList<Role> Deciders(ApprovalKind kind) => kind is ApprovalKind.RingFence or ApprovalKind.Reassign ? [Role.Admin, Role.Sales] : [Role.Admin, Role.Finance];
}

/// <summary>What one person may do alone: document <c>limits</c> of container <c>settings</c>; these values where there is none.</summary>
public sealed record ApprovalLimits : ISetting
{
    public const string Document = "limits";
    public string Id { get; init; } = Document;
    public string Kind { get; init; } = Document;

    /// <summary>Units that may be written off, and by which a count may differ.</summary>
    public long Units { get; init; } = 10;

    /// <summary>Their value, in ten-thousandths of the base currency.</summary>
    public long Value { get; init; } = 500 * Money.Scale;

    /// <summary>Roles that need no second person, by kind; who is not listed does.</summary>
    public IReadOnlyDictionary<ApprovalKind, IReadOnlyList<Role>> Alone { get; init; } =
        Enum.GetValues<ApprovalKind>().ToDictionary(kind => kind, kind => (IReadOnlyList<Role>)(kind == ApprovalKind.Cost ? [Role.Admin, Role.Finance] : [Role.Admin]));
    public DateTimeOffset? UpdatedAt { get; init; }
    public string? Actor { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    public bool MayAlone(Role role, ApprovalKind kind) => Alone.GetValueOrDefault(kind)?.Contains(role) == true;

    /// <summary>Reads <c>{units, value, alone{kind: [roles]}}</c>; what is left out keeps its default.</summary>
    /// <exception cref="ProblemException">400 with the JSON pointer of every fault.</exception>
    public static ApprovalLimits Parse(RequestFields body)
    {
        var standard = new ApprovalLimits();
        var alone = standard.Alone.ToDictionary();
        if (body.Object("alone") is { } given)
            foreach (var kind in Enum.GetValues<ApprovalKind>())
            {
                var name = System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(kind.ToString());
                if (!given.Has(name)) continue;
                var roles = new List<Role>();
                foreach (var word in given.Texts(name, 10, 20))
                    if (Enum.TryParse<Role>(word, ignoreCase: true, out var role) && Enum.IsDefined(role)) roles.Add(role); else given.Add(name, $"'{word}' is no role.");
                alone[kind] = roles;
            }
        var limits = standard with { Units = body.Whole("units", 0, 10_000_000, standard.Units), Value = body.OptionalMoney("value") ?? standard.Value, Alone = alone };
        body.Ignoring("id", "version", "updatedAt", "actor").ThrowIfFaulty();
        return limits;
    }
}
