using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Selvedge.Local.Functions;
using Selvedge.Tests.Integration.Functions;

namespace Selvedge.Tests.Integration.Survival;

/// <summary>What the machine can do to the running app. A folder in use, a taken port, an unwritable folder and a file that is no database are in
/// <see cref="ProcessTests"/>; a full disk as SQLite reports it, in the store's tests.</summary>
public sealed partial class MachineTests
{
    /// <summary>Stands for a disk that takes no more: the operating system refuses to let any file of the process grow beyond a size (setrlimit). SQLite calls
    /// that a failed write, not a full disk; what the app must do is the same.</summary>
    [Fact]
    public async Task A_disk_that_takes_no_more_ends_the_app_with_a_message_and_loses_nothing_acknowledged()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Windows has no limit on the size of a process's files.");
        using var folder = new TempFolder();
        var acknowledged = 0;
        var start = new ProcessStartInfo("bash") { WorkingDirectory = folder.Path, RedirectStandardError = true, RedirectStandardOutput = true };
        // Without the signal the write fails, as on a full disk. The limit is in kibibytes.
        foreach (var argument in (string[])["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\"", "dotnet", typeof(Selvedge.Functions.App).Assembly.Location, "--port", "0", "--Secrets:shop", ShopifySender.Secret]) start.ArgumentList.Add(argument);
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        using (var process = Process.Start(start)!)
        {
            try
            {
                var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
                Uri? address = null;
                while (address is null && await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
                    if (Url().Match(line) is { Success: true } url) address = new Uri(url.Value);
                if (address is null) Assert.Fail(await errors);
                var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
                using (var client = Client(folder, address))
                {
                    await OpenShopAsync(client);
                    while (acknowledged < 100_000 && await TakenAsync(client, acknowledged + 1)) acknowledged++;
                }
                await process.WaitForExitAsync(TestContext.Current.CancellationToken);
                await output;
                Assert.Equal(ExitCode.StoreFault, process.ExitCode);
                Assert.Contains("cosmos.db", await errors, StringComparison.Ordinal);
            }
            finally
            {
                if (!process.HasExited) process.Kill(entireProcessTree: true);
            }
        }
        Assert.True(acknowledged > 10, $"only {acknowledged} orders were taken");

        // With room again, everything that was acknowledged is there.
        await using var app = AppProcess.Start(folder, "--Secrets:shop", ShopifySender.Secret);
        using var again = Client(folder, await app.Address);
        for (var id = 1; id <= acknowledged; id++) await again.GetAsync($"/api/orders/shop:{id}").OkAsync();
        Assert.InRange((await again.GetAsync("/api/inventory/TEE").OkAsync()).GetProperty("committed").GetInt32(), acknowledged, acknowledged + 1);
    }

    static HttpClient Client(TempFolder folder, Uri address)
    {
        var client = new HttpClient { BaseAddress = address };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", File.ReadAllText(Path.Combine(folder.Path, ".data", "admin.key")).Trim());
        return client;
    }

    static async Task OpenShopAsync(HttpClient client)
    {
        await client.PutAsync("/api/locations/WH1", new { kind = "warehouse", name = "WH1" }.AsJson()).OkAsync();
        await client.PutAsync("/api/styles/S", new { name = "Style", matrix = new { Navy = new { M = new { sku = "TEE" } } } }.AsJson()).OkAsync();
        await client.PostAsync("/api/movements", new { id = "open", kind = "receive", sku = "TEE", location = "WH1", quantity = 1_000_000, unitCost = "10.00" }.AsJson()).OkAsync();
        await client.PutAsync("/api/channels/shop", new { kind = "shopify", locations = new[] { "WH1" }, shortage = "oversold", secret = "shop" }.AsJson()).OkAsync();
    }

    static async Task<bool> TakenAsync(HttpClient client, long id)
    {
        try
        {
            using var answer = await ShopifySender.SendAsync(client, ShopifySender.Order(id, ("TEE", 1)));
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    [GeneratedRegex("http://localhost:\\d+(?=/api$)")]
    private static partial Regex Url();
}
