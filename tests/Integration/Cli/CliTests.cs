using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Selvedge.Tests.Integration.Functions;
using Selvedge.Tests.Integration.Survival;

namespace Selvedge.Tests.Integration.Cli;

/// <summary>The built command <c>selvedge</c> against the running app: what it prints, and its exit codes.</summary>
public sealed class CliTests : IAsyncLifetime
{
    readonly TempFolder folder = new();
    AppFixture app = null!;

    public async ValueTask InitializeAsync()
    {
        app = await AppFixture.StartAsync(args: ["--Secrets:shop", ShopifySender.Secret]);
        await app.SeedAsync("TEE", 10);
        await app.Client.PutAsync("/api/channels/shop", new { kind = "shopify", locations = new[] { "WH1" }, secret = "shop", buffer = 2 }.AsJson()).OkAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        folder.Dispose();
    }

    /// <summary>As a person runs it, in the folder that holds the data folder's key.</summary>
    async Task<(int Code, string Out, string Errors)> RunAsync(params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { WorkingDirectory = folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[Path.Combine(AppContext.BaseDirectory, "selvedge.dll"), .. args]) start.ArgumentList.Add(argument);
        start.Environment["SELVEDGE_URL"] = app.Instances[0].Address.ToString();
        start.Environment["SELVEDGE_DATA"] = app.Folder;
        start.Environment.Remove("SELVEDGE_KEY");
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await errors);
    }

    async Task<JsonElement> JsonAsync(int code, params string[] args)
    {
        var ran = await RunAsync([.. args, "--json"]);
        Assert.True(ran.Code == code, $"selvedge {string.Join(' ', args)}: exit code {ran.Code}\n{ran.Out}\n{ran.Errors}");
        return JsonSerializer.Deserialize<JsonElement>(ran.Out);
    }

    string File(string name, string content)
    {
        folder.Write(name, content);
        return folder.File(name);
    }

    [Fact]
    public async Task Files_are_imported_dry_runs_write_nothing_and_faulty_rows_are_exit_code_4()
    {
        var products = File("p.csv", "style,name,colour,size,sku\nCAP,Cap,Red,One,CAP-RED\n");
        Assert.Equal(0, (await RunAsync("import", "products", products, "--dry-run")).Code);
        Assert.Equal(3, (await RunAsync("--json", "order", "shop:none")).Code);
        Assert.Equal("CAP-RED", Assert.Single((await JsonAsync(4, "stock", "CAP-RED")).GetProperty("unknown").EnumerateArray()).GetString());
        Assert.Equal(0, (await RunAsync("import", "products", products)).Code);
        Assert.Equal(1, (await JsonAsync(0, "import", "stock", File("s.csv", "sku,location,quantity\nCAP-RED,WH1,4\n"))).GetProperty("posted").GetInt32());
        Assert.Equal(4, (await JsonAsync(0, "stock", "CAP-RED")).GetProperty("items")[0].GetProperty("onHand").GetInt32());
        var faulty = await RunAsync("import", "stock", File("bad.csv", "sku,location,quantity\nCAP-RED,NOWHERE,4\n"));
        Assert.Equal(4, faulty.Code);
        Assert.Contains("NOWHERE", faulty.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Orders_numbers_exceptions_audits_and_messages_are_shown_and_a_replay_is_rehearsed()
    {
        using var shop = app.ClientWith(null);
        await ShopifySender.SendAsync(shop, ShopifySender.Order(1, ("TEE", 3))).OkAsync();
        await ShopifySender.SendAsync(shop, ShopifySender.Order(2, ("UNKNOWN", 1))).OkAsync();
        Assert.Equal("committed", (await JsonAsync(0, "order", "shop:1")).GetProperty("status").GetString());
        Assert.Equal(2, (await JsonAsync(0, "order", "list", "--channel", "shop")).GetArrayLength());

        var why = await JsonAsync(0, "why", "shop", "TEE");
        Assert.Equal((7 - 2, false), (why.GetProperty("offered").GetInt32(), why.GetProperty("listings").GetBoolean()));
        Assert.Contains("has no listing of it", (await RunAsync("why", "shop", "TEE")).Out, StringComparison.Ordinal);

        var unknown = (await JsonAsync(0, "exceptions", "--kind", "unknownSku"))[0].GetProperty("id").GetString()!;
        Assert.Equal(0, (await RunAsync("exceptions", "resolve", unknown, "a sample, not ours")).Code);
        Assert.Equal(0, (await JsonAsync(0, "exceptions", "list")).GetArrayLength());
        Assert.True((await JsonAsync(0, "audit", "--full")).GetProperty("clean").GetBoolean());

        var id = (await JsonAsync(0, "inbound", "list", "--order", "shop:1"))[0].GetProperty("id").GetString()!;
        var raw = await RunAsync("inbound", "show", id, "--raw");
        Assert.Equal(System.Text.Encoding.UTF8.GetString(ShopifySender.Order(1, ("TEE", 3))), raw.Out);
        Assert.Equal("unchanged", (await JsonAsync(0, "inbound", "replay", id, "--dry-run"))[0].GetProperty("result").GetString());
        var range = await RunAsync("inbound", "replay", "--channel", "shop", "--from", "2020-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z", "--dry-run");
        Assert.Contains("2 messages: 2 unchanged", range.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_finds_what_is_wrong_and_says_what_to_do()
    {
        await app.Client.PostAsync("/api/audits", null).OkAsync();
        var healthy = await JsonAsync(0, "doctor");
        Assert.True(healthy.GetProperty("healthy").GetBoolean(), healthy.ToString());

        await app.Client.PutAsync("/api/channels/mute", new { kind = "shopify", locations = new[] { "WH1" }, secret = "not-configured" }.AsJson()).OkAsync();
        var sick = await JsonAsync(4, "doctor");
        var fault = Assert.Single(sick.GetProperty("findings").EnumerateArray(), finding => finding.GetProperty("state").GetString() == "fault");
        Assert.Equal("channel mute", fault.GetProperty("check").GetString());
        Assert.Contains("Secrets__not-configured", fault.GetProperty("todo").GetString(), StringComparison.Ordinal);

        if (OperatingSystem.IsWindows()) return;
        System.IO.File.SetUnixFileMode(Path.Combine(app.Folder, "admin.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        Assert.Contains("chmod 600", (await RunAsync("doctor")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exit_codes_tell_usage_unreachable_and_refused_apart_and_errors_show_the_problem()
    {
        Assert.Equal(1, (await RunAsync("nonsense")).Code);
        Assert.Equal(1, (await RunAsync("import", "stock", "no-such-file.csv")).Code);
        Assert.Equal(1, (await RunAsync("stock", "TEE", "--url", "nowhere")).Code);
        var unreachable = await RunAsync("stock", "TEE", "--url", "http://127.0.0.1:9");
        Assert.Equal(2, unreachable.Code);
        Assert.Contains("SELVEDGE_URL", unreachable.Errors, StringComparison.Ordinal);
        var refused = await RunAsync("order", "shop:404");
        Assert.Equal(3, refused.Code);
        Assert.Contains("There is no order 'shop:404'", refused.Errors, StringComparison.Ordinal);
        var unauthorized = await RunAsync("stock", "TEE", "--key", "slv_wrong", "--json");
        Assert.Equal((3, "/problems/unauthorized"), (unauthorized.Code, JsonSerializer.Deserialize<JsonElement>(unauthorized.Errors).GetProperty("type").GetString()));
    }

    [Fact]
    public async Task Completion_scripts_ask_the_command_which_knows_what_may_follow()
    {
        Assert.Contains("complete -o default -F _selvedge selvedge", (await RunAsync("completion", "bash")).Out, StringComparison.Ordinal);
        Assert.Contains("compdef _selvedge selvedge", (await RunAsync("completion", "zsh")).Out, StringComparison.Ordinal);
        var options = (await RunAsync("[suggest:25]", "selvedge import products ")).Out;
        Assert.Contains("--dry-run", options, StringComparison.Ordinal);
        Assert.Equal("inbound", (await RunAsync("[suggest:11]", "selvedge in")).Out.Trim());
    }

    [Fact]
    public async Task A_long_import_is_followed_at_its_status_address_until_it_is_done_and_the_key_goes_nowhere_else()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var server = builder.Build();
        var (asked, elsewhere) = (0, "/api/imports/1");
        server.MapPost("/api/imports/products", (HttpContext context) =>
        {
            context.Response.Headers.Location = elsewhere;
            return Results.Json(Import("running"), statusCode: 202);
        });
        server.MapGet("/api/imports/1", () => Results.Json(Interlocked.Increment(ref asked) < 3 ? Import("running") : Import("done")));
        await server.StartAsync(TestContext.Current.CancellationToken);
        var csv = File("p.csv", "style\n");

        var done = await RunAsync("import", "products", csv, "--url", server.Urls.First(), "--key", "slv_x", "--json");
        Assert.Equal((0, 3, 7), (done.Code, asked, JsonSerializer.Deserialize<JsonElement>(done.Out).GetProperty("rows").GetInt32()));
        elsewhere = "http://other.example/api/imports/1";
        Assert.Equal(2, (await RunAsync("import", "products", csv, "--url", server.Urls.First(), "--key", "slv_x")).Code);

        static object Import(string state) => new { id = "1", status = "/api/imports/1", state, rows = 7, read = 7, written = 3, result = state == "done" ? new { rows = 7 } : null };
    }
}
