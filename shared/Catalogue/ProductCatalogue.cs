using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
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
public sealed class ProductCatalogue(Store store, Aliases aliases, Categories categories, TimeProvider time)
{
    const int Width = 8;
    const int MostRead = 5_000;
    readonly StyleHistory history = new(store);

    // Products as last read. The style says which version each of its SKUs has, and a version is written once: one of that version is never out of date.
    readonly ConcurrentDictionary<string, Product> read = new(StringComparer.Ordinal);
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10), LongestPause = TimeSpan.FromMilliseconds(400);

    /// <summary>The SKU that a SKU, GTIN or other code means, or null.</summary>
    public ValueTask<string?> ResolveAsync(string? code, CancellationToken cancel = default) => aliases.ResolveAsync(code, null, cancel);

    /// <summary>As <see cref="ResolveAsync"/>, and whether it is a virtual bundle.</summary>
    public ValueTask<AliasSpan?> MeaningAsync(string? code, CancellationToken cancel = default) => aliases.MeaningAsync(code, null, cancel);

    /// <summary>The SKU with stock of its own that <paramref name="code"/> means.</summary>
    /// <exception cref="ProblemException">422, pointing at <paramref name="member"/>: nothing has the code, or it is a virtual bundle's.</exception>
    public async ValueTask<string> StockedAsync(string code, string member, CancellationToken cancel = default)
    {
        var meaning = await MeaningAsync(code, cancel) ?? throw ProblemException.UnknownReference(member, $"There is no SKU '{code}'. PUT api/styles/{{id}} or POST api/imports/products makes it.");
        return meaning.Virtual ? throw ProblemException.UnknownReference(member, $"SKU '{meaning.Sku}' is virtual and has no stock. Name its components.") : meaning.Sku;
    }

    /// <summary>The product that a SKU, GTIN or other code means, or meant at <paramref name="asOf"/>; or null.</summary>
    public async Task<Product?> FindProductAsync(string? code, DateTimeOffset? asOf = null, CancellationToken cancel = default) =>
        await aliases.ResolveAsync(code, asOf, cancel) is { } sku ? await ReadAsync(store.Skus, Product.DocumentId, new(sku), CatalogueJson.Default.Product, cancel) : null;

    /// <summary>The products there are of these SKUs.</summary>
    public async Task<IReadOnlyDictionary<string, Product>> FindProductsAsync(IEnumerable<string> skus, CancellationToken cancel = default) =>
        await store.Skus.ReadEachAsync(skus.Distinct(StringComparer.Ordinal).Select(sku => (Product.DocumentId, sku)), product => product.Sku, CatalogueJson.Default.Product, cancel);

    /// <summary>The style alone.</summary>
    /// <exception cref="ProblemException">404.</exception>
    public async Task<Style> GetStyleOnlyAsync(string id, CancellationToken cancel = default) =>
        (Sku.Problem(id, Sku.Longest) is null ? await ReadAsync(store.Styles, id, new(id), CatalogueJson.Default.Style, cancel) : null)
            ?? throw ProblemException.NotFound($"There is no style '{id}'. PUT api/styles/{{id}} makes one.");

    /// <summary>What changed in a style, the newest first.</summary>
    /// <exception cref="ProblemException">404.</exception>
    public async Task<Page<StyleChange>> HistoryAsync(string id, int limit, string? continuation, CancellationToken cancel = default) =>
        await history.ReadAsync(await GetStyleOnlyAsync(id, cancel), limit, continuation, cancel);

    /// <summary>The style and its products.</summary>
    /// <exception cref="ProblemException">404.</exception>
    public async Task<StyleAndProducts> GetStyleAsync(string id, CancellationToken cancel = default)
    {
        var style = await GetStyleOnlyAsync(id, cancel);
        var products = new Dictionary<string, Product>(style.Cells.Count, StringComparer.Ordinal);
        foreach (var cell in style.Cells)
            if (read.TryGetValue(cell.Sku, out var product) && product.Version == cell.Version) products[cell.Sku] = product;
        if (products.Count == style.Cells.Count) return new(style, products);
        foreach (var (sku, product) in await FindProductsAsync(style.Cells.Select(cell => cell.Sku).Where(sku => !products.ContainsKey(sku)), cancel))
        {
            products[sku] = product;
            if (read.Count >= MostRead) read.Clear();
            read[sku] = product;
        }
        return new(style, products);
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
    /// <param name="when">What must hold of the style as it is.</param>
    /// <param name="actor">Who.</param>
    /// <param name="approve">Throws where the caller may not make this change; called before anything is written.</param>
    /// <param name="cancel">Cancels before writing begins.</param>
    /// <exception cref="ProblemException">400 attributes that are not as their category says; 409 a code or matrix place is another SKU's; 412 the style has another ETag; 503 too many writers.</exception>
    public async Task<StylePlan> PutStyleAsync(StyleDraft draft, Precondition when, string actor, Action<StylePlan>? approve = null, CancellationToken cancel = default)
    {
        var began = time.GetTimestamp();
        for (var attempt = 1; time.GetElapsedTime(began) < Patience; attempt++)
        {
            var plan = await PlanAsync([draft], actor, cancel: cancel);
            var style = plan.Styles[0];
            if (!when.Holds(style.Before?.ETag)) throw Changed(draft.Id);
            if (plan.Objections.Where(one => one.IsInvalid).Select(one => new Fault(Pointer(one), one.Detail)).ToList() is { Count: > 0 } faults)
                throw ProblemException.Invalid($"{faults[0].Pointer}: {faults[0].Detail}{(faults.Count > 1 ? $" And {faults.Count - 1} more." : "")}", faults.Take(100));
            if (plan.Objections.Count > 0)
                throw new ProblemException(409, "catalogue-conflict", "It contradicts the catalogue", plan.Objections[0].Detail)
                { Members = { ["errors"] = plan.Objections.Select(one => new Fault(Pointer(one), one.Detail)).ToList() } };
            approve?.Invoke(style);
            if (await WriteAsync(style, plan.Claims[draft.Id], CancellationToken.None)) return style;
            if (!when.IsNone) throw Changed(draft.Id);
            await PauseAsync(attempt, CancellationToken.None);
        }
        throw ProblemException.Busy($"Style '{draft.Id}' is being written by others. Send the same request again.");
    }

    static string Pointer(Objection one) => $"{one.At}/{one.Column.Replace("attribute:", "attributes/", StringComparison.Ordinal)}";

    /// <summary>Sets what one unit of a SKU costs (null: unknown) and leaves all else as it is.</summary>
    /// <exception cref="ProblemException">404; 503 too many writers.</exception>
    public async Task<Product> SetCostAsync(string code, long? cost, string actor, Action<StylePlan> approve, CancellationToken cancel = default)
    {
        for (var attempt = 1; ; attempt++)
        {
            var product = await FindProductAsync(code, null, cancel) ?? throw ProblemException.NotFound($"No SKU, barcode or other code is '{code}'.");
            var style = await GetStyleOnlyAsync(product.Style, cancel);
            try
            {
                var draft = new StyleDraft(style.Id, style.Name, Stated.Cost, [new(product.Sku, product.Colour, product.Size, "") { Cost = cost }]);
                await PutStyleAsync(draft, style.ETag, actor, approve, cancel);
                return (await FindProductAsync(product.Sku, null, cancel))!;
            }
            catch (ProblemException changed) when (changed.Status == 412)
            {
                if (attempt == 20) throw ProblemException.Busy($"Style '{style.Id}' is being written by others. Send the same request again.");
                await PauseAsync(attempt, cancel);
            }
        }
    }

    /// <summary>Before planning anew what others overtook: a random while, longer each time, so that writers of one style get out of each other's way.</summary>
    internal Task PauseAsync(int attempt, CancellationToken cancel) =>
        Task.Delay(Random.Shared.NextDouble() * TimeSpan.FromMilliseconds(Math.Min(LongestPause.TotalMilliseconds, 10 << Math.Min(attempt, 10))), time, cancel);

    /// <summary>Plans several drafts (of different styles) together: reads all they touch, writes nothing.</summary>
    /// <param name="drafts">What is asked for.</param>
    /// <param name="actor">Who.</param>
    /// <param name="beside">Products that are made beside these: components may be among them.</param>
    /// <param name="isNew">The styles, their SKUs and codes were looked for and not found: nothing is read. What came since makes <see cref="WriteAsync"/> say false.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<CataloguePlan> PlanAsync(IReadOnlyList<StyleDraft> drafts, string actor, IReadOnlyDictionary<string, Product>? beside = null, bool isNew = false, CancellationToken cancel = default)
    {
        var styles = isNew ? [] : await store.Styles.ReadEachAsync(drafts.Select(draft => (draft.Id, draft.Id)), style => style.Id, CatalogueJson.Default.Style, cancel);
        var products = isNew ? new Dictionary<string, Product>() : await FindProductsAsync(drafts.SelectMany(draft => draft.Skus.Select(sku => sku.Sku)).Concat(styles.Values.SelectMany(style => style.Cells.Select(cell => cell.Sku))), cancel);
        var (rules, at) = (await categories.RulesAsync(cancel), InstantConverter.Cut(time.GetUtcNow()));
        var plans = drafts.Select(draft => StylePlan.Make(draft, styles.GetValueOrDefault(draft.Id), products, rules, at, actor)).ToList();
        var objections = plans.SelectMany(plan => plan.Objections).ToList();
        var places = drafts.SelectMany(draft => draft.Skus).GroupBy(sku => sku.Sku).ToDictionary(group => group.Key, group => group.First().At, StringComparer.Ordinal);
        if (!isNew) await Composites.CheckAsync(plans, places, beside, skus => FindProductsAsync(skus, cancel), objections);
        var claims = await ClaimsAsync(drafts, plans, products, places, at, isNew, objections, cancel);
        return new(plans, claims, objections);
    }

    /// <summary>Writes a plan. False when the style or one of its SKUs was changed since it was made: then plan again.</summary>
    public async Task<bool> WriteAsync(StylePlan plan, IReadOnlyCollection<AliasClaim> claims, CancellationToken cancel = default)
    {
        if (plan.IsUnchanged) return true;
        if (plan.Before is { } before) await history.KeepAsync(before, cancel);
        await aliases.TakeAsync(claims, cancel);
        var partition = new PartitionKey(plan.Style.Id);
        var style = plan.Style with { Writing = plan.Changed.Count > 0, Write = Guid.NewGuid().ToString("N") };
        var etag = await StoreAsync(store.Styles, style, style.Id, partition, plan.Before?.ETag, CatalogueJson.Default.Style, there => there.Write == style.Write, cancel);
        if (etag is null || !style.Writing) return etag is not null;
        var whole = true;
        await Parallel.ForEachAsync(plan.Changed, new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (product, token) =>
        {
            if (await StoreAsync(store.Skus, product, Product.DocumentId, new(product.Sku), product.ETag, CatalogueJson.Default.Product, there => there.SaysTheSameAs(product), token) is null) Volatile.Write(ref whole, false);
        });
        if (!whole || await StoreAsync(store.Styles, style with { Writing = false }, style.Id, partition, etag, CatalogueJson.Default.Style, there => !there.Writing && there.Write == style.Write, cancel) is null) return false;
        await aliases.EndAsync(plan.Changed.Where(product => plan.Existing.ContainsKey(product.Sku))
            .SelectMany(product => plan.Existing[product.Sku].AliasIds.Except(product.AliasIds).Select(id => (id, product.Sku))), cancel);
        return true;
    }

    async Task<IReadOnlyDictionary<string, IReadOnlyList<AliasClaim>>> ClaimsAsync(
        IReadOnlyList<StyleDraft> drafts, List<StylePlan> plans, IReadOnlyDictionary<string, Product> products, IReadOnlyDictionary<string, string> places, DateTimeOffset at, bool isNew, List<Objection> objections, CancellationToken cancel)
    {
        var final = new Dictionary<string, Product>(products, StringComparer.Ordinal);
        foreach (var product in plans.SelectMany(plan => plan.Changed)) final[product.Sku] = product;
        // A code passes from one SKU to another by its dates, and both may be in one plan.
        var wanted = new List<(string Id, Product Product, ProductCode Code)>();
        var holders = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var product in plans.SelectMany(plan => plan.Changed))
            foreach (var code in product.AliasCodes)
            {
                var id = Alias.IdOf(code.Code);
                if (holders.TryAdd(id, wanted.Count)) wanted.Add((id, product, code));
                else if (wanted[holders[id]].Product.Sku == product.Sku) continue;
                else if (wanted.Find(held => held.Id == id && held.Code.Overlaps(code, at)) is { Product: { } holder }) Clash(id, product.Sku, holder.Sku);
                else wanted.Add((id, product, code));
            }

        var there = isNew ? new Dictionary<string, Alias>() : await aliases.FindAsync(holders.Keys, cancel);
        var strangers = await FindProductsAsync(there.Values.SelectMany(alias => alias.Spans).Select(span => span.Sku).Where(sku => !final.ContainsKey(sku)), cancel);
        var claims = new Dictionary<string, List<AliasClaim>>(StringComparer.Ordinal);
        foreach (var (id, product, code) in wanted)
        {
            var before = there.GetValueOrDefault(id);
            var next = Alias.Wanted(before, code, product.Sku, product.Kind == ProductKind.Virtual, at, span => Yields(id, span), out var owner);
            if (owner is not null) Clash(id, product.Sku, owner);
            else if (next is not null) Claims(product.Style).Add(new(next, before, product.Sku));
        }
        foreach (var draft in drafts) Claims(draft.Id);
        return claims.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<AliasClaim>)pair.Value, StringComparer.Ordinal);

        // Given up by a SKU of the same plan, or left behind by a writer that died.
        Yield Yields(string id, AliasSpan span) =>
            (final.TryGetValue(span.Sku, out var owner) && products.ContainsKey(span.Sku) && !owner.AliasIds.Contains(id, StringComparer.Ordinal)) ? Yield.Ends
            : span.To is null && aliases.IsAbandoned(id, span, final.GetValueOrDefault(span.Sku) ?? strangers.GetValueOrDefault(span.Sku)) ? Yield.Never : Yield.No;
        List<AliasClaim> Claims(string style) => claims.TryGetValue(style, out var list) ? list : claims[style] = [];
        void Clash(string id, string sku, string other) =>
            objections.Add(new(places.GetValueOrDefault(sku) ?? "", id == Alias.IdOf(sku) ? "sku" : id.StartsWith("gtin:", StringComparison.Ordinal) ? "barcode" : "codes", Aliases.Clash(id, sku, other)));
    }

    // The new ETag; null when the item is neither as it was nor as we want it. (It is as we want it when the answer to our own write was lost.)
    static async Task<string?> StoreAsync<T>(Container container, T item, string id, PartitionKey partition, string? etag, JsonTypeInfo<T> type, Func<T, bool> isOurs, CancellationToken cancel) where T : class
    {
        using var body = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(item, type));
        using var response = etag is null
            ? await container.CreateItemStreamAsync(body, partition, cancellationToken: cancel)
            : await container.ReplaceItemStreamAsync(body, id, partition, new() { IfMatchEtag = etag }, cancel);
        if (response.IsSuccessStatusCode) return response.Headers.ETag;
        if (response.StatusCode is not (HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound)) response.EnsureSuccessStatusCode();
        using var read = await container.ReadItemStreamAsync(id, partition, cancellationToken: cancel);
        if (read.StatusCode == HttpStatusCode.NotFound) return null;
        read.EnsureSuccessStatusCode();
        var there = await JsonSerializer.DeserializeAsync(read.Content, type, cancel);
        return isOurs(there!) ? read.Headers.ETag : null;
    }

    static async Task<T?> ReadAsync<T>(Container container, string id, PartitionKey partition, JsonTypeInfo<T> type, CancellationToken cancel) where T : class
    {
        using var response = await container.ReadItemStreamAsync(id, partition, cancellationToken: cancel);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        response.EnsureSuccessStatusCode();
        return await JsonSerializer.DeserializeAsync(response.Content, type, cancel);
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
        .AddSingleton<Aliases>().AddSingleton<Categories>().AddSingleton<ProductCatalogue>().AddSingleton<StyleInventories>().AddSingleton<WorkOrders>().AddSingleton<Locations>();
}
