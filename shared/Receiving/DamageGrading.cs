using System.Text.Json.Serialization;
using Selvedge.Counts;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Receiving;

/// <summary>What damaged units turned out to be.</summary>
[JsonConverter(typeof(CamelCaseEnum<DamageGrade>))]
public enum DamageGrade
{
    /// <summary>As new after all: sellable.</summary>
    A,
    /// <summary>On hand under a condition of its own.</summary>
    B,
    /// <summary>Gone: <c>loss/damage</c>.</summary>
    WriteOff,
    /// <summary>Sent back to whom it was bought from.</summary>
    Supplier,
}

/// <summary>How far a grading is.</summary>
[JsonConverter(typeof(CamelCaseEnum<GradingStatus>))]
public enum GradingStatus
{
    /// <summary>The ledger is being told.</summary>
    Posting,
    /// <summary>It takes a second person (<see cref="DamageGrading.Approval"/>).</summary>
    Pending,
    Done,
    /// <summary>Nothing was moved: fewer units were there, or a second person said no (<see cref="DamageGrading.Refusal"/>).</summary>
    Refused,
}

/// <summary>
/// Damaged units that somebody looked at: document of container <c>work</c>. They came damaged on a receipt or a transfer (<c>quarantine/&lt;location&gt;</c>), or a
/// picker set them aside (<c>#damaged</c> of a bin). What customers send back is graded on its return (<see cref="Returns.ReturnCase"/>).
/// </summary>
public sealed record DamageGrading : IWork
{
    public const string KindName = "grading", Damaged = "damaged";
    public required string Id { get; init; }

    /// <summary>First part of the partition key, the same for all gradings.</summary>
    [JsonPropertyName("location")] public string Partition { get; init; } = KindName;
    public string Kind { get; init; } = KindName;
    public required string At { get; init; }
    public GradingStatus Status { get; init; }
    public required string Sku { get; init; }
    public required long Units { get; init; }

    /// <summary>The bin whose <c>#damaged</c> units they are; empty: the location has none; null: they are in quarantine.</summary>
    public string? FromBin { get; init; }
    public required DamageGrade Grade { get; init; }

    /// <summary>Where units of grade A and B are put, and the condition of B.</summary>
    public string Bin { get; init; } = "";
    public string Condition { get; init; } = "";
    public string? Reason { get; init; }

    /// <summary>Units that were moved, once it is done: fewer than <see cref="Units"/> where fewer were left when a second person approved.</summary>
    public long? Moved { get; init; }
    public string? Approval { get; init; }
    public string? Refusal { get; init; }
    public required Counter By { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public DateTimeOffset? Attention { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>What tells it from another under the same id.</summary>
    [JsonIgnore] internal (string, string, long, string?, DamageGrade, string, string) Content => (At, Sku, Units, FromBin, Grade, Bin, Condition);

    /// <summary>What the ledger is told: pure.</summary>
    public Post Command()
    {
        var (from, shelf) = (FromBin is { } bin ? Accounts.OnHand(At, bin, Damaged) : Accounts.Quarantine(At), FromBin is not null);
        var (kind, to) = Grade switch
        {
            DamageGrade.A => (shelf ? PostKind.Relocate : PostKind.Grade, Accounts.OnHand(At, Bin)),
            DamageGrade.B => (shelf ? PostKind.Relocate : PostKind.Grade, Accounts.OnHand(At, Bin, Condition)),
            DamageGrade.WriteOff => (shelf ? PostKind.Adjust : PostKind.Grade, Accounts.Damage),
            _ => (PostKind.Adjust, Accounts.Supplier),
        };
        return new() { Sku = Sku, Actor = By.Actor, Reason = Reason, Kind = kind, From = from, To = to, Quantity = Units, Id = Ids.Join(["damaged", Id], Ids.CosmosLimit - 2) };
    }

    public object View() => new
    {
        Id, Location = At, Status, Sku, Quantity = Units, From = FromBin is null ? "quarantine" : "shelf", FromBin = FromBin is { Length: > 0 } ? FromBin : null, Grade, Moved, Bin = Bin.Length > 0 ? Bin : null,
        Condition = Condition.Length > 0 ? Condition : null, Reason, Approval, Refusal, By.Actor, CreatedAt, UpdatedAt,
    };
}
