using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Selvedge.Tests.Integration.Imports;

/// <summary>Files that are imported beside the request, on two instances of the app with one store.</summary>
public sealed class BackgroundImportTests : IAsyncLifetime
{
    const int Attributes = 100, Rows = 1_050;
    AppFixture app = null!;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => app = await AppFixture.StartAsync(instances: 2);
    public ValueTask DisposeAsync() => app.DisposeAsync();

    [Fact]
    public async Task A_file_of_50_megabytes_handed_to_two_instances_at_once_is_imported_as_one()
    {
        var file = LargeFile();
        Assert.InRange(file.Length, 50_000_000, 64_000_000);
        var imports = await Task.WhenAll(app.Instances.Select(instance => PostAsync(instance, "/api/imports/products", file)));
        Assert.Equal(imports[0], imports[1]);
        var import = await DoneAsync(app.Instances[1], imports[0]);
        Assert.Equal((Rows, Rows, Rows), (import.GetProperty("rows").GetInt32(), import.GetProperty("read").GetInt32(), import.GetProperty("written").GetInt32()));

        var first = (await app.Client.GetAsync("/api/skus/WIDE-0", Cancel).OkAsync()).GetProperty("attributes");
        Assert.Equal("=1+1", first.GetProperty("a0").GetString());
        Assert.Equal("Says \"soft\"; is,\r\nby the metre", first.GetProperty("a1").GetString());
        Assert.Equal(LongText(0, 2), first.GetProperty("a2").GetString());
        var last = (await app.Client.GetAsync($"/api/skus/WIDE-{Rows - 1}", Cancel).OkAsync()).GetProperty("attributes");
        Assert.Equal(LongText(Rows - 1, Attributes - 1), last.GetProperty($"a{Attributes - 1}").GetString());

        var again = await DoneAsync(app.Instances[0], await PostAsync(app.Instances[0], "/api/imports/products", file));
        Assert.Equal(Rows, again.GetProperty("result").GetProperty("skus").GetProperty("unchanged").GetInt32());
    }

    [Fact]
    public async Task A_stock_file_handed_to_two_instances_at_once_is_posted_once()
    {
        await app.Client.PutAsync("/api/locations/WH1", new { kind = "warehouse" }.AsJson(), Cancel).OkAsync();
        var skus = Enumerable.Range(0, 200).Select(i => $"ST-{i}").ToList();
        await DoneAsync(app.Instances[0], await PostAsync(app.Instances[0], "/api/imports/products", Encoding.UTF8.GetBytes("style,name,colour,size,sku\n" + string.Concat(skus.Select((sku, i) => $"ST,Stock,Navy,{i},{sku}\n")))));
        var stock = Encoding.UTF8.GetBytes("sku,location,quantity,unitCost\n" + string.Concat(skus.Select(sku => $"{sku},WH1,7,5.00\n")));
        var imports = await Task.WhenAll(app.Instances.Concat(app.Instances).Select(instance => PostAsync(instance, "/api/imports/stock", stock)));
        Assert.Single(imports.Distinct());
        await DoneAsync(app.Instances[1], imports[0]);
        var total = (await app.Client.GetAsync("/api/styles/ST/inventory", Cancel).OkAsync()).GetProperty("total");
        Assert.Equal(7 * skus.Count, total.GetProperty("onHand").GetInt32());
    }

    [Fact]
    public async Task A_file_beyond_the_limit_is_refused_with_the_limit_and_what_to_do()
    {
        // Without a length: so it is counted as it comes.
        using var endless = new HttpRequestMessage(HttpMethod.Post, "/api/imports/products") { Content = new StreamContent(new MemoryStream(new byte[64_000_001])), Headers = { TransferEncodingChunked = true } };
        endless.Content.Headers.ContentType = new MediaTypeHeaderValue("text/csv");
        var refused = await app.Client.SendAsync(endless, Cancel).ProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");
        Assert.Contains("64,000,000 bytes. Send it in parts", refused.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    // A spreadsheet's mark, every line ending in turn, quotes with what needs them, formulas made harmless, and long texts.
    static byte[] LargeFile()
    {
        using var file = new MemoryStream();
        using (var csv = new StreamWriter(file, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true), leaveOpen: true))
        {
            csv.Write("style,name,colour,size,sku," + string.Join(',', Enumerable.Range(0, Attributes).Select(attribute => $"attribute:a{attribute}")) + "\r\n");
            for (var row = 0; row < Rows; row++)
            {
                csv.Write($"W{row / 50},Wide,Colour {row % 50 / 10},{row % 10},WIDE-{row},'=1+1,\"Says \"\"soft\"\"; is,\r\nby the metre\"");
                for (var attribute = 2; attribute < Attributes; attribute++) csv.Write("," + LongText(row, attribute));
                csv.Write((row % 3) switch { 0 => "\r\n", 1 => "\n", _ => "\r" });
            }
        }
        return file.ToArray();
    }

    static string LongText(int row, int attribute) => string.Create(CultureInfo.InvariantCulture, $"Línea {row} {attribute} ") + new string((char)('a' + (row + attribute) % 26), 475);

    // A large file is imported beside the request by itself; a small one is asked to be.
    static async Task<Uri> PostAsync(AppInstance instance, string path, byte[] file)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(file) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("text/csv");
        if (file.Length < 2_000_000) request.Headers.Add("Prefer", "respond-async");
        using var answer = await instance.Client.SendAsync(request, Cancel);
        Assert.True(answer.StatusCode == HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync(Cancel));
        return answer.Headers.Location!;
    }

    static async Task<JsonElement> DoneAsync(AppInstance instance, Uri address)
    {
        while (true)
        {
            var import = await instance.Client.GetAsync(address, Cancel).OkAsync();
            if (import.GetProperty("state").GetString() is not "running")
            {
                Assert.True(import.GetProperty("state").GetString() == "done", import.GetRawText());
                return import;
            }
            await Task.Delay(50, Cancel);
        }
    }
}
