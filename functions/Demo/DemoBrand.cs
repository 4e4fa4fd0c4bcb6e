using System.Globalization;
using System.Text.Json;
using Selvedge.Catalogue;

namespace Selvedge.Functions.Demo;

/// <summary>An article as the demo's shop sells it; price and cost as decimal text.</summary>
internal sealed record Article(string Sku, string Style, string Name, string Price, string Cost);

/// <summary>What the demo loads, through the API alone: locations, the shop as a channel, the range and its opening stock. Loading it again changes nothing:
/// the same product file says nothing new, and the stock file's lines were posted under the keys that its content gives.</summary>
internal sealed class DemoBrand(DemoApi api)
{
    public const string Channel = "demo-shopify";

    /// <summary>The articles of the sample range.</summary>
    public static IReadOnlyList<Article> Articles { get; } = Read(SampleCatalogue.ProductsCsv());

    public static int Styles => Articles.Select(article => article.Style).Distinct().Count();

    /// <summary>Loads everything; <paramref name="tell"/> hears of each step.</summary>
    /// <exception cref="DemoException">The folder holds data that is not the demo's, or the API refuses something.</exception>
    public async Task LoadAsync(Action<string> tell, CancellationToken cancel)
    {
        await RefuseOthersDataAsync(cancel);
        // A channel needs a location. Both before all else: the channel is what says from now on whose folder this is.
        foreach (var location in SampleCatalogue.Locations)
            await api.PutAsync($"api/locations/{location.Id}", new { kind = location.Is, location.Name, location.Priority, location.Address }, cancel);
        await api.PutAsync($"api/channels/{Channel}", new
        {
            kind = "shopify", name = "Demo shop (Shopify)", locations = SampleCatalogue.Locations.Select(location => location.Id), shortage = "oversold", secret = Channel,
        }, cancel);
        var products = await api.PostCsvAsync("api/imports/products", SampleCatalogue.ProductsCsv(), cancel);
        tell($"{Styles} styles and {Articles.Count} SKUs: {Number(products, "skus", "created")} created, {Number(products, "skus", "unchanged")} there before");
        var stock = await api.PostCsvAsync("api/imports/stock", SampleCatalogue.StockCsv(), cancel);
        tell($"opening stock at {SampleCatalogue.Locations.Count} locations: {Number(stock, "units"):n0} units posted, {Number(stock, "repeated"):n0} lines there before");
    }

    // Whoever has channels, styles or locations of their own keeps them to themselves. The sample's locations alone are a demo that was stopped
    // before it had made its channel.
    async Task RefuseOthersDataAsync(CancellationToken cancel)
    {
        if (await api.ExistsAsync($"api/channels/{Channel}", cancel)) return;
        var found = new List<string>();
        foreach (var kind in (string[])["channels", "styles", "locations"])
        {
            var items = (await api.GetAsync($"api/{kind}", cancel)).GetProperty("items").EnumerateArray();
            if (items.FirstOrDefault(item => kind != "locations" || !IsSample(item)) is { ValueKind: JsonValueKind.Object } first)
                found.Add($"{kind[..^1]} '{first.GetProperty("id").GetString()}'");
        }
        if (found.Count > 0)
            throw new DemoException($"This data folder holds data that is not the demo's ({string.Join(", ", found)}). The demo would mix its orders into it, so it does not start. Give it a folder of its own: --demo --data ./.demo");
    }

    static bool IsSample(JsonElement location) =>
        SampleCatalogue.Locations.Any(sample => sample.Id == location.GetProperty("id").GetString() && sample.Name == location.GetProperty("name").GetString());

    static long Number(JsonElement element, params string[] path) => path.Aggregate(element, (at, name) => at.GetProperty(name)).GetInt64();

    // The sample's fields hold no commas and no quotes.
    static List<Article> Read(string csv)
    {
        var lines = csv.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var names = lines[0].Split(',');
        var (sku, style, name, colour, size, price, cost) = (At("sku"), At("style"), At("name"), At("colour"), At("size"), At("price"), At("cost"));
        return [.. lines.Skip(1).Select(line => line.Split(',')).Select(f => new Article(f[sku], f[style], string.Create(CultureInfo.InvariantCulture, $"{f[name]} - {f[colour]} / {f[size]}"), f[price], f[cost]))];

        int At(string column) => Array.IndexOf(names, column);
    }
}
