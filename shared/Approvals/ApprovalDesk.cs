using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Catalogue;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Approvals;

/// <summary>
/// Second-person approvals. Asking stores the command under an id that follows from the command's key, so asking again is the same approval. A decision is
/// written first, by ETag, and executed then: the command's own key makes it once, whoever executes it and however often, and whoever crashed in between.
/// </summary>
public sealed class ApprovalDesk(Store store, InventoryLedger ledger, ProductCatalogue catalogue, TimeProvider time)
{
    /// <summary>How long a decision is waited for.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromDays(7);
    const int Tries = 8;
    readonly SettingsOf<ApprovalLimits> limits = new(store, time, ApprovalLimits.Document);

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>What one person may do alone.</summary>
    public async Task<ApprovalLimits> LimitsAsync(bool fresh = false) => await limits.FindAsync(ApprovalLimits.Document, fresh) ?? new();

    /// <exception cref="ProblemException">412 when <paramref name="when"/> does not hold, or was changed meanwhile.</exception>
    public async Task<ApprovalLimits> SetLimitsAsync(ApprovalLimits wanted, Precondition when, string actor)
    {
        var before = await limits.RequireAsync(ApprovalLimits.Document, when);
        return await limits.WriteAsync(wanted with { UpdatedAt = Now, Actor = actor }, before);
    }

    /// <summary>How far the caller may go alone with a command of this kind; null: as far as it likes.</summary>
    public async Task<Leeway?> LeewayAsync(Caller caller, ApprovalKind kind)
    {
        var known = await LimitsAsync();
        return known.MayAlone(caller.Role, kind) ? null : new(known.Units, known.Value);
    }

    /// <summary>Asks for a second person. The same asked again is the same approval.</summary>
    /// <exception cref="ProblemException">422: it was asked with another content.</exception>
    public async Task<Approval> AskAsync(Approval asked)
    {
        try
        {
            return (await store.Approvals.CreateItemAsync(asked, new PartitionKey(asked.Id), new() { EnableContentResponseOnWrite = true })).Resource;
        }
        catch (CosmosException there) when (there.StatusCode == HttpStatusCode.Conflict)
        {
            var before = await FindAsync(asked.Id) ?? throw ProblemException.Busy($"Approval '{asked.Id}' was there and is gone. Ask again.");
            return before.Content == asked.Content ? before : throw ProblemException.Reused(asked.Asked.Command?.Key ?? asked.Id);
        }
    }

    /// <summary>An approval as it is about to be asked for.</summary>
    public Approval Draft(Caller caller, ApprovalKind kind, string what, Asked asked, string key, string? sku) => new()
    {
        Id = IdOf(sku ?? "", key), Kind = kind, What = what, Asked = asked, Content = asked.Content(), Sku = sku, AskedBy = caller.Actor, AskedWith = caller.KeyId, AskedAt = Now, ExpiresAt = Now + Patience,
    };

    /// <summary>The approval that was asked for a command of this SKU and key; null: none was.</summary>
    public Task<Approval?> FindAsync(string sku, string key) => FindAsync(IdOf(sku, key));

    public async Task<Approval?> FindAsync(string id)
    {
        try { return (await store.Approvals.ReadItemAsync<Approval>(id, new PartitionKey(id))).Resource; }
        catch (CosmosException unknown) when (unknown.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest) { return null; }
    }

    /// <summary>Approvals, the newest first.</summary>
    public Task<Page<Approval>> ListAsync(ApprovalState? state, int limit, string? continuation)
    {
        var query = new QueryDefinition($"SELECT * FROM c{(state is null ? "" : " WHERE c.state = @state")} ORDER BY c.askedAt DESC");
        if (state is { } wanted) query = query.WithParameter("@state", System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(wanted.ToString()));
        return store.Approvals.PageAsync<Approval>(query, limit, continuation);
    }

    /// <summary>Decides on what another asked for, and executes what is approved. The same decision again is answered as things stand.</summary>
    /// <exception cref="ProblemException">403: the caller is no second person for it; 404; 409: it was decided otherwise, or is over.</exception>
    public async Task<(Approval Approval, bool Repeated)> DecideAsync(string id, bool approve, string? reason, Caller caller)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            var found = await FindAsync(id) is { } known && known.IsWithin(caller) ? known : throw Unknown(id);
            if (!Approval.Deciders(found.Kind).Contains(caller.Role)) throw ProblemException.Forbidden($"This is decided by one of the roles {string.Join(", ", Approval.Deciders(found.Kind)).ToLowerInvariant()}.");
            if (!caller.IsPerson) throw ProblemException.Forbidden("A person decides: use a key that names one, or have your account bound to one (POST api/keys with \"person\").");
            if (caller.MayBe(found.AskedBy, found.AskedWith)) throw ProblemException.Forbidden($"A second person decides: {found.AskedBy} asked for it. Where that is an account bound to no person, decide signed in with an account of your own.");
            if (found.State == ApprovalState.Open && found.ExpiresAt <= time.GetUtcNow()) found = await WriteAsync(found with { State = ApprovalState.Expired }) ?? found;
            switch (found.State)
            {
                case ApprovalState.Open:
                    if (await WriteAsync(found with { State = approve ? ApprovalState.Approved : ApprovalState.Refused, DecidedBy = caller.Actor, DecidedAt = Now, Reason = reason }) is not { } decided) continue;
                    return (approve ? await ExecuteAsync(decided) : decided, false);
                case ApprovalState.Approved when approve:
                    return (await ExecuteAsync(found), true);
                case ApprovalState.Done when approve:
                case ApprovalState.Refused when !approve || found.Refusal is not null:
                    return (found, true);
                default:
                    throw ProblemException.Conflict("already-decided", "It was decided already", $"Approval '{id}' is {found.State.ToString().ToLowerInvariant()}{(found.DecidedBy is { } by ? $" by {by}" : "")}. Ask for it again under a new id.");
            }
        }
        throw ProblemException.Busy($"Approval '{id}' is being decided by others.");
    }

    /// <summary>Goes on with what a crash left approved, and ends what nobody decided. Answers how many changed.</summary>
    public async Task<int> SweepAsync(CancellationToken cancel)
    {
        var changed = 0;
        var failed = new List<Exception>();
        using var pages = store.Approvals.GetItemQueryIterator<Approval>(new QueryDefinition("SELECT * FROM c WHERE c.state = 'approved' OR (c.state = 'open' AND c.expiresAt < @now)").WithParameter("@now", InstantConverter.Text(time.GetUtcNow())));
        while (pages.HasMoreResults)
            foreach (var found in await pages.ReadNextAsync(cancel))
                try
                {
                    if (found.State == ApprovalState.Approved ? (await ExecuteAsync(found)).State != ApprovalState.Approved : await WriteAsync(found with { State = ApprovalState.Expired }) is not null) changed++;
                }
                catch (Exception later) when (later is not OperationCanceledException)
                {
                    // One that cannot be executed now holds up no other; the run says so in the end.
                    failed.Add(new InvalidOperationException($"Approval '{found.Id}' was left for the next run.", later));
                }
        return failed.Count == 0 ? changed : throw new AggregateException(failed);
    }

    // Executed by its own key, so twice is once; how it ended is written by ETag, and two who end it write the same.
    async Task<Approval> ExecuteAsync(Approval approved)
    {
        Approval ended;
        try
        {
            if (approved.Asked.Command is { } command)
            {
                var outcome = await ledger.ExecuteAsync(command with { Approval = approved.Id });
                ended = outcome.Verdict == Verdict.Refused
                    ? approved with { State = ApprovalState.Refused, Refusal = outcome.Refusal ?? $"{outcome.Available} available." }
                    : approved with { State = ApprovalState.Done, Sequence = outcome.Sequence };
            }
            else
            {
                var change = approved.Asked.Cost!;
                await catalogue.SetCostAsync(change.Sku, change.Cost, approved.AskedBy, planned =>
                {
                    if (planned.Existing.GetValueOrDefault(change.Sku)?.Cost is var now && now != change.From && now != change.Cost)
                        throw ProblemException.Conflict("cost-changed", "The cost is another one by now", $"The cost of {change.Sku} was changed since this was asked. Ask for it again.");
                });
                ended = approved with { State = ApprovalState.Done };
            }
        }
        catch (ProblemException refused) when (refused.Status is >= 400 and < 500)
        {
            ended = approved with { State = ApprovalState.Refused, Refusal = refused.Message };
        }
        return await WriteAsync(ended) ?? await FindAsync(approved.Id) ?? ended;
    }

    async Task<Approval?> WriteAsync(Approval next)
    {
        try { return (await store.Approvals.ReplaceItemAsync(next, next.Id, new PartitionKey(next.Id), new() { IfMatchEtag = next.ETag, EnableContentResponseOnWrite = true })).Resource; }
        catch (CosmosException changed) when (changed.StatusCode is HttpStatusCode.PreconditionFailed) { return null; }
    }

    public static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no approval '{id}'.");

    static string IdOf(string sku, string key) => "ap-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Ids.Join([sku, key]))).AsSpan(0, 12));
}

public static class ApprovalServices
{
    public static IServiceCollection AddApprovals(this IServiceCollection services) => services.AddSingleton<ApprovalDesk>();
}
