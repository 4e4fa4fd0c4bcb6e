using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selvedge.Local.Cosmos;
using Selvedge.Local.Durable;
using Selvedge.Local.ServiceBus;

namespace Selvedge.Local.Functions;

/// <summary>Where a function app's Program.cs begins (official: Microsoft.Azure.Functions.Worker.Builder.FunctionsApplication).</summary>
public class FunctionsApplication
{
    /// <summary>Reads the settings and readies the builder; nothing is opened before <see cref="FunctionsApplicationBuilder.Build"/>
    /// and the host's start.</summary>
    /// <param name="args">The command line: <c>--port</c>, <c>--host</c>, <c>--data</c>, <c>--cosmos-port</c>, and what the app reads itself.</param>
    /// <exception cref="LocalHostException">An argument, <c>host.json</c> or <c>local.settings.json</c> is malformed.</exception>
    public static FunctionsApplicationBuilder CreateBuilder(string[] args) =>
        CreateBuilder(args, [AppContext.BaseDirectory, Directory.GetCurrentDirectory()]);

    /// <summary>The same, with the two files looked for in <paramref name="folders"/>.</summary>
    internal static FunctionsApplicationBuilder CreateBuilder(string[] args, IReadOnlyList<string> folders)
    {
        ArgumentNullException.ThrowIfNull(args);
        LocalHostException.PrintWhenUnhandled();
        CosmosEnvironment.Apply();
        return new FunctionsApplicationBuilder(args, folders);
    }
}

/// <summary>Collects services and middleware (official: Microsoft.Azure.Functions.Worker.Builder.FunctionsApplicationBuilder).</summary>
public class FunctionsApplicationBuilder : IHostApplicationBuilder, IFunctionsWorkerApplicationBuilder
{
    private readonly WebApplicationBuilder inner;
    private readonly List<Func<FunctionExecutionDelegate, FunctionExecutionDelegate>> middleware = [];
    private bool built;

    internal FunctionsApplicationBuilder(string[] args, IReadOnlyList<string> folders)
    {
        inner = WebApplication.CreateEmptyBuilder(new WebApplicationOptions
        {
            ContentRootPath = AppContext.BaseDirectory,
            EnvironmentName = System.Environment.GetEnvironmentVariable("DOTNET_ENVIRONMENT")
                ?? System.Environment.GetEnvironmentVariable("AZURE_FUNCTIONS_ENVIRONMENT")
                ?? Environments.Production,
        });
        Settings = LocalSettings.Load(inner.Configuration, args, folders);

        var development = inner.Environment.IsDevelopment();
        inner.Host.UseDefaultServiceProvider(options => options.ValidateOnBuild = options.ValidateScopes = development);
        inner.Logging.AddConfiguration(inner.Configuration.GetSection("Logging"));
        inner.Logging.AddSimpleConsole(console => (console.SingleLine, console.TimestampFormat, console.UseUtcTimestamp) = (true, "yyyy-MM-ddTHH:mm:ssZ ", true));
        inner.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("System", LogLevel.Warning);

        inner.Services.AddRouting();
        inner.Services.TryAddSingleton(TimeProvider.System);
        inner.Services.AddSingleton(new LocalAddress());
        inner.Services.AddSingleton(Settings.Durable);
        inner.Services.AddSingleton<LocalDurableClient>();
        inner.Services.AddSingleton(services => LocalData.Open(Settings.Data, clock: services.GetRequiredService<TimeProvider>()));
        inner.Services.AddKeyedSingleton<HttpMessageHandler>("cosmos", (services, _) => new CosmosHandler(services.GetRequiredService<LocalData>().Cosmos));
        inner.Services.AddSingleton(services => services.GetRequiredService<LocalData>().ServiceBus.Connect());
    }

    /// <summary>State shared while building.</summary>
    public IDictionary<object, object> Properties => ((IHostApplicationBuilder)inner).Properties;

    /// <summary>The settings, see <c>LocalSettings</c> for their order. <c>SELVEDGE_DATA</c> is the data folder, absolute.</summary>
    public ConfigurationManager Configuration => inner.Configuration;

    IConfigurationManager IHostApplicationBuilder.Configuration => inner.Configuration;

    /// <summary>The environment (<c>DOTNET_ENVIRONMENT</c>, <c>AZURE_FUNCTIONS_ENVIRONMENT</c>), Production by default.</summary>
    public IHostEnvironment Environment => inner.Environment;

    /// <summary>Logging; by default to the console, Information and above, of Microsoft.* and System.* Warning and above.</summary>
    public ILoggingBuilder Logging => inner.Logging;

    /// <summary>Metrics.</summary>
    public IMetricsBuilder Metrics => inner.Metrics;

    /// <summary>The app's services.</summary>
    public IServiceCollection Services => inner.Services;

    internal LocalSettings Settings { get; }

    /// <summary>The functions to host; null: those of the entry assembly.</summary>
    internal IEnumerable<Type>? FunctionTypes { get; set; }

    internal bool AnswersHttp { get; set; }

    /// <inheritdoc/>
    public IFunctionsWorkerApplicationBuilder Use(Func<FunctionExecutionDelegate, FunctionExecutionDelegate> middleware)
    {
        ArgumentNullException.ThrowIfNull(middleware);
        ThrowIfBuilt();
        this.middleware.Add(middleware);
        return this;
    }

    /// <inheritdoc/>
    public void ConfigureContainer<TContainerBuilder>(IServiceProviderFactory<TContainerBuilder> factory, Action<TContainerBuilder>? configure = null)
        where TContainerBuilder : notnull => ((IHostApplicationBuilder)inner).ConfigureContainer(factory, configure);

    /// <summary>Finds and checks the functions and makes the host.</summary>
    /// <exception cref="LocalHostException">A function cannot be hosted, or two routes can match one method and path.</exception>
    public IHost Build()
    {
        ThrowIfBuilt();
        built = true;
        var functions = FunctionCatalogue.Find(FunctionTypes ?? FunctionCatalogue.TypesOf(System.Reflection.Assembly.GetEntryAssembly()), Settings, Configuration);
        if (!AnswersHttp && functions.FirstOrDefault(function => function.Http is not null) is { } http)
        {
            throw new LocalHostException(ExitCode.Functions, $"Function {http.Name} has an HTTP trigger, but the app does not call builder.ConfigureFunctionsWebApplication().");
        }
        FunctionExecutionDelegate pipeline = static context => ((Invocation)context).ExecuteAsync();
        foreach (var stage in Enumerable.Reverse(middleware)) { pipeline = stage(pipeline); }
        return FunctionsHost.Create(inner, Settings, functions, pipeline);
    }

    private void ThrowIfBuilt()
    {
        if (built) { throw new InvalidOperationException("The application has already been built."); }
    }
}

/// <summary>Turns on HTTP in the ASP.NET Core style.</summary>
public static class FunctionsApplicationBuilderAspNetCoreExtensions
{
    /// <summary>HTTP functions take <c>HttpRequest</c> and answer <c>IResult</c>. Middleware added before this call sees no HttpContext.</summary>
    public static FunctionsApplicationBuilder ConfigureFunctionsWebApplication(this FunctionsApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        if (builder.AnswersHttp) { return builder; }
        builder.AnswersHttp = true;
        builder.Use(HttpFunctions.AttachHttp);
        return builder;
    }
}

/// <summary>What only the local host has: tests run several hosts in one process, each with the functions they choose.</summary>
public static class LocalFunctionsApplicationBuilderExtensions
{
    /// <summary>Uses a data folder that is open already and stays open when the host is disposed.</summary>
    public static FunctionsApplicationBuilder UseData(this FunctionsApplicationBuilder builder, LocalData data)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(data);
        builder.Services.Replace(ServiceDescriptor.Singleton(data));
        builder.Configuration["SELVEDGE_DATA"] = data.Path;
        builder.Configuration["ServiceBus:fullyQualifiedNamespace"] = ServiceBusBroker.NameOf(data.Path);
        return builder;
    }

    /// <summary>Hosts the functions of <paramref name="assembly"/> instead of the entry assembly's.</summary>
    public static FunctionsApplicationBuilder UseFunctions(this FunctionsApplicationBuilder builder, System.Reflection.Assembly assembly)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.FunctionTypes = FunctionCatalogue.TypesOf(assembly);
        return builder;
    }

    /// <summary>Hosts the functions of these types only.</summary>
    public static FunctionsApplicationBuilder UseFunctions(this FunctionsApplicationBuilder builder, params Type[] types)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.FunctionTypes = types;
        return builder;
    }
}
