using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selvedge.Functions;
using Selvedge.Local.Functions;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration;

/// <summary>The real function app on a temporary data folder and free loopback ports: one instance as a class fixture, or several on one store.</summary>
public sealed class AppFixture : IAsyncLifetime
{
    readonly string folder = Directory.CreateTempSubdirectory("selvedge-").FullName;
    readonly List<AppInstance> instances = [];
    int wanted = 1;
    Func<HttpMessageHandler, HttpMessageHandler>? wrap;
    Action<FunctionsApplicationBuilder>? configure;
    string[] args = [];
    LocalData? data;

    /// <summary>Starts <paramref name="instances"/> apps, each with its own services and caches, on one store.</summary>
    /// <param name="instances">How many.</param>
    /// <param name="cosmos">Stands between each instance and the store, to inject faults.</param>
    /// <param name="configure">Changes services.</param>
    /// <param name="args">More of the command line, e.g. <c>--Secrets:shopify=…</c>; orders stay as the intake left them unless it is <c>--Fulfilment:Paused=false</c>.</param>
    public static async Task<AppFixture> StartAsync(int instances = 1, Func<HttpMessageHandler, HttpMessageHandler>? cosmos = null, Action<FunctionsApplicationBuilder>? configure = null, params string[] args)
    {
        var app = new AppFixture { wanted = instances, wrap = cosmos, configure = configure, args = args };
        try
        {
            await app.InitializeAsync();
            return app;
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    public IReadOnlyList<AppInstance> Instances => instances;

    /// <summary>The first instance's services.</summary>
    public IServiceProvider Services => instances[0].Services;

    /// <summary>Speaks to the first instance with the administrator's key.</summary>
    public HttpClient Client => instances[0].Client;

    /// <summary>The data folder.</summary>
    public string Folder => folder;
    public string AdminKey => File.ReadAllText(Path.Combine(folder, "admin.key")).Trim();

    /// <summary>A client of the first instance with another key, or none.</summary>
    public HttpClient ClientWith(string? token) => instances[0].ClientWith(token);

    /// <summary>A client of the first instance with a new key.</summary>
    public async Task<HttpClient> ClientAsAsync(Role role, Scope? scope = null) => ClientWith(await KeyAsync(role, scope));

    /// <summary>A new key's token.</summary>
    public async Task<string> KeyAsync(Role role, Scope? scope = null)
    {
        var keys = Services.GetRequiredService<ApiKeys>();
        var (token, key) = keys.Make($"test {role}", role, scope ?? Scope.Everything, "test");
        await keys.AddAsync(key);
        return token;
    }

    /// <summary>Stops all instances and the store, and starts them again on the same folder.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        await InitializeAsync();
    }

    /// <summary>A location, a style with one SKU, and <paramref name="quantity"/> of it on hand.</summary>
    public async Task SeedAsync(string sku, long quantity, string location = "WH1")
    {
        var cancel = TestContext.Current.CancellationToken;
        await Client.PutAsync($"/api/locations/{location}", new { kind = "warehouse", name = location }.AsJson(), cancel).OkAsync();
        var matrix = new Dictionary<string, object> { ["Navy"] = new Dictionary<string, object> { ["M"] = new { sku } } };
        await Client.PutAsync($"/api/styles/style-{sku}", new { name = "Style of " + sku, matrix }.AsJson(), cancel).OkAsync();
        if (quantity > 0) await Client.PostAsync("/api/movements", new { id = "seed-" + location, kind = "receive", sku, location, quantity, unitCost = "10.00" }.AsJson(), cancel).OkAsync();
    }

    public async ValueTask InitializeAsync()
    {
        data = LocalData.Open(folder);
        for (var i = 0; i < wanted; i++) instances.Add(await AppInstance.StartAsync(folder, data, wrap, configure, args));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(folder, recursive: true);
    }

    async Task StopAsync()
    {
        foreach (var instance in instances) await instance.DisposeAsync();
        instances.Clear();
        data?.Dispose();
    }
}

/// <summary>One instance of the app.</summary>
public sealed class AppInstance : IAsyncDisposable
{
    readonly IHost host;

    AppInstance(IHost host, string token)
    {
        this.host = host;
        Client = ClientWith(token);
    }

    public IServiceProvider Services => host.Services;
    public HttpClient Client { get; }
    public Uri Address => new(host.Services.GetRequiredService<LocalAddress>().Url);

    public HttpClient ClientWith(string? token)
    {
        var client = new HttpClient { BaseAddress = Address };
        if (token is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    internal static async Task<AppInstance> StartAsync(string folder, LocalData data, Func<HttpMessageHandler, HttpMessageHandler>? wrap, Action<FunctionsApplicationBuilder>? configure, string[] args)
    {
        var host = App.Build(["--host", "127.0.0.1", "--port", "0", "--data", folder, "--Banner", "false", "--Fulfilment:Paused", "true", .. args], builder =>
        {
            builder.Logging.ClearProviders();
            builder.UseData(data).UseFunctions(typeof(App).Assembly);
            if (wrap is not null) Wrap(builder.Services, wrap);
            configure?.Invoke(builder);
        });
        await host.StartAsync();
        return new(host, (await File.ReadAllTextAsync(Path.Combine(folder, "admin.key"))).Trim());
    }

    static void Wrap(IServiceCollection services, Func<HttpMessageHandler, HttpMessageHandler> wrap)
    {
        var inner = services.Last(service => service.ServiceType == typeof(HttpMessageHandler) && Equals(service.ServiceKey, "cosmos"));
        services.Remove(inner);
        services.AddKeyedSingleton("cosmos", (provider, key) => wrap((HttpMessageHandler)(inner.KeyedImplementationInstance
            ?? inner.KeyedImplementationFactory?.Invoke(provider, key) ?? ActivatorUtilities.CreateInstance(provider, inner.KeyedImplementationType!))));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await host.StopAsync(patience.Token);
        if (host is IAsyncDisposable disposable) await disposable.DisposeAsync();
        else host.Dispose();
    }
}

/// <summary>Requests and answers as JSON.</summary>
public static class HttpJson
{
    public static StringContent AsJson(this object value) => new(JsonSerializer.Serialize(value, Json.Options), Encoding.UTF8, "application/json");

    /// <summary>The answer's body; fails with it where the status is no success.</summary>
    public static async Task<JsonElement> OkAsync(this Task<HttpResponseMessage> sending)
    {
        using var answer = await sending;
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{answer.RequestMessage?.Method} {answer.RequestMessage?.RequestUri}: {(int)answer.StatusCode} {text}");
        return text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text);
    }

    /// <summary>The problem an answer must be: its status, type and media type.</summary>
    public static async Task<JsonElement> ProblemAsync(this Task<HttpResponseMessage> sending, HttpStatusCode status, string type)
    {
        using var answer = await sending;
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == status, $"{answer.RequestMessage?.Method} {answer.RequestMessage?.RequestUri}: {(int)answer.StatusCode} instead of {(int)status}: {text}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = JsonSerializer.Deserialize<JsonElement>(text);
        Assert.Equal("/problems/" + type, problem.GetProperty("type").GetString());
        Assert.Equal((int)status, problem.GetProperty("status").GetInt32());
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        Assert.NotEmpty(problem.GetProperty("detail").GetString()!);
        return problem;
    }
}
