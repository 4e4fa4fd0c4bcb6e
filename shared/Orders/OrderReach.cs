using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>Which orders a caller reaches: those of its channels, of its customers, and of which something may come from its locations.</summary>
public static class OrderReach
{
    public static bool Reaches(this Caller caller, Order order) => caller.ReachesChannel(order.Channel) && caller.ReachesCustomer(order.Customer)
        && (caller.Scope.Locations is null || order.Lines.Any(line => line.Places?.Any(caller.ReachesLocation) == true));
}
