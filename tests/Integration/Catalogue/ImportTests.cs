using System.Globalization;
using System.Text;
using Microsoft.Azure.Cosmos;
using Selvedge.Catalogue;
using Selvedge.Imports;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Catalogue;

public sealed class ImportTests : IAsyncLifetime
{
    readonly CatalogueStore store = new();

    public ValueTask InitializeAsync() => store.InitializeAsync();
    public ValueTask DisposeAsync() => store.DisposeAsync();

    static Task<ProductImportResult> Products(CatalogueStore.Instance on, string csv, bool dryRun = false) => on.Products.RunAsync(Encoding.UTF8.GetBytes(csv), isJson: false, "i", dryRun, CatalogueStore.Ana);
    static Task<StockImportResult> Stock(CatalogueStore.Instance on, string csv, string import = "s", bool dryRun = false) => on.Stock.RunAsync(Encoding.UTF8.GetBytes(csv), import, dryRun, "ana", _ => true);

    static async Task<IReadOnlyList<ImportError>> Errors(Func<Task> import)
    {
        var problem = await Assert.ThrowsAsync<ProblemException>(import);
        Assert.Equal((400, "import-invalid"), (problem.Status, problem.Type));
        return (IReadOnlyList<ImportError>)problem.Members["errors"]!;
    }

    static async Task<long> CountAsync(Container container)
    {
        long count = 0;
        using var pages = container.GetItemQueryIterator<long>("SELECT VALUE COUNT(1) FROM c");
        while (pages.HasMoreResults) count += (await pages.ReadNextAsync()).Sum();
        return count;
    }

    static async Task LocationsAsync(CatalogueStore.Instance on)
    {
        foreach (var location in SampleCatalogue.Locations) await on.Locations.PutAsync(location, null, "ana");
    }

    [Fact]
    public async Task The_sample_range_goes_in_once_and_says_unchanged_the_second_time()
    {
        var one = store.New();
        var csv = SampleCatalogue.ProductsCsv();
        var would = await Products(one, csv, dryRun: true);
        Assert.Equal(0, await CountAsync(one.Store.Styles) + await CountAsync(one.Store.Skus) + await CountAsync(one.Store.Aliases));
        var first = await Products(one, csv);
        Assert.Equal(would with { DryRun = false }, first);
        Assert.Equal((40, first.Rows), (first.Styles.Created, first.Skus.Created));
        Assert.Equal(new(0, 0, first.Rows), (await Products(one, csv)).Skus);
        Assert.Equal(new(0, 1, first.Rows - 1), (await Products(one, csv.Replace("LSH101-WHI-XS,9520000000011,129.00", "LSH101-WHI-XS,9520000000011,119.00", StringComparison.Ordinal))).Skus);
        Assert.Equal(1_190_000, (await one.Catalogue.FindProductAsync("9520000000011"))!.Price);

        await LocationsAsync(one);
        var stock = await Stock(one, SampleCatalogue.StockCsv());
        Assert.Equal(3 * first.Rows, stock.Posted + stock.Empty);
        var again = await Stock(one, SampleCatalogue.StockCsv());
        Assert.Equal((0, stock.Posted, 0L), (again.Posted, again.Repeated, again.Units));
        var found = await one.Catalogue.GetStyleAsync("LSH101");
        var inventory = await one.Inventories.ReadAsync(found.Style, CatalogueStore.Ana);
        Assert.Equal(inventory.Locations.Values.Sum(units => units.OnHand), inventory.Total.OnHand);
        Assert.True(inventory.Matrix["White"]["M"].Locations["WH1"].Available > 0);
        Assert.Equal(["WH1"], (await one.Inventories.ReadAsync(found.Style, CatalogueStore.Ana with { Scope = new(Locations: ["WH1"]) })).Locations.Keys);
    }

    [Fact]
    public async Task Errors_of_the_file_and_against_the_catalogue_are_told_together_and_nothing_is_written()
    {
        var one = store.New();
        await Products(one, "style,name,colour,size,sku,barcode\nA,A,Navy,M,A-M,6291041500213\n");
        var before = await CountAsync(one.Store.Skus);
        var errors = await Errors(() => Products(one, """
            style,name,colour,size,sku,barcode,price
            B,B,Navy,M,B-M,,10.00
            B,B,Navy,L,B-L,06291041500213,10.00
            B,B,Navy,S,A-M,,10.00
            A,A,Navy,M,A-M2,,10.00
            C,C,Navy,M,C-M,,-1

            """));
        Assert.Equal([(3, "barcode", "'A-M'"), (4, "sku", "belongs to style 'A'"), (5, "sku", "both 'A-M' and 'A-M2'"), (6, "price", "negative")],
            errors.Select(error => (error.Line, error.Name!, new[] { "both 'A-M' and 'A-M2'", "belongs to style 'A'", "'A-M'", "negative" }.First(part => error.Message.Contains(part, StringComparison.Ordinal)))));
        Assert.Equal(before, await CountAsync(one.Store.Skus));
        Assert.Equal(1, await CountAsync(one.Store.Styles));
    }

    [Fact]
    public async Task An_import_that_died_is_completed_by_the_same_file()
    {
        var writes = 1400;
        var dying = store.New(request => Task.FromResult(
            new[] { "styles", "skus", "aliases" }.Any(container => CatalogueStore.IsWrite(request, container)) && Interlocked.Decrement(ref writes) < 0 ? CatalogueStore.Unavailable(request) : null));
        var csv = SampleCatalogue.ProductsCsv();
        await Assert.ThrowsAnyAsync<Exception>(() => Products(dying, csv));
        var result = await Products(store.New(), csv);
        Assert.InRange(result.Skus.Unchanged, 1, result.Rows - 1);
        var one = store.New();
        Assert.Equal(result.Rows, await CountAsync(one.Store.Skus));
        Assert.Equal(new(0, 0, 40), (await Products(one, csv)).Styles);
    }

    [Fact]
    public async Task Two_files_for_one_style_at_once_both_arrive()
    {
        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Products(store.New(), $"style,name,colour,size,sku\nS,Style,Navy,{i},S-{i}\n")));
        var found = await store.New().Catalogue.GetStyleAsync("S");
        Assert.Equal(["S-0", "S-1", "S-2", "S-3"], found.Style.Cells.Select(cell => cell.Sku).Order());
        Assert.Equal(4, found.Products.Count);
    }

    [Fact]
    public async Task A_code_that_passes_from_one_sku_to_another_by_dates_comes_back_from_the_export()
    {
        var one = store.New();
        const string csv = "style,name,colour,size,sku,codes\nA,A,Navy,M,A-M,OLD1||2026-01-01|2026-06-01\nB,B,Navy,M,B-M,OLD1||2026-06-01|\nA,A,Navy,L,A-L,OLD2||2026-01-01|2026-06-01\nA,A,Navy,S,A-S,OLD2||2026-06-01|\n";
        Assert.Equal(4, (await Products(one, csv)).Skus.Created);
        Assert.Equal(new(0, 0, 4), (await Products(one, csv)).Skus);
        foreach (var (code, day, sku) in new[] { ("OLD1", "2026-05-31", "A-M"), ("OLD1", "2026-06-01", "B-M"), ("old2", "2026-05-31", "A-L"), ("OLD2", "2026-06-01", "A-S") })
            Assert.Equal(sku, await one.Aliases.ResolveAsync(code, DateTimeOffset.Parse(day + "T00:00:00Z", CultureInfo.InvariantCulture)));
        // At one instant it is one SKU's.
        var errors = await Errors(() => Products(one, csv.Replace("OLD1||2026-06-01|", "OLD1||2026-05-01|", StringComparison.Ordinal)));
        Assert.Equal((3, "codes"), Assert.Single(errors.Select(error => (error.Line, error.Name!))));
        Assert.Single(await Errors(() => Products(one, "style,name,colour,size,sku,codes\nC,C,Navy,M,C-M,NEW1||2020-01-01|\nD,D,Navy,M,D-M,NEW1\n")));
    }

    [Fact]
    public async Task A_bundle_stands_anywhere_in_the_file_before_what_it_is_made_of_or_after()
    {
        var one = store.New();
        // More than is planned together lies between the bundles and their parts.
        var csv = new StringBuilder("style,name,colour,size,sku,kind,components\nSET,Set,Navy,M,SET-M,virtual,TEE-M|1\nWRONG,Set,Navy,M,WRONG-M,virtual,SET-M|1\nNONE,Set,Navy,M,NONE-M,virtual,NOWHERE|1\n");
        for (var i = 0; i < 600; i++) csv.Append(CultureInfo.InvariantCulture, $"F{i / 20},Filler,Navy,{i % 20},F-{i},,\n");
        csv.Append("TEE,Tee,Navy,M,TEE-M,,\nLAST,Set,Navy,M,LAST-M,virtual,TEE-M|2\n");
        var errors = await Errors(() => Products(one, csv.ToString()));
        Assert.Equal([(3, "components"), (4, "components")], errors.Select(error => (error.Line, error.Name!)));
        Assert.Contains("'SET-M' is virtual itself", errors[0].Message, StringComparison.Ordinal);
        Assert.Contains("There is no SKU 'NOWHERE'", errors[1].Message, StringComparison.Ordinal);

        csv.Replace("WRONG,Set,Navy,M,WRONG-M,virtual,SET-M|1\nNONE,Set,Navy,M,NONE-M,virtual,NOWHERE|1\n", "");
        Assert.Equal(603, (await Products(one, csv.ToString())).Skus.Created);
        Assert.Equal(new Component("TEE-M", 1), Assert.Single((await one.Catalogue.FindProductAsync("SET-M"))!.Components));
        // Changed as known styles: checked again when they are written.
        csv.Replace("SET-M,virtual,TEE-M|1", "SET-M,virtual,NEW-M|3").Append("NEW,Tee,Navy,M,NEW-M,,\n");
        Assert.Equal((1, 1), (await Products(one, csv.ToString())).Skus is var changed ? (changed.Created, changed.Updated) : default);
        Assert.Equal(new Component("NEW-M", 3), Assert.Single((await one.Catalogue.FindProductAsync("SET-M"))!.Components));
    }

    [Fact]
    public async Task Stock_names_unknown_skus_and_locations_with_their_lines()
    {
        var one = store.New();
        await LocationsAsync(one);
        await Products(one, "style,name,colour,size,sku,barcode,cost\nA,A,Navy,M,A-M,6291041500213,5.00\n");
        var errors = await Errors(() => Stock(one, "sku,location,quantity\nA-M,WH1,1\n6291041500213,WH1,1\nNOPE,WH1,1\nA-M,WH9,1\nA-M,WH2,-1\n"));
        Assert.Equal([(3, "sku"), (4, "sku"), (5, "location"), (6, "quantity")], errors.Select(error => (error.Line, error.Name!)));
        Assert.Equal(1, await CountAsync(one.Store.Skus));
    }

    [Fact]
    public async Task Opening_stock_by_barcode_is_worth_the_products_cost()
    {
        var one = store.New();
        await LocationsAsync(one);
        await Products(one, "style,name,colour,size,sku,barcode,cost\nA,A,Navy,M,A-M,6291041500213,5.00\n");
        Assert.Equal(new StockImportResult("s", false, 2, 1, 0, 1, 7), await Stock(one, "sku;location;quantity\n6291041500213;WH1;7\nA-M;WH2;0\n"));
        var balance = (await one.Store.Skus.ReadItemAsync<Balance>(Balance.DocumentId, new("A-M"))).Resource;
        Assert.Equal((7L, 350_000L), (balance.Locations["WH1"].OnHand, balance.Value));
        await Products(one, "style,name,colour,size,sku,cost\nA,A,Navy,M,A-M,6.00\n");
        Assert.Equal(1, (await Stock(one, "sku;location;quantity\n6291041500213;WH1;7\nA-M;WH2;0\n")).Repeated);
    }

    [Fact]
    public async Task A_sku_has_one_opening_stock_at_a_location_whatever_file_it_comes_in()
    {
        var one = store.New();
        await LocationsAsync(one);
        await Products(one, "style,name,colour,size,sku,barcode,cost\nA,A,Navy,M,A-M,6291041500213,5.00\nA,A,Navy,L,A-L,,5.00\n");
        Assert.Equal((2, 10L), (await Stock(one, "sku,location,quantity\nA-M,WH1,7\nA-L,WH1,3\n") is var first ? (first.Posted, first.Units) : default));
        // Saved again by a spreadsheet, under another name, sorted, with a line more.
        const string saved = "location,quantity,sku\r\nWH1,3,A-L\r\nWH1,7,6291041500213\r\nWH2,4,A-M\r\n";
        Assert.Equal((1, 2, 4L), (await Stock(one, saved, "other", dryRun: true) is var would ? (would.Posted, would.Repeated, would.Units) : default));
        Assert.Equal((1, 2, 4L), (await Stock(one, saved, "other") is var again ? (again.Posted, again.Repeated, again.Units) : default));
        // Corrected: what is posted already is an error of its line, in a trial too, and the rest is not posted.
        const string corrected = "sku,location,quantity,unitCost\nA-M,WH1,9,5.00\nA-L,WH1,3,6.00\nA-L,WH2,1,5.00\nA-M,WH2,0,\n";
        foreach (var dryRun in new[] { true, false })
        {
            var errors = await Errors(() => Stock(one, corrected, "corrected", dryRun));
            Assert.Equal([(2, "quantity"), (3, "quantity"), (5, "quantity")], errors.Select(error => (error.Line, error.Name!)));
            Assert.Contains("'A-M' has its opening stock at 'WH1': 7, posted ", errors[0].Message, StringComparison.Ordinal);
            Assert.Contains(": 3 at another cost, posted ", errors[1].Message, StringComparison.Ordinal);
        }
        var (m, l) = ((await one.Store.Skus.ReadItemAsync<Balance>(Balance.DocumentId, new("A-M"))).Resource, (await one.Store.Skus.ReadItemAsync<Balance>(Balance.DocumentId, new("A-L"))).Resource);
        Assert.Equal((7L, 4L, 3L, false), (m.Locations["WH1"].OnHand, m.Locations["WH2"].OnHand, l.Locations["WH1"].OnHand, l.Locations.ContainsKey("WH2")));
    }
}
