using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Local.Channels;
using Selvedge.Orders;

namespace Selvedge.Tests.Integration.Channels;

/// <summary>An adapter before its simulated channel: both by one clock that the test moves.</summary>
internal sealed class MarketClock : TimeProvider
{
    public DateTimeOffset Now { get; set; } = new(2026, 11, 24, 9, 0, 0, TimeSpan.Zero);
    public override DateTimeOffset GetUtcNow() => Now;
    public void Pass(double seconds) => Now += TimeSpan.FromSeconds(seconds);
}

/// <summary>What the tests of all markets ask of an adapter.</summary>
internal static class Market
{
    static readonly HttpClient Http = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(20) };

    public static ChannelAccount Account(SimulatedChannel market, string system, Dictionary<string, string> settings, Func<string, string?> secrets) => new(
        new Channel { Id = system, Is = system, Name = system, Api = new(market.Address.ToString(), "", "token", Settings: settings) }, Http, market.Time, secrets);

    public static ListingKey Listing(string item, string place = "", string? extra = null) => new($"{place}:{item}", place, item, item, extra);
    public static Push Set(string item, long units, string place = "", bool paused = false, string? extra = null) => new(Listing(item, place, extra), units, null, paused, $"{item}-{units}");

    public static async Task<List<ChannelOrder>> OrdersAsync(this ChannelAdapter adapter, ChannelAccount account, DateTimeOffset from)
    {
        var orders = new List<ChannelOrder>();
        await foreach (var order in adapter.OrdersAsync(account, from, CancellationToken.None)) orders.Add(order);
        return orders;
    }

    public static async Task<Dictionary<string, Shown>> ReadAsync(this ChannelAdapter adapter, ChannelAccount account, params string[] which)
    {
        var shown = new Dictionary<string, Shown>();
        await foreach (var one in adapter.ReadAsync(account, which.Length == 0 ? null : [.. which.Select(item => Listing(item))], CancellationToken.None)) shown[one.Item] = one;
        return shown;
    }

    public static async Task<ChannelCallException> FailsAsync(this Task call, CallFailure failure)
    {
        var thrown = await Assert.ThrowsAsync<ChannelCallException>(() => call);
        Assert.Equal(failure, thrown.Failure);
        return thrown;
    }

    /// <summary>The order as the app would keep it.</summary>
    public static Order Kept(ChannelOrder read) => new()
    {
        Id = "c:" + read.Draft.ExternalId, Channel = "c", ChannelKind = Surface.Marketplace, ExternalId = read.Draft.ExternalId, Status = OrderStatus.Committed, CreatedAt = read.ChangedAt,
        Currency = read.Draft.Currency, Revision = 1, References = read.Draft.References,
        Lines = [.. read.Draft.Lines.Select(line => new OrderLine { Id = line.Id, Sku = line.Code ?? "", Quantity = line.Quantity, UnitPrice = line.UnitPrice })],
    };
}
