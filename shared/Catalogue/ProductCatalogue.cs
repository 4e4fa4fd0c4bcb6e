using System.Buffers.Text;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>A style with its products by SKU.</summary>
public sealed record StyleAndProducts(Style Style, IReadOnlyDictionary<string, Product> Products);

/// <summary>What planning several drafts together found: one plan a draft, the codes they need, and what stands against them.</summary>
public sealed record CataloguePlan(IReadOnlyList<StylePlan> Styles, IReadOnlyDictionary<string, IReadOnlyList<AliasClaim>> Claims, IReadOnlyList<Objection> Objections);

/// <summary>
/// The product master. A style is written whole and in this order, so that a writer that dies leaves nothing that cannot be completed and two
/// writers never mix: its codes are taken; the style, by ETag, marked as being written; its products, each by ETag; the style, no longer marked;
/// codes no longer used are given back.
/// </summary>
public sealed class ProductCatalogue(Store store, Aliases aliases, TimeProvider time)
{
    const int Width = 8;
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10), LongestPause = TimeSpan.FromMilliseconds(400);

    /// <summary>The SKU that a SKU, GTIN or other code means, or null.</summary>
    public ValueTask<string?> ResolveAsync(string? code, CancellationToken cancel = default) => aliases.ResolveAsync(code, cancel);

    /// <summary>The product that a SKU, GTIN or other code means, or null.</summary>
    public async Task<Product?> FindProductAsync(string? code, CancellationToken cancel = default) =>
        await ResolveAsync(code, cancel) is { } sku ? await ReadAsync<Product>(store.Skus, Product.DocumentId, new(sku), cancel) : null;

    /// <summary>The products there are of these SKUs.</summary>
    public async Task<IReadOnlyDictionary<string, Product>> FindProductsAsync(IEnumerable<string> skus, CancellationToken cancel = default) =>
        await store.Skus.ReadEachAsync<Product>(skus.Distinct(StringComparer.Ordinal).Select(sku => (Product.DocumentId, sku)), product => product.Sku, cancel);

    /// <summary>The style and its products.</summary>
    /// <exception cref="ProblemException">404.</exception>
    public async Task<StyleAndProducts> GetStyleAsync(string id, CancellationToken cancel = default)
    {
        var style = (Sku.Problem(id, Sku.Longest) is null ? await ReadAsync<Style>(store.Styles, id, new(id), cancel) : null)
            ?? throw ProblemException.NotFound($"There is no style '{id}'. PUT api/styles/{{id}} makes one.");
        return new(style, await FindProductsAsync(style.Cells.Select(cell => cell.Sku), cancel));
    }

    /// <summary>Styles in the order of their ids, after <paramref name="continuation"/>; with the next continuation, null at the end.</summary>
    public async Task<(IReadOnlyList<Style> Styles, string? Continuation)> ListStylesAsync(int limit, string? continuation, string? season, CancellationToken cancel = default)
    {
        var query = new QueryDefinition($"SELECT * FROM c WHERE c.id > @after{(season is null ? "" : " AND c.season = @season")} ORDER BY c.id").WithParameter("@after", After(continuation));
        if (season is not null) query = query.WithParameter("@season", season);
        var styles = new List<Style>();
        using var pages = store.Styles.GetItemQueryIterator<Style>(query, requestOptions: new() { MaxItemCount = limit + 1 });
        while (pages.HasMoreResults && styles.Count <= limit) styles.AddRange(await pages.ReadNextAsync(cancel));
        return styles.Count <= limit ? (styles, null) : (styles[..limit], Base64Url.EncodeToString(Encoding.UTF8.GetBytes(styles[limit - 1].Id)));
    }

    /// <summary>Makes the style what <paramref name="draft"/> says. The same draft again changes nothing.</summary>
    /// <param name="draft">The whole style.</param>
    /// <param name="ifMatch">The ETag it must have (<c>*</c>: it must exist), or null.</param>
    /// <param name="actor">Who.</param>
    /// <param name="cancel">Cancels before writing begins.</param>
    /// <exception cref="ProblemException">409 a code or matrix place is another SKU's; 412 the style has another ETag; 503 too many writers.</exception>
    public async Task<StylePlan> PutStyleAsync(StyleDraft draft, string? ifMatch, string actor, CancellationToken cancel = default)
    {
        var began = time.GetTimestamp();
        for (var attempt = 1; time.GetElapsedTime(began) < Patience; attempt++)
        {
            var plan = await PlanAsync([draft], actor, cancel);
            var style = plan.Styles[0];
            if (ifMatch is not null && (style.Before is null || (ifMatch != "*" && ifMatch != style.Before.ETag))) throw Changed(draft.Id);
            await RequireComponentsAsync(draft, plan, cancel);
            if (plan.Objections.Count > 0)
                throw new ProblemException(409, "catalogue-conflict", "It contradicts the catalogue", plan.Objections[0].Detail)
                { Members = { ["errors"] = plan.Objections.Select(one => new Fault(one.At + "/" + one.Column, one.Detail)).ToList() } };
            if (await WriteAsync(style, plan.Claims[draft.Id], CancellationToken.None)) return style;
            if (ifMatch is not null) throw Changed(draft.Id);
            await PauseAsync(attempt, CancellationToken.None);
        }
        throw ProblemException.Busy($"Style '{draft.Id}' is being written by others. Send the same request again.");
    }

    /// <summary>Before planning anew what others overtook: a random while, longer each time, so that writers of one style get out of each other's way.</summary>
    internal Task PauseAsync(int attempt, CancellationToken cancel) =>
        Task.Delay(Random.Shared.NextDouble() * TimeSpan.FromMilliseconds(Math.Min(LongestPause.TotalMilliseconds, 10 << Math.Min(attempt, 10))), time, cancel);

    /// <summary>Plans several drafts (of different styles) together: reads all they touch, writes nothing.</summary>
    public async Task<CataloguePlan> PlanAsync(IReadOnlyList<StyleDraft> drafts, string actor, CancellationToken cancel = default)
    {
        var styles = await store.Styles.ReadEachAsync<Style>(drafts.Select(draft => (draft.Id, draft.Id)), style => style.Id, cancel);
        var products = await FindProductsAsync(drafts.SelectMany(draft => draft.Skus.Select(sku => sku.Sku)).Concat(styles.Values.SelectMany(style => style.Cells.Select(cell => cell.Sku))), cancel);
        var at = time.GetUtcNow();
        var plans = drafts.Select(draft => StylePlan.Make(draft, styles.GetValueOrDefault(draft.Id), products, at, actor)).ToList();
        var objections = plans.SelectMany(plan => plan.Objections).ToList();
        var claims = await ClaimsAsync(drafts, plans, products, objections, cancel);
        return new(plans, claims, objections);
    }

    /// <summary>Writes a plan. False when the style or one of its SKUs was changed since it was made: then plan again.</summary>
    public async Task<bool> WriteAsync(StylePlan plan, IReadOnlyCollection<AliasClaim> claims, CancellationToken cancel = default)
    {
        if (plan.IsUnchanged) return true;
        await aliases.TakeAsync(claims, cancel);
        var partition = new PartitionKey(plan.Style.Id);
        var style = plan.Style with { Writing = plan.Changed.Count > 0, Write = Guid.NewGuid().ToString("N") };
        var etag = await StoreAsync(store.Styles, style, style.Id, partition, plan.Before?.ETag, there => there.Write == style.Write, cancel);
        if (etag is null || !style.Writing) return etag is not null;
        var whole = true;
        await Parallel.ForEachAsync(plan.Changed, new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (product, token) =>
        {
            if (await StoreAsync(store.Skus, product, Product.DocumentId, new(product.Sku), product.ETag, there => there.SaysTheSameAs(product), token) is null) Volatile.Write(ref whole, false);
        });
        if (!whole || await StoreAsync(store.Styles, style with { Writing = false }, style.Id, partition, etag, there => !there.Writing && there.Write == style.Write, cancel) is null) return false;
        await aliases.ReleaseAsync(plan.Changed.Where(product => plan.Existing.ContainsKey(product.Sku))
            .SelectMany(product => plan.Existing[product.Sku].AliasIds.Except(product.AliasIds).Select(id => new AliasClaim(id, product.Sku, null))), cancel);
        return true;
    }

    async Task<IReadOnlyDictionary<string, IReadOnlyList<AliasClaim>>> ClaimsAsync(
        IReadOnlyList<StyleDraft> drafts, List<StylePlan> plans, IReadOnlyDictionary<string, Product> products, List<Objection> objections, CancellationToken cancel)
    {
        var final = new Dictionary<string, Product>(products, StringComparer.Ordinal);
        foreach (var product in plans.SelectMany(plan => plan.Changed)) final[product.Sku] = product;
        var places = drafts.SelectMany(draft => draft.Skus).GroupBy(sku => sku.Sku).ToDictionary(group => group.Key, group => group.First().At, StringComparer.Ordinal);

        var wanted = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var product in plans.SelectMany(plan => plan.Changed))
            foreach (var id in product.AliasIds)
                if (!wanted.TryAdd(id, product.Sku) && wanted[id] != product.Sku) Clash(id, product.Sku, wanted[id]);

        var there = await aliases.FindAsync(wanted.Keys, cancel);
        var strangers = await FindProductsAsync(there.Values.Select(alias => alias.Sku).Where(sku => !final.ContainsKey(sku)), cancel);
        var claims = new Dictionary<string, List<AliasClaim>>(StringComparer.Ordinal);
        foreach (var (id, sku) in wanted)
        {
            var alias = there.GetValueOrDefault(id);
            if (alias?.Sku == sku) continue;
            // Free, given up by a SKU of the same plan, or left behind by a writer that died.
            var given = alias is not null && final.TryGetValue(alias.Sku, out var owner) && products.ContainsKey(alias.Sku) && !owner.AliasIds.Contains(id, StringComparer.Ordinal);
            if (alias is null || given || aliases.IsAbandoned(alias, final.GetValueOrDefault(alias.Sku) ?? strangers.GetValueOrDefault(alias.Sku))) Claims(final[sku].Style).Add(new(id, sku, alias?.ETag));
            else Clash(id, sku, alias.Sku);
        }
        foreach (var draft in drafts) Claims(draft.Id);
        return claims.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<AliasClaim>)pair.Value, StringComparer.Ordinal);

        List<AliasClaim> Claims(string style) => claims.TryGetValue(style, out var list) ? list : claims[style] = [];
        void Clash(string id, string sku, string other) =>
            objections.Add(new(places.GetValueOrDefault(sku) ?? "", id == Alias.IdOf(sku) ? "sku" : id.StartsWith("gtin:", StringComparison.Ordinal) ? "barcode" : "codes", Aliases.Clash(id, sku, other)));
    }

    async Task RequireComponentsAsync(StyleDraft draft, CataloguePlan plan, CancellationToken cancel)
    {
        var own = draft.Skus.ToDictionary(sku => sku.Sku, sku => sku.Kind, StringComparer.Ordinal);
        var others = await FindProductsAsync(draft.Skus.SelectMany(sku => sku.Components).Select(part => part.Sku).Where(sku => !own.ContainsKey(sku)), cancel);
        var faults = new List<Fault>();
        foreach (var sku in draft.Skus)
            for (var i = 0; i < sku.Components.Count; i++)
            {
                var part = sku.Components[i].Sku;
                ProductKind? kind = own.TryGetValue(part, out var drafted) ? drafted : others.GetValueOrDefault(part)?.Kind;
                if (kind is null) faults.Add(new($"{sku.At}/components/{i}/sku", $"There is no SKU '{part}'. Make it first."));
                else if (kind != ProductKind.Simple) faults.Add(new($"{sku.At}/components/{i}/sku", $"SKU '{part}' is composite itself. Name its components instead."));
            }
        if (faults.Count > 0) throw ProblemException.Invalid($"{faults[0].Pointer}: {faults[0].Detail}", faults);
    }

    // The new ETag; null when the item is neither as it was nor as we want it. (It is as we want it when the answer to our own write was lost.)
    static async Task<string?> StoreAsync<T>(Container container, T item, string id, PartitionKey partition, string? etag, Func<T, bool> isOurs, CancellationToken cancel) where T : class
    {
        using var body = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(item, Json.Options));
        using var response = etag is null
            ? await container.CreateItemStreamAsync(body, partition, cancellationToken: cancel)
            : await container.ReplaceItemStreamAsync(body, id, partition, new() { IfMatchEtag = etag }, cancel);
        if (response.IsSuccessStatusCode) return response.Headers.ETag;
        if (response.StatusCode is not (HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound)) response.EnsureSuccessStatusCode();
        using var read = await container.ReadItemStreamAsync(id, partition, cancellationToken: cancel);
        if (read.StatusCode == HttpStatusCode.NotFound) return null;
        read.EnsureSuccessStatusCode();
        var there = await JsonSerializer.DeserializeAsync<T>(read.Content, Json.Options, cancel);
        return isOurs(there!) ? read.Headers.ETag : null;
    }

    static async Task<T?> ReadAsync<T>(Container container, string id, PartitionKey partition, CancellationToken cancel) where T : class
    {
        using var response = await container.ReadItemStreamAsync(id, partition, cancellationToken: cancel);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        response.EnsureSuccessStatusCode();
        return await JsonSerializer.DeserializeAsync<T>(response.Content, Json.Options, cancel);
    }

    static string After(string? continuation)
    {
        try
        {
            return continuation is null ? "" : Encoding.UTF8.GetString(Base64Url.DecodeFromChars(continuation));
        }
        catch (FormatException)
        {
            throw ProblemException.Invalid("The continuation is not one that this list gave. Start again without it.");
        }
    }

    static ProblemException Changed(string id) => new(412, "changed-meanwhile", "It was changed meanwhile", $"Style '{id}' does not have this ETag (any more). Read it and try again.");
}

public static class CatalogueServices
{
    /// <summary>The product master, its codes and the locations.</summary>
    public static IServiceCollection AddCatalogue(this IServiceCollection services) => services
        .AddSingleton<Aliases>().AddSingleton<ProductCatalogue>().AddSingleton<Locations>();
}
