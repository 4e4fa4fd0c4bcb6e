using Selvedge.Channels;
using Selvedge.Orders;

namespace Selvedge.Tests.Unit.Orders;

/// <summary>When a delivery may begin.</summary>
public class DeliveriesTests
{
    static readonly DateTimeOffset Now = new(2026, 11, 24, 9, 0, 0, TimeSpan.Zero);

    static Order Order(long committed, long backordered, bool complete = false) => new()
    {
        Id = "shop:1", Channel = "shop", ChannelKind = Surface.Wholesale, ExternalId = "1", Status = backordered > 0 ? OrderStatus.Backordered : OrderStatus.Committed, CreatedAt = Now, Currency = "AUD", Revision = 1,
        Shortage = ShortagePolicy.Backorder, ShipComplete = complete,
        Lines = [new() { Id = "1", Sku = "S1", Quantity = committed + backordered, Committed = committed, Backordered = backordered, Places = ["WH1"] }],
    };

    [Fact]
    public void What_is_there_goes_and_the_rest_follows() => Assert.Equal(Now, Deliveries.Schedule(Order(2, 1), Now).FulfilDue);

    [Fact]
    public void An_order_that_ships_complete_begins_once_everything_is_held()
    {
        var waits = Deliveries.Schedule(Order(2, 1, complete: true), Now);
        Assert.Null(waits.FulfilDue);
        var delivery = Assert.Single(waits.Deliveries!);
        Assert.Equal((DeliveryStatus.Waiting, null), (delivery.Status, delivery.DueAt));

        var served = Deliveries.Schedule(Order(3, 0, complete: true) with { Deliveries = waits.Deliveries }, Now.AddDays(1));
        Assert.Equal(Now.AddDays(1), served.FulfilDue);
        Assert.Equal(Now.AddDays(1), Assert.Single(served.Deliveries!).DueAt);
    }

    [Fact]
    public void What_nobody_holds_waits_for_stock() => Assert.Null(Deliveries.Schedule(Order(0, 2), Now).FulfilDue);

    [Fact]
    public void A_ship_window_begins_when_it_begins() =>
        Assert.Equal(Now.AddDays(3), Deliveries.Schedule(Order(2, 0) with { ShipWindow = new(Now.AddDays(3), null) }, Now).FulfilDue);
}
