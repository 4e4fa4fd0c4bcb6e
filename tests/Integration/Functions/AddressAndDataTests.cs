using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

public class AddressAndDataTests
{
    private static readonly Type[] Ping = [typeof(RoutingTests.Prefixed)];

    [Fact]
    public async Task A_taken_port_is_named_with_how_to_choose_another()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        using var folder = new TempFolder();
        using var host = RunningHost.Build(folder, Ping, _ => { }, "--port", $"{port}");
        var refusal = await Assert.ThrowsAsync<LocalHostException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Equal(ExitCode.Address, refusal.Code);
        Assert.Contains($"Port {port} is taken", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--port", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_host_listens_on_loopback_only_and_its_address_says_localhost()
    {
        await using var host = await RunningHost.StartAsync(Ping);
        Assert.Equal((HttpStatusCode.OK, "pong"), await host.GetAsync("/ping"));
        Assert.StartsWith("http://localhost:", host.Url, StringComparison.Ordinal);
        var listening = System.Net.NetworkInformation.IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Where(end => end.Port == new Uri(host.Url).Port);
        Assert.All(listening, end => Assert.True(IPAddress.IsLoopback(end.Address), end.ToString()));
    }

    [Theory]
    [InlineData("127.0.0.1", "http://127.0.0.1:")]
    [InlineData("*", "http://localhost:")]
    public async Task Host_chooses_the_address(string address, string url)
    {
        using var folder = new TempFolder();
        using var host = RunningHost.Build(folder, Ping, _ => { }, "--host", address);
        await host.StartAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith(url, host.Services.GetRequiredService<LocalAddress>().Url, StringComparison.Ordinal);
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("not an address", "is not an address")]
    [InlineData("192.0.2.1", "is not an address of this machine")]
    public async Task An_address_of_another_machine_is_refused(string address, string why)
    {
        using var folder = new TempFolder();
        using var host = RunningHost.Build(folder, Ping, _ => { }, "--host", address);
        Assert.Contains(why, (await Assert.ThrowsAsync<LocalHostException>(() => host.StartAsync(TestContext.Current.CancellationToken))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_data_folder_in_use_is_refused_until_it_is_let_go()
    {
        using var folder = new TempFolder();
        using (LocalData.Open(folder.File("data")))
        {
            using var second = RunningHost.Build(folder, Ping, _ => { });
            var refusal = await Assert.ThrowsAsync<LocalHostException>(() => second.StartAsync(TestContext.Current.CancellationToken));
            Assert.Equal(ExitCode.DataInUse, refusal.Code);
            Assert.Contains($"The data folder {folder.File("data")} is in use by this very process", refusal.Message, StringComparison.Ordinal);
        }
        using var third = RunningHost.Build(folder, Ping, _ => { });
        await third.StartAsync(TestContext.Current.CancellationToken);
        await third.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_data_folder_that_cannot_be_made_is_refused()
    {
        using var folder = new TempFolder();
        folder.Write("file", "");
        var refusal = Assert.Throws<LocalHostException>(() => LocalData.Open(folder.File(Path.Combine("file", "data"))));
        Assert.Equal(ExitCode.DataUnusable, refusal.Code);
        Assert.Contains("--data FOLDER", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_its_owner_can_read_the_data_folder()
    {
        if (OperatingSystem.IsWindows()) { return; }
        using var folder = new TempFolder();
        using var data = LocalData.Open(folder.File("data"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(data.Path));
    }

    [Fact]
    public async Task Several_hosts_of_one_process_share_a_data_folder_that_outlives_them()
    {
        using var folder = new TempFolder();
        using var data = LocalData.Open(folder.File("data"));
        await using (var one = await RunningHost.StartAsync(Ping, builder => builder.UseData(data), folder))
        await using (var two = await RunningHost.StartAsync(Ping, builder => builder.UseData(data), folder))
        {
            Assert.NotEqual(one.Url, two.Url);
            Assert.Same(data, one.Services.GetRequiredService<LocalData>());
            Assert.Equal((HttpStatusCode.OK, "pong"), await two.GetAsync("/ping"));
        }
        Assert.Throws<LocalHostException>(() => LocalData.Open(data.Path));
    }
}
