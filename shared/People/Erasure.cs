using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.People;

/// <summary>Whom to forget: one of these.</summary>
public sealed record Whom(string? Order, string? Email, string? Customer)
{
    /// <exception cref="ProblemException">400 with the JSON pointer of every fault.</exception>
    public static Whom Parse(RequestFields body)
    {
        var whom = new Whom(body.OptionalText("order", 255), body.OptionalText("email", 320), body.OptionalText("customer", 60));
        string?[] given = [whom.Order, whom.Email, whom.Customer];
        if (given.Count(text => text is not null) != 1) body.Add("", "Expected one of order, email and customer.");
        body.ThrowIfFaulty();
        return whom;
    }
}

/// <summary>A place beside container <c>people</c> that holds personal data, such as the messages as they were received: one registration each.</summary>
/// <param name="Name">What it is called in the answer.</param>
/// <param name="EraseAsync">Erases what belongs to these orders, or holds one of these traces (e-mail addresses of six characters or more); the same again finds nothing. Answers how many were erased.</param>
public sealed record PersonalStore(string Name, Func<IReadOnlyCollection<string>, IReadOnlyCollection<string>, CancellationToken, Task<int>> EraseAsync);

/// <summary>What was erased.</summary>
/// <param name="Orders">Whose orders, by id.</param>
/// <param name="Elsewhere">Documents erased in the other places, by name.</param>
public sealed record Erased(IReadOnlyList<string> Orders, IReadOnlyDictionary<string, int> Elsewhere);

/// <summary>
/// Forgets people. Names and addresses are in container <c>people</c> only, so ledger, journal and orders stay whole. What takes a person's place says
/// that it was erased: a webhook that comes again finds it and brings nobody back. Other places go first, so that a call that was cut short finds the
/// same people when it is made again.
/// </summary>
public sealed class Erasure(Store store, OrderStore orders, AccessLog log, IEnumerable<PersonalStore> elsewhere)
{
    /// <summary>Shorter addresses are in other people's messages too.</summary>
    const int ShortestTrace = 6;

    /// <exception cref="ProblemException">404: there is no such order.</exception>
    public async Task<Erased> RunAsync(Whom whom, Caller caller, string request, CancellationToken cancel)
    {
        var ids = await OrdersAsync(whom, cancel);
        var traces = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        // One order's person may have others, of which nobody spoke: only its own messages go.
        if (whom.Order is null)
        {
            if (whom.Email is { } email) traces.Add(email);
            foreach (var id in ids)
                if (await orders.ReadPersonAsync(id) is { Email: { } known }) traces.Add(known);
            traces.RemoveWhere(trace => trace.Trim().Length < ShortestTrace);
        }
        foreach (var id in ids) await log.NoteAsync(id, AccessKind.Erase, caller, request);
        var counts = new Dictionary<string, int>();
        foreach (var place in elsewhere) counts[place.Name] = await place.EraseAsync(ids, traces, cancel);
        foreach (var id in ids) await orders.ErasePersonAsync(id);
        return new(ids, counts);
    }

    async Task<IReadOnlyList<string>> OrdersAsync(Whom whom, CancellationToken cancel)
    {
        if (whom.Order is { } order)
            return await orders.ReadAsync(order) is not null || await orders.ReadPersonAsync(order) is not null ? [order] : throw ProblemException.NotFound($"There is no order '{order}'.");
        var (container, query) = whom.Customer is { } customer
            ? (store.Orders, new QueryDefinition("SELECT VALUE c.id FROM c WHERE c.customer = @customer").WithParameter("@customer", customer))
            : (store.People, new QueryDefinition("SELECT VALUE c.id FROM c WHERE LOWER(c.email) = @email").WithParameter("@email", whom.Email!.ToLowerInvariant()));
        var ids = new List<string>();
        using var pages = container.GetItemQueryIterator<string>(query);
        while (pages.HasMoreResults) ids.AddRange(await pages.ReadNextAsync(cancel));
        return [.. ids.Order(StringComparer.Ordinal)];
    }
}

public static class PeopleServices
{
    public static IServiceCollection AddPeople(this IServiceCollection services) => services.AddSingleton<AccessLog>().AddSingleton<Erasure>();
}
