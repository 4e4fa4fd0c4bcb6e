using Microsoft.Azure.Cosmos;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Catalogue;

public sealed class ProductCatalogueTests(CatalogueStore store) : IClassFixture<CatalogueStore>
{
    static SkuDraft Cell(string sku, string size = "M", string? barcode = null, long price = 10_000) => new(sku, "Navy", size, "/" + sku) { Barcode = barcode, Price = price };
    static StyleDraft Draft(string id, params SkuDraft[] skus) => new(id, "Style " + id, Stated.Whole, skus);
    static Task<StylePlan> Put(CatalogueStore.Instance on, StyleDraft draft, string? ifMatch = null) => on.Catalogue.PutStyleAsync(draft, ifMatch, "ana");

    static string Gtin14(int number)
    {
        var digits = $"952{number:D9}";
        return "0" + digits + Gtin.CheckDigit(digits);
    }

    [Fact]
    public async Task A_style_is_read_as_it_was_put_and_its_skus_resolve_by_every_code()
    {
        var one = store.New();
        await Put(one, Draft("READ", Cell("READ-M", barcode: Gtin14(1)) with { Codes = [new("supplier/1 100%")] }, Cell("READ-L", "L")));
        var found = await store.New().Catalogue.GetStyleAsync("READ");
        Assert.Equal(["READ-M", "READ-L"], found.Style.Cells.Select(cell => cell.Sku));
        Assert.False(found.Style.Writing);
        Assert.Equal(10_000, found.Products["READ-M"].Price);
        foreach (var code in new[] { "READ-M", "read-m", Gtin14(1), Gtin14(1)[1..], "Supplier/1 100%" }) Assert.Equal((code, "READ-M"), (code, await one.Catalogue.ResolveAsync(code)));
        Assert.Null(await one.Catalogue.ResolveAsync("READ-XXL"));
        Assert.Null(await one.Catalogue.ResolveAsync(new string('x', 5000)));
        Assert.Null(await one.Catalogue.ResolveAsync("\ud800"));
    }

    [Fact]
    public async Task The_same_put_again_writes_nothing()
    {
        var one = store.New();
        await Put(one, Draft("SAME", Cell("SAME-M")));
        var writes = 0;
        var two = store.New(request =>
        {
            if (new[] { "styles", "skus", "aliases" }.Any(container => CatalogueStore.IsWrite(request, container))) Interlocked.Increment(ref writes);
            return Task.FromResult<HttpResponseMessage?>(null);
        });
        Assert.True((await Put(two, Draft("SAME", Cell("SAME-M")))).IsUnchanged);
        Assert.Equal(0, writes);
    }

    [Fact]
    public async Task A_barcode_of_another_sku_is_refused_naming_both_and_nothing_is_written()
    {
        var one = store.New();
        await Put(one, Draft("CLASH", Cell("CLASH-M", barcode: Gtin14(2))));
        var problem = await Assert.ThrowsAsync<ProblemException>(() => Put(one, Draft("CLASH2", Cell("CLASH2-M", barcode: Gtin14(2)))));
        Assert.Equal(409, problem.Status);
        Assert.Contains("CLASH-M", problem.Message, StringComparison.Ordinal);
        Assert.Contains("CLASH2-M", problem.Message, StringComparison.Ordinal);
        Assert.Null(await one.Catalogue.ResolveAsync("CLASH2-M"));
        await Assert.ThrowsAsync<ProblemException>(() => one.Catalogue.GetStyleAsync("CLASH2"));
    }

    [Fact]
    public async Task A_barcode_moves_between_skus_of_one_put_and_is_free_when_given_up()
    {
        var one = store.New();
        await Put(one, Draft("MOVE", Cell("MOVE-M", barcode: Gtin14(3)), Cell("MOVE-L", "L")));
        await Put(one, Draft("MOVE", Cell("MOVE-M"), Cell("MOVE-L", "L", Gtin14(3))));
        Assert.Equal("MOVE-L", await one.Catalogue.ResolveAsync(Gtin14(3)));
        await Put(one, Draft("MOVE", Cell("MOVE-M"), Cell("MOVE-L", "L")));
        Assert.Null(await one.Catalogue.ResolveAsync(Gtin14(3)));
        await Put(one, Draft("MOVE2", Cell("MOVE2-M", barcode: Gtin14(3))));
        Assert.Equal("MOVE2-M", await one.Catalogue.ResolveAsync(Gtin14(3)));
    }

    [Fact]
    public async Task Two_skus_that_race_for_a_barcode_never_both_get_it()
    {
        var (a, b, c) = (store.New(), store.New(), store.New());
        for (var round = 0; round < 20; round++)
        {
            var code = Gtin14(100 + round);
            var results = await Task.WhenAll(Try(a, $"RACE{round}A"), Try(b, $"RACE{round}B"));
            Assert.InRange(results.Count(won => won), 0, 1);
            var owner = await c.Catalogue.ResolveAsync(code);
            if (results[0]) Assert.Equal($"RACE{round}A-M", owner);
            if (results[1]) Assert.Equal($"RACE{round}B-M", owner);

            async Task<bool> Try(CatalogueStore.Instance on, string style)
            {
                try
                {
                    await Put(on, Draft(style, Cell(style + "-M", barcode: code)));
                    return true;
                }
                catch (ProblemException problem) when (problem.Status == 409) { return false; }
            }
        }
    }

    [Fact]
    public async Task Writers_of_one_style_never_mix_their_prices()
    {
        var sizes = Enumerable.Range(0, 12).Select(i => $"{i}").ToList();
        var writers = Enumerable.Range(1, 4).Select(_ => store.New()).ToList();
        for (var round = 0; round < 6; round++)
        {
            await Task.WhenAll(Enumerable.Range(1, 4).Select(writer => Put(writers[writer - 1], Draft("MIX", [.. sizes.Select(size => Cell("MIX-" + size, size, price: writer * 100 + round))]))));
            var found = await writers[0].Catalogue.GetStyleAsync("MIX");
            Assert.False(found.Style.Writing);
            Assert.Single(found.Products.Values.Select(product => product.Price).Distinct());
        }
    }

    [Fact]
    public async Task If_match_lets_one_of_two_writers_through()
    {
        var one = store.New();
        await Put(one, Draft("ETAG", Cell("ETAG-M")));
        var etag = (await one.Catalogue.GetStyleAsync("ETAG")).Style.ETag!;
        await Put(one, Draft("ETAG", Cell("ETAG-M", price: 20_000)), etag);
        var problem = await Assert.ThrowsAsync<ProblemException>(() => Put(one, Draft("ETAG", Cell("ETAG-M", price: 30_000)), etag));
        Assert.Equal(412, problem.Status);
        Assert.Equal(412, (await Assert.ThrowsAsync<ProblemException>(() => Put(one, Draft("NOETAG", Cell("NOETAG-M")), "*"))).Status);
        Assert.Equal(20_000, (await one.Catalogue.GetStyleAsync("ETAG")).Products["ETAG-M"].Price);
    }

    [Fact]
    public async Task A_style_whose_writer_died_anywhere_is_completed_by_the_same_put()
    {
        var (left, next) = (0, store.New());
        var dying = store.New(request => Task.FromResult(
            new[] { "styles", "skus", "aliases" }.Any(container => CatalogueStore.IsWrite(request, container)) && Interlocked.Decrement(ref left) < 0 ? CatalogueStore.Unavailable(request) : null));
        for (var dies = 0; dies < 9; dies++)
        {
            left = dies;
            var draft = Draft($"DIES{dies}", Cell($"DIES{dies}-M", barcode: Gtin14(200 + dies)), Cell($"DIES{dies}-L", "L"));
            var died = await Record.ExceptionAsync(() => Put(dying, draft));
            Assert.True(died is null or CosmosException, died?.ToString());
            await Put(next, draft);
            var found = await next.Catalogue.GetStyleAsync(draft.Id);
            Assert.False(found.Style.Writing);
            Assert.Equal(2, found.Products.Count);
            Assert.Equal($"DIES{dies}-M", await next.Catalogue.ResolveAsync(Gtin14(200 + dies)));
        }
    }

    [Fact]
    public async Task A_write_whose_answer_was_lost_is_no_conflict()
    {
        var lost = new HashSet<string>();
        var one = store.New(after: (request, answer) =>
        {
            if (!new[] { "styles", "skus", "aliases" }.Any(container => CatalogueStore.IsWrite(request, container)) || !answer.IsSuccessStatusCode) return answer;
            lock (lost)
                // Each document's first answer is lost; the SDK or the caller asks again.
                if (!lost.Add(request.RequestUri!.AbsolutePath + request.Headers.GetValues("x-ms-documentdb-partitionkey").First())) return answer;
            return CatalogueStore.Unavailable(request);
        });
        var draft = Draft("LOST", Cell("LOST-M", barcode: Gtin14(5)), Cell("LOST-L", "L"));
        for (var attempt = 0; attempt < 20; attempt++)
        {
            try
            {
                await Put(one, draft);
                break;
            }
            catch (CosmosException error) when (error.StatusCode.IsPassing()) { }
        }
        var found = await store.New().Catalogue.GetStyleAsync("LOST");
        Assert.False(found.Style.Writing);
        Assert.Equal(["LOST-L", "LOST-M"], found.Products.Keys.Order());
        Assert.NotEmpty(lost);
    }

    [Fact]
    public async Task A_code_left_behind_by_a_writer_that_died_is_free_after_a_while()
    {
        var dying = store.New(request => Task.FromResult(CatalogueStore.IsWrite(request, "styles") ? CatalogueStore.Unavailable(request) : null));
        await Assert.ThrowsAsync<CosmosException>(() => Put(dying, Draft("LEFT", Cell("LEFT-M", barcode: Gtin14(6)))));
        var heir = Draft("HEIR", Cell("HEIR-M", barcode: Gtin14(6)));
        Assert.Equal(409, (await Assert.ThrowsAsync<ProblemException>(() => Put(store.New(), heir))).Status);
        await Put(store.New(time: new Later(TimeSpan.FromMinutes(11))), heir);
        Assert.Equal("HEIR-M", await store.New().Catalogue.ResolveAsync(Gtin14(6)));
    }

    [Fact]
    public async Task Styles_are_listed_page_by_page_without_gaps()
    {
        var one = store.New();
        foreach (var i in Enumerable.Range(0, 7)) await Put(one, Draft($"LIST{i}", Cell($"LIST{i}-M")) with { Season = "LIST" });
        var seen = new List<string>();
        string? continuation = null;
        do
        {
            var (styles, next) = await one.Catalogue.ListStylesAsync(3, continuation, "LIST");
            Assert.InRange(styles.Count, 1, 3);
            seen.AddRange(styles.Select(style => style.Id));
            continuation = next;
        } while (continuation is not null);
        Assert.Equal(Enumerable.Range(0, 7).Select(i => $"LIST{i}"), seen);
        Assert.Equal(400, (await Assert.ThrowsAsync<ProblemException>(() => one.Catalogue.ListStylesAsync(3, "!!", null))).Status);
    }

    [Fact]
    public async Task Components_must_exist_and_be_simple()
    {
        var one = store.New();
        var bundle = Cell("SET-1") with { Kind = ProductKind.Virtual, Components = [new("PART-1", 2)] };
        var problem = await Assert.ThrowsAsync<ProblemException>(() => Put(one, Draft("SET", bundle)));
        Assert.Contains("no SKU 'PART-1'", problem.Message, StringComparison.Ordinal);
        await Put(one, Draft("PART", Cell("PART-1")));
        await Put(one, Draft("SET", bundle));
        Assert.Equal([new("PART-1", 2)], (await one.Catalogue.FindProductAsync("SET-1"))!.Components);
    }

    sealed class Later(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
    }
}
