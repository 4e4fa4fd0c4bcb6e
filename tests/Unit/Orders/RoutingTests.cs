using CsCheck;
using Selvedge.Orders;

namespace Selvedge.Tests.Unit.Orders;

public class RoutingTests
{
    static Route Choose(Dictionary<string, long> demands, string[] locations, Dictionary<(string, string), long> stock) =>
        Routing.Choose([.. demands.Select(d => new Demand(d.Key, d.Value))], Ranked(locations), (sku, location) => stock.GetValueOrDefault((sku, location)));

    static Candidate[] Ranked(string[] locations, params string[] full) => [.. locations.Select((id, at) => new Candidate(id, at + 1, null, default, full.Contains(id)))];

    [Fact]
    public void One_shipment_wins_over_a_nearer_place_that_has_half()
    {
        var route = Choose(new() { ["A"] = 1, ["B"] = 1 }, ["WH1", "WH2"], new() { [("A", "WH1")] = 5, [("A", "WH2")] = 5, [("B", "WH2")] = 5 });
        Assert.Equal(1, route.Shipments);
        Assert.Equal(["WH2", "WH1"], route.Places["A"]);
        Assert.Equal(["WH2", "WH1"], route.Places["B"]);
    }

    [Fact]
    public void Among_equals_location_priority_decides()
    {
        var route = Choose(new() { ["A"] = 2 }, ["STORE", "WH1", "WH2"], new() { [("A", "STORE")] = 1, [("A", "WH1")] = 2, [("A", "WH2")] = 9 });
        Assert.Equal(["WH1", "STORE", "WH2"], route.Places["A"]);
    }

    [Fact]
    public void A_sku_is_split_only_when_nobody_has_all_of_it()
    {
        var route = Choose(new() { ["A"] = 3, ["B"] = 1 }, ["WH1", "WH2"], new() { [("A", "WH1")] = 1, [("A", "WH2")] = 2, [("B", "WH2")] = 1 });
        Assert.Equal(2, route.Shipments);
        Assert.Equal(["WH1", "WH2"], route.Places["A"]);
        Assert.Equal(["WH2", "WH1"], route.Places["B"]);
    }

    [Fact]
    public void What_nobody_has_is_routed_by_priority() =>
        Assert.Equal(["WH1", "WH2"], Choose(new() { ["A"] = 1 }, ["WH1", "WH2"], []).Places["A"]);

    [Fact]
    public void A_channel_without_locations_still_has_a_route() => Assert.Empty(Choose(new() { ["A"] = 1 }, [], []).Places["A"]);

    // Against all combinations: nothing covers as much with fewer shipments, and every place is offered once.
    [Fact]
    public void No_other_choice_covers_as_much_with_fewer_shipments() =>
        Gen.Select(Gen.Long[0, 3].Array[3].Array[4], Gen.Long[1, 4].Array[3]).Sample((stock, wanted) =>
        {
            string[] locations = ["L0", "L1", "L2", "L3"];
            var route = Routing.Choose([.. wanted.Select((units, s) => new Demand($"S{s}", units))], Ranked(locations), (sku, location) => stock[location[1] - '0'][sku[1] - '0']);
            long Covered(int mask) => Enumerable.Range(0, 3).Sum(s => Math.Min(wanted[s], Enumerable.Range(0, 4).Where(l => (mask >> l & 1) == 1).Sum(l => stock[l][s])));
            var fewest = Enumerable.Range(0, 16).Where(mask => Covered(mask) == Covered(15)).Min(mask => System.Numerics.BitOperations.PopCount((uint)mask));
            Assert.Equal(Math.Max(1, fewest), route.Shipments);
            foreach (var (sku, places) in route.Places)
            {
                Assert.Equal(locations, places.Order(StringComparer.Ordinal));
                // The chosen places come first, and together they have what all have.
                var chosen = places.Take(route.Shipments).Sum(place => stock[place[1] - '0'][sku[1] - '0']);
                var s = sku[1] - '0';
                Assert.Equal(Math.Min(wanted[s], stock.Sum(at => at[s])), Math.Min(wanted[s], chosen));
            }
        }, iter: 500);

    [Fact]
    public void Many_locations_are_covered_too()
    {
        var locations = Enumerable.Range(0, 40).Select(i => $"L{i:00}").ToArray();
        var route = Routing.Choose([new("A", 30)], Ranked(locations), (_, location) => location is "L07" or "L21" or "L33" ? 10 : 0);
        Assert.Equal(3, route.Shipments);
        Assert.Equal(["L07", "L21", "L33"], route.Places["A"].Take(3));
    }

    [Fact]
    public void Shares_add_up_to_the_total() =>
        Gen.Select(Gen.Long[0, 1_000_000_000], Gen.Long[0, 1_000_000].Array[1, 20]).Sample((total, weights) =>
        {
            var shares = Shares.Split(total, weights);
            Assert.Equal(total, shares.Sum());
            Assert.All(shares, share => Assert.True(share >= 0));
            if (weights.Any(w => w > 0)) Assert.All(weights.Index().Where(w => w.Item == 0), w => Assert.InRange(shares[w.Index], 0, 1));
        }, iter: 500);
}
