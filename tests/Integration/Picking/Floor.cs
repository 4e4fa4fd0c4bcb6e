using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Ledger;
using Selvedge.Picking;

namespace Selvedge.Tests.Integration.Picking;

/// <summary>A location of its own in a running app, with stock in bins, and orders as the ledger's claims and the tickets that follow them.</summary>
sealed class Floor(AppFixture app, string location)
{
    static int number;
    int scans;
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public string Location => location;
    public HttpClient Client { get; init; } = app.Client;
    PickTickets Tickets => app.Services.GetRequiredService<PickTickets>();
    InventoryLedger Ledger => app.Services.GetRequiredService<InventoryLedger>();
    LedgerReads Reads => app.Services.GetRequiredService<LedgerReads>();

    /// <summary>A location that no other test uses.</summary>
    public static async Task<Floor> OpenAsync(AppFixture app, string kind = "warehouse")
    {
        var floor = new Floor(app, $"F{Interlocked.Increment(ref number)}");
        await app.Client.PutAsync($"/api/locations/{floor.Location}", new { kind, name = floor.Location }.AsJson(), Cancel).OkAsync();
        return floor;
    }

    /// <summary>A SKU of this floor with units in bins.</summary>
    public async Task<string> StockAsync(string name, params (string Bin, long Units)[] bins)
    {
        var sku = $"{name}-{location}";
        var matrix = new Dictionary<string, object> { ["Navy"] = new Dictionary<string, object> { ["M"] = new { sku, codes = (string[])[$"CODE-{sku}"] } } };
        await app.Client.PutAsync($"/api/styles/style-{sku}", new { name = "Style of " + sku, matrix }.AsJson(), Cancel).OkAsync();
        foreach (var (bin, units) in bins)
            await Ledger.ExecuteAsync(new Post { Sku = sku, Actor = "test", Kind = PostKind.Receive, From = Accounts.Supplier, To = Accounts.OnHand(location, bin), Quantity = units, UnitCost = 100_000, Id = $"seed:{sku}:{bin}" });
        return sku;
    }

    /// <summary>Claims for an order, and its ticket.</summary>
    public async Task<PickTicket> OrderAsync(string order, params (string Sku, long Units)[] lines) => await OrderAsync(order, 0, null, lines);

    public async Task<PickTicket> OrderAsync(string order, int priority, DateTimeOffset? shipBy, params (string Sku, long Units)[] lines)
    {
        order = $"shop:{order}-{location}";
        for (var i = 0; i < lines.Length; i++) await ClaimAsync(order, $"{i + 1}", lines[i].Sku, lines[i].Units, 1);
        return (await AlignAsync(order, [], lines, priority, shipBy)).Single();
    }

    public async Task<Outcome> ClaimAsync(string order, string line, string sku, long units, long revision) => await Ledger.ExecuteAsync(new SetClaim
    {
        Sku = sku, Actor = "test", Order = order, Line = line, Quantity = units, Places = [location], Revision = revision, Shortage = Shortage.Short,
    });

    /// <summary>Tickets as the claims say now; what is staged of lines in <paramref name="unwanted"/> goes back.</summary>
    public async Task<IReadOnlyList<PickTicket>> AlignAsync(string order, IReadOnlyList<string> known, (string Sku, long Units)[] lines, int priority = 0, DateTimeOffset? shipBy = null, params string[] unwanted)
    {
        var demand = new List<TicketDemandLine>();
        for (var i = 0; i < lines.Length; i++)
            if (await ClaimOfAsync(order, $"{i + 1}", lines[i].Sku) is { } claim)
                demand.Add(new($"{i + 1}", lines[i].Sku, location, claim.Held, claim.Staged) { Surplus = unwanted.Contains($"{i + 1}") ? claim.Staged : 0 });
        return await Tickets.AlignAsync(new(order, 1, 1, known, demand) { Channel = "shop", Priority = priority, ShipBy = shipBy });
    }

    public async Task<Claim?> ClaimOfAsync(string order, string line, string sku) =>
        (await Reads.ClaimsAsync([(Selvedge.Platform.Ids.Claim(order, line, location), sku)], Cancel)).Values.SingleOrDefault();

    public async Task<Stock> ShownAsync(string sku) => (await Reads.BalanceAsync(sku, Cancel))!.Locations[location];

    public async Task<PickTicket> ReadAsync(string id) => (await Tickets.ReadAsync(id))!;

    public Task<HttpResponseMessage> SendAsync(string path, object body, HttpClient? client = null) => (client ?? Client).PostAsync("/api/" + path, body.AsJson(), Cancel);

    public Task<HttpResponseMessage> ScanAsync(string pick, string sku, long quantity = 1, string? scan = null, string? bin = null, HttpClient? client = null) =>
        SendAsync($"picks/{pick}/scan", new { scanId = scan ?? $"s{Interlocked.Increment(ref scans)}", sku, quantity, bin }, client);

    public Task<JsonElement> GetAsync(string path) => Client.GetAsync("/api/" + path, Cancel).OkAsync();

    /// <summary>The ledger's own proof: every journal gives its balance and claims exactly.</summary>
    public async Task AuditAsync()
    {
        var id = (await Client.PostAsync("/api/audits", null, Cancel).OkAsync()).GetProperty("id").GetString();
        while (true)
        {
            var audit = await GetAsync("audits/" + id);
            if (audit.GetProperty("state").GetString() is "running") await Task.Delay(20, Cancel);
            else
            {
                Assert.True(audit.GetProperty("clean").GetBoolean(), audit.GetRawText());
                return;
            }
        }
    }
}
