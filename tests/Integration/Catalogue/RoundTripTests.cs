using System.Text;
using CsCheck;
using Selvedge.Catalogue;
using Selvedge.Imports;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Catalogue;

/// <summary>What is exported and imported again is a no-op, and in an empty catalogue makes the same one.</summary>
public sealed class RoundTripTests : IAsyncLifetime
{
    readonly CatalogueStore store = new();

    public ValueTask InitializeAsync() => store.InitializeAsync();
    public ValueTask DisposeAsync() => store.DisposeAsync();

    // Anything that may stand in a text: quotes, separators, formulas, line breaks where they are allowed.
    static readonly Gen<string> Word = Gen.String[Gen.OneOf(Gen.Char['a', 'e'], Gen.OneOf(Gen.Const('='), Gen.Const('+'), Gen.Const('-'), Gen.Const('@'), Gen.Const('\''), Gen.Const('"'), Gen.Const(','), Gen.Const(';'), Gen.Const('|'), Gen.Const('\\'), Gen.Const(' '), Gen.Const('é'), Gen.Const('n'))), 1, 8]
        .Select(text => text.Trim()).Where(text => text.Length > 0);
    static readonly Gen<long?> Amount = Gen.OneOf(Gen.Const((long?)null), Gen.Long[0, 9_999_999].Select(amount => (long?)amount));
    static readonly Gen<DateTimeOffset?> Instant = Gen.OneOf(Gen.Const((DateTimeOffset?)null), Gen.Int[0, 900].Select(day => (DateTimeOffset?)new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero).AddDays(day)));

    static readonly Gen<SkuDraft> Cell =
        Gen.Select(Gen.Select(Amount, Amount, Amount, Amount), Gen.Select(Word, Word, Gen.Bool, Gen.Bool), Gen.Select(Instant, Instant, Word), Gen.Select(Amount, Amount)).Select((money, words, code, usd) => new SkuDraft("", "", "", "/x")
        {
            Price = money.Item1, CompareAt = money.Item2, Cost = money.Item3, Weight = money.Item4 / 10, Active = words.Item3,
            Attributes = words.Item4 ? new Dictionary<string, string?> { ["fabric"] = words.Item1, [words.Item2] = words.Item1 + "\n" + words.Item2, ["composition"] = "60% cotton, 40% linen" } : [],
            Prices = usd.Item1 is { } price ? new Dictionary<string, PriceTag?> { ["USD"] = new(price, usd.Item2) } : [],
            Codes = code.Item1 is not null && code.Item1 >= code.Item2 ? [] : [new(code.Item3, code.Item1, code.Item2, words.Item3 ? "amazon-au" : null)],
        });

    static readonly Gen<StyleDraft> Style = Gen.Select(Cell.Array[1, 5], Gen.Select(Word, Word, Word, Word), Gen.Bool).Select((cells, words, more) => new StyleDraft("", words.Item1, Stated.Whole, cells)
    {
        Season = words.Item2, Category = more ? words.Item3 : null, Colours = [words.Item3, words.Item3 + "2"], Sizes = ["S", words.Item4 + "L"],
        Images = more ? [new("https://example.com/a.jpg?x=1;2", null, words.Item1), new("http://example.com/b", words.Item3)] : [],
        Materials = more ? [new(words.Item2, 13_500, "m"), new(words.Item1, 10_000, words.Item4)] : [],
    });

    [Fact]
    public Task Exported_and_imported_again_nothing_changes_and_an_empty_catalogue_becomes_the_same() => Style.Array[6].SampleAsync(async styles =>
    {
        await using var store = new CatalogueStore();
        await using var other = new CatalogueStore();
        await store.InitializeAsync();
        await other.InitializeAsync();
        var one = store.New();
        for (var i = 0; i < styles.Length; i++)
        {
            var (style, name) = (styles[i], $"ST{i}");
            var skus = style.Skus.Select((sku, n) => sku with
            {
                Sku = $"{name}-{n}", Colour = style.Colours[n % 2], Size = style.Sizes[n / 2 % 2], Active = n < 4 && sku.Active, At = $"/{n}",
                Codes = [.. sku.Codes.Select(code => code with { Code = $"{name}{n}{code.Code}" })],
            }).ToList();
            // What two active SKUs would share one archived one has.
            await one.Catalogue.PutStyleAsync(style with { Id = name, Skus = skus }, null, "ana");
        }
        await one.Catalogue.PutStyleAsync(new("SET", "Set", Stated.Whole, [new("SET-V", "=1", "M", "/v") { Kind = ProductKind.Virtual, Components = [new("ST0-0", 2), new("ST1-0", 1)] },
            new("SET-P", "=1", "L", "/p") { Kind = ProductKind.Packed, Components = [new("ST2-0", 6)] }]), null, "ana");

        foreach (var json in new[] { false, true })
        {
            var file = await ExportAsync(one, json);
            var again = await one.Products.RunAsync(file, json, "i", dryRun: false, CatalogueStore.Ana);
            Assert.Equal(((0, 0, styles.Length + 1), (0, 0)), ((again.Styles.Created, again.Styles.Updated, again.Styles.Unchanged), (again.Skus.Created, again.Skus.Updated)));
            Assert.Equal(file, await ExportAsync(store.New(), json));
        }
        var empty = other.New();
        var made = await empty.Products.RunAsync(await ExportAsync(one, json: false), isJson: false, "i", dryRun: false, CatalogueStore.Ana);
        Assert.Equal(styles.Length + 1, made.Styles.Created);
        Assert.Equal(Encoding.UTF8.GetString(await ExportAsync(one, json: false)), Encoding.UTF8.GetString(await ExportAsync(other.New(), json: false)));
    }, iter: 8, threads: 1);

    [Theory]
    [InlineData(true, ',', "\r\n")]
    [InlineData(false, ';', "\n")]
    [InlineData(true, '\t', "\r")]
    public async Task Marks_separators_and_mixed_line_ends_make_no_difference(bool mark, char separator, string end)
    {
        var text = string.Join(end, "style,name,colour,size,sku,attribute:note".Replace(',', separator), "\"M\"?\"Tee, heavy\"?Navy?S?M-S?\"a\nb\"".Replace('?', separator)) + "\n" + "M?\"Tee, heavy\"?Navy?L?M-L?'=1+1".Replace('?', separator) + "\r\n";
        var one = store.New();
        await one.Products.RunAsync((byte[])[.. mark ? Encoding.UTF8.Preamble : [], .. Encoding.UTF8.GetBytes(text)], isJson: false, "i", dryRun: false, CatalogueStore.Ana);
        var (style, products) = await one.Catalogue.GetStyleAsync("M");
        Assert.Equal(("Tee, heavy", "a\nb", "=1+1"), (style.Name, products["M-S"].Attributes["note"], products["M-L"].Attributes["note"]));
    }

    [Fact]
    public async Task The_same_file_twice_at_once_has_one_outcome()
    {
        var csv = Encoding.UTF8.GetBytes(SampleCatalogue.ProductsCsv());
        var both = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => store.New().Products.RunAsync(csv, isJson: false, "i", dryRun: false, CatalogueStore.Ana))));
        Assert.All(both, result => Assert.Equal(40, result.Styles.Created + result.Styles.Updated + result.Styles.Unchanged));
        var again = await store.New().Products.RunAsync(csv, isJson: false, "i", dryRun: false, CatalogueStore.Ana);
        Assert.Equal((0, 0), (again.Styles.Created + again.Styles.Updated, again.Skus.Created + again.Skus.Updated));
        var (style, products) = await store.New().Catalogue.GetStyleAsync("LSH101");
        // Who finds a style that the other is half-way through finishes it, as a version of its own.
        Assert.True(style.Version is 1 or 2);
        Assert.Equal((false, 18), (style.Writing, products.Count));
    }

    [Fact]
    public async Task An_import_cut_short_is_finished_by_the_same_file()
    {
        var csv = Encoding.UTF8.GetBytes(SampleCatalogue.ProductsCsv());
        var writes = 0;
        var dying = store.New(before: request => Task.FromResult(CatalogueStore.IsWrite(request, "skus") && Interlocked.Increment(ref writes) > 200 ? CatalogueStore.Unavailable(request) : null));
        await Assert.ThrowsAnyAsync<Exception>(() => dying.Products.RunAsync(csv, isJson: false, "i", dryRun: false, CatalogueStore.Ana));
        var progress = new ImportProgress();
        var result = await store.New().Products.RunAsync(csv, isJson: false, "i", dryRun: false, CatalogueStore.Ana, progress);
        Assert.Equal((result.Rows, result.Rows, result.Rows), (progress.Total, progress.Read, progress.Written));
        var again = await store.New().Products.RunAsync(csv, isJson: false, "i", dryRun: true, CatalogueStore.Ana);
        Assert.Equal(40, again.Styles.Unchanged);
    }

    static async Task<byte[]> ExportAsync(CatalogueStore.Instance on, bool json)
    {
        using var file = new MemoryStream();
        await (json ? on.Export.WriteJsonAsync(file, null, CatalogueStore.Ana, CancellationToken.None) : on.Export.WriteCsvAsync(file, null, CancellationToken.None));
        return file.ToArray();
    }
}
