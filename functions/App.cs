using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Selvedge.Approvals;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Counts;
using Selvedge.Exceptions;
using Selvedge.Functions.Api;
using Selvedge.Functions.Demo;
using Selvedge.Functions.Exceptions;
using Selvedge.Functions.Inbound;
using Selvedge.Functions.Listings;
using Selvedge.Functions.Orders;
using Selvedge.Imports;
using Selvedge.Inbound;
using Selvedge.Ledger;
using Selvedge.Listings;
using Selvedge.Orders;
using Selvedge.People;
using Selvedge.Picking;
using Selvedge.Platform;
using Selvedge.Receiving;
using Selvedge.Returns;
using Selvedge.Transfers;

namespace Selvedge.Functions;

/// <summary>The function app: what it is made of. The same for both hostings.</summary>
public static class App
{
    /// <summary>Builds the app; nothing is opened before the host starts.</summary>
    /// <param name="args">The command line (local hosting: <c>--port</c>, <c>--data</c>, <c>--demo</c>).</param>
    /// <param name="configure">Changes to what is registered, for tests.</param>
    public static IHost Build(string[] args, Action<FunctionsApplicationBuilder>? configure = null)
    {
        var builder = FunctionsApplication.CreateBuilder(args);
        builder.ConfigureFunctionsWebApplication();
        builder.UseMiddleware<ApiMiddleware>();
        builder.Services
            .AddSingleton(TimeProvider.System)
            .AddSingleton(new AccessRules(typeof(App).Assembly))
            .AddSingleton<ApiKeys>()
            .AddEntra()
            .AddSingleton<Idempotency>()
            .AddStore()
            .AddLedger()
            .AddSingleton<LedgerReads>()
            .AddCatalogue()
            .AddChannels()
            .AddImports()
            .AddSingleton<ExceptionCases>()
            .AddSingleton<ExceptionReview>()
            .AddOrders()
            .AddPicking()
            .AddApprovals()
            .AddPeople()
            .AddInbound()
            .AddReceiving()
            .AddCounts()
            .AddReturns()
            .AddTransfers()
            .AddListings()
            .AddSingleton<InboundRecording>()
            .AddHostedService<Startup>()
            .AddHostedService<ContradictionWatch>()
            .AddHostedService<OrderQueue>()
            .AddSingleton<LaneQueue>()
            .AddHostedService(provider => provider.GetRequiredService<LaneQueue>())
            .TryAddSingleton(OrderQueue.Connect);
        builder.AddDemo();
        configure?.Invoke(builder);
        return builder.Build();
    }
}
