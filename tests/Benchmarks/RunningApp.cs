using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Selvedge.Tests.Benchmarks;

/// <summary>The function app as a process of its own, on a free port; ended, and nothing else is, when this is disposed.</summary>
internal sealed class RunningApp : IDisposable
{
    readonly Process process;
    readonly HttpClient http;

    /// <summary>Secret of every channel that names <c>bench</c>.</summary>
    public const string Secret = "bench-secret";

    public IPEndPoint EndPoint { get; }

    /// <summary>The administrator's key.</summary>
    public string Key { get; }

    /// <summary>From the process's start until <c>api/health/ready</c> answered 200.</summary>
    public TimeSpan StartUp { get; }

    public static async Task<RunningApp> StartAsync(string folder)
    {
        var port = FreePort();
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[typeof(Selvedge.Functions.App).Assembly.Location, "--port", port.ToString(CultureInfo.InvariantCulture), "--host", "127.0.0.1", "--data", folder]) start.ArgumentList.Add(argument);
        start.Environment["Secrets__bench"] = Secret;
        var clock = Stopwatch.StartNew();
        var process = Process.Start(start)!;
        var said = new StringBuilder();
        process.OutputDataReceived += (_, line) => { lock (said) said.AppendLine(line.Data); };
        process.ErrorDataReceived += (_, line) => { lock (said) said.AppendLine(line.Data); };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}/"), Timeout = TimeSpan.FromMinutes(5) };
        while (!await IsReadyAsync(http))
        {
            if (process.HasExited || clock.Elapsed > TimeSpan.FromMinutes(2))
            {
                if (!process.HasExited) process.Kill();
                throw new InvalidOperationException($"The app did not come up:\n{said}");
            }
            await Task.Delay(5);
        }
        return new(process, http, port, clock.Elapsed, (await File.ReadAllTextAsync(Path.Combine(folder, "admin.key"))).Trim());
    }

    RunningApp(Process process, HttpClient http, int port, TimeSpan startUp, string key)
    {
        (this.process, this.http, EndPoint, StartUp, Key) = (process, http, new(IPAddress.Loopback, port), startUp, key);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    /// <summary>CPU time it has used.</summary>
    public TimeSpan Cpu
    {
        get
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
    }

    /// <summary>Its resident memory now and at most, in MB.</summary>
    public (double Now, double Peak) Memory => MemoryOf(process.Id);

    public Task<JsonNode> GetAsync(string path) => SendAsync(new(HttpMethod.Get, path));

    public Task<JsonNode> PutAsync(string path, object body) => SendAsync(new(HttpMethod.Put, path) { Content = new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json") });

    public Task<JsonNode> PostAsync(string path, object body) => SendAsync(new(HttpMethod.Post, path) { Content = new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json") });

    public Task<JsonNode> PostCsvAsync(string path, string csv) => SendAsync(new(HttpMethod.Post, path) { Content = new StringContent(csv, Encoding.UTF8, "text/csv") });

    /// <summary>Audits everything; <paramref name="full"/> does not build on earlier proofs. Throws when something differs.</summary>
    public async Task<(long Entries, TimeSpan Took)> AuditAsync(bool full)
    {
        var clock = Stopwatch.StartNew();
        var address = (string)(await SendAsync(new(HttpMethod.Post, full ? "api/audits?full=true" : "api/audits")))["status"]!;
        while (true)
        {
            var audit = await GetAsync(address.TrimStart('/'));
            if ((string)audit["state"]! != "running")
                return (bool)audit["clean"]! ? ((long)audit["entries"]!, clock.Elapsed) : throw new InvalidOperationException($"The audit found differences: {audit["differences"]}");
            await Task.Delay(100);
        }
    }

    /// <summary>Milliseconds until the whole answer was read.</summary>
    public async Task<double> TimeAsync(string path)
    {
        var clock = Stopwatch.GetTimestamp();
        using var answer = await http.GetAsync(new Uri(path, UriKind.Relative));
        answer.EnsureSuccessStatusCode();
        return Stopwatch.GetElapsedTime(clock).TotalMilliseconds;
    }

    async Task<JsonNode> SendAsync(HttpRequestMessage request)
    {
        using (request)
        using (var answer = await http.SendAsync(request))
        {
            var text = await answer.Content.ReadAsStringAsync();
            return answer.IsSuccessStatusCode ? JsonNode.Parse(text)! : throw new InvalidOperationException($"{request.RequestUri} was answered {(int)answer.StatusCode}: {text}");
        }
    }

    static async Task<bool> IsReadyAsync(HttpClient http)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri("api/health/ready", UriKind.Relative));
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>A process's resident memory now and at most, in MB; zero where there is no /proc.</summary>
    public static (double Now, double Peak) MemoryOf(int process)
    {
        var file = $"/proc/{process}/status";
        if (!File.Exists(file)) return (0, 0);
        var lines = File.ReadAllLines(file);
        return (Of("VmRSS:"), Of("VmHWM:"));

        double Of(string name) => lines.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
            ? long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024.0 : 0;
    }

    /// <summary>What this runs on.</summary>
    public static string Machine =>
        $"{Environment.ProcessorCount} cores, {CpuModel()}, .NET {Environment.Version}, {RuntimeInformation.OSDescription}";

    static string CpuModel() => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "unknown CPU" : RuntimeInformation.ProcessArchitecture.ToString();

    static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public void Dispose()
    {
        http.Dispose();
        if (!process.HasExited)
        {
            process.Kill();
            process.WaitForExit();
        }
        process.Dispose();
    }
}
