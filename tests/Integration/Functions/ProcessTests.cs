using System.Net;
using System.Net.Sockets;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

/// <summary>How the app starts and ends as a process: exit codes, one clear line, nothing left locked.</summary>
public class ProcessTests
{
    private static async Task RefusesAsync(TempFolder folder, int code, string why, params string[] args)
    {
        await using var app = AppProcess.Start(folder, args);
        var (exit, errors) = await app.ExitAsync();
        Assert.Equal(code, exit);
        Assert.Contains(why, errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static async Task<HttpStatusCode> GetAsync(Uri url)
    {
        using var client = new HttpClient();
        using var response = await client.GetAsync(url, TestContext.Current.CancellationToken);
        return response.StatusCode;
    }

    [Fact]
    public async Task Its_data_folder_is_its_own_until_it_is_killed_and_a_signal_ends_it_with_exit_code_0()
    {
        using var folder = new TempFolder();
        await using var first = AppProcess.Start(folder);
        await first.Address;
        await RefusesAsync(folder, ExitCode.DataInUse, $"{Path.Combine(folder.Path, ".data")} is in use by process {first.Id}.");
        await first.KillAsync();

        await using var second = AppProcess.Start(folder);
        Assert.Equal(HttpStatusCode.OK, await GetAsync(new Uri(await second.Address, "/api/health/ready")));
        if (OperatingSystem.IsWindows()) { return; }
        await second.SignalAsync("TERM");
        Assert.Equal((0, ""), await second.ExitAsync());
    }

    [Fact]
    public async Task A_taken_port_is_one_line_and_an_exit_code()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        using var folder = new TempFolder();
        await RefusesAsync(folder, ExitCode.Address, $"Port {port} is taken", "--port", $"{port}");
    }

    [Fact]
    public async Task A_malformed_local_settings_file_is_one_line_and_an_exit_code()
    {
        using var folder = new TempFolder();
        folder.Write("local.settings.json", "{ \"Values\": { ");
        await RefusesAsync(folder, ExitCode.Settings, "local.settings.json, line 1, column");
    }

    [Fact]
    public async Task A_corrupt_database_file_is_one_line_and_an_exit_code_and_is_left_as_it_was()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File(".data"));
        var garbage = new byte[8192];
        new Random(1).NextBytes(garbage);
        var file = folder.File(Path.Combine(".data", "cosmos.db"));
        await File.WriteAllBytesAsync(file, garbage, TestContext.Current.CancellationToken);
        await RefusesAsync(folder, ExitCode.Store, "cosmos.db");
        Assert.Equal(garbage, await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_data_folder_that_cannot_be_written_is_one_line_and_an_exit_code()
    {
        using var folder = new TempFolder();
        folder.Write("file", "");
        await RefusesAsync(folder, ExitCode.DataUnusable, "cannot be written", "--data", "file/data");
    }

    [Theory]
    [InlineData("There is no option --prot; --port was meant? --help lists them.", "--prot", "7072")]
    [InlineData("There is no option --demo-rat; --demo-rate was meant?", "--demo-rat=5")]
    [InlineData("There is no option --verbose.", "--verbose")]
    public async Task A_misspelt_option_started_the_app_on_the_default_port_and_data(string why, params string[] args)
    {
        using var folder = new TempFolder();
        await RefusesAsync(folder, ExitCode.Settings, why, args);
        Assert.False(Directory.Exists(folder.File(".data")));
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("--port", "7072", "--help")]
    public async Task Asking_for_help_started_the_app(params string[] args)
    {
        using var folder = new TempFolder();
        await using var app = AppProcess.Start(folder, args);
        Assert.Equal((0, ""), await app.ExitAsync());
        var told = await Assert.ThrowsAsync<InvalidOperationException>(() => app.Address);
        Assert.All((string[])["--port PORT ", "--data FOLDER ", "--demo ", "--demo-rate ORDERS "], option => Assert.Contains(option, told.Message, StringComparison.Ordinal));
        Assert.False(Directory.Exists(folder.File(".data")));
    }
}
