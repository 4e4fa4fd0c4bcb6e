using Selvedge.Catalogue;
using Selvedge.Orders;

namespace Selvedge.Tests.Unit.Orders;

public class RouteCandidateTests
{
    static readonly DateTimeOffset Tuesday = new(2026, 11, 24, 3, 30, 0, TimeSpan.Zero);

    static Location At(string id, int priority = 100, string? country = "AU", string? postcode = null) =>
        new() { Id = id, Is = LocationKind.Warehouse, Name = id, Priority = priority, Address = country is null ? null : new(null, null, null, null, postcode, country) };

    static PostalAddress To(string? country, string? postcode = null) => new() { Country = country, Postcode = postcode };

    static string[] Ranked(PostalAddress? to, Func<Location, bool>? full, params Location[] locations) =>
        [.. RouteCandidates.Rank(locations, to, Tuesday, full ?? (_ => false), TimeZoneInfo.Utc).Select(candidate => candidate.Id)];

    [Theory]
    [InlineData("AU", "3065", 0)]
    [InlineData("AU", "3066", 1)]
    [InlineData("AU", "3121", 3)]
    [InlineData("AU", "2000", 4)]
    [InlineData("au", "3065", 0)]
    [InlineData("AU", null, 10)]
    [InlineData("NZ", "3065", RouteCandidates.Abroad)]
    public void Distance_is_what_the_postal_codes_do_not_share(string country, string? postcode, int distance) =>
        Assert.Equal(distance, RouteCandidates.Distance(At("WH1", postcode: "3065"), To(country, postcode)));

    [Fact]
    public void Postal_codes_are_compared_without_blanks_and_case() =>
        Assert.Equal(2, RouteCandidates.Distance(At("LON", country: "GB", postcode: "SW1A 1AA"), To("GB", "sw1a1bb")));

    [Theory]
    [InlineData("NZ", "1010", 0)]
    [InlineData("AU", "6000", 0)]
    [InlineData("AU", "2000", 4)]
    public void A_region_that_is_served_is_nearest(string country, string postcode, int distance) =>
        Assert.Equal(distance, RouteCandidates.Distance(At("WH1", postcode: "3065") with { Serves = ["NZ", "AU-6"] }, To(country, postcode)));

    [Fact]
    public void Nobody_knows_the_distance_to_nowhere()
    {
        Assert.Null(RouteCandidates.Distance(At("WH1"), null));
        Assert.Null(RouteCandidates.Distance(At("WH1", country: null), To("AU")));
    }

    [Fact]
    public void Priority_comes_before_distance_and_distance_before_the_day()
    {
        var (near, far) = (At("NEAR", postcode: "3065"), At("FAR", postcode: "2000"));
        Assert.Equal(["FAR", "NEAR"], Ranked(To("AU", "3066"), null, near with { Priority = 2 }, far with { Priority = 1 }));
        Assert.Equal(["NEAR", "FAR"], Ranked(To("AU", "3066"), null, far, near));
        Assert.Equal(["NEAR", "FAR"], Ranked(To("AU", "3066"), null, far, near with { CutOff = new(1, 0) }));
        Assert.Equal(["FAR", "NEAR"], Ranked(null, null, near with { CutOff = new(1, 0) }, far));
        Assert.Equal(["NEAR", "FAR"], Ranked(null, null, near, far));
    }

    [Fact]
    public void One_that_has_enough_to_do_comes_last() =>
        Assert.Equal(["B", "A"], Ranked(null, location => location.Id == "A", At("A", 1), At("B", 9)));

    [Theory]
    [InlineData(null, null, "2026-11-24")]
    [InlineData("03:31", null, "2026-11-24")]
    [InlineData("03:30", null, "2026-11-25")]
    [InlineData("14:00", "Australia/Sydney", "2026-11-25")]
    [InlineData("15:00", "Australia/Sydney", "2026-11-24")]
    public void What_is_ordered_before_the_cut_off_leaves_that_day(string? cutOff, string? zone, string day) =>
        Assert.Equal(DateOnly.Parse(day, System.Globalization.CultureInfo.InvariantCulture),
            RouteCandidates.ShipsOn(At("WH1") with { CutOff = cutOff is null ? null : TimeOnly.Parse(cutOff, System.Globalization.CultureInfo.InvariantCulture), TimeZone = zone }, Tuesday, TimeZoneInfo.Utc));

    [Fact]
    public void Days_on_which_it_does_not_work_are_passed_over()
    {
        var friday = new DateTimeOffset(2026, 11, 27, 15, 0, 0, TimeSpan.Zero);
        Assert.Equal(new(2026, 11, 30), RouteCandidates.ShipsOn(At("WH1") with { CutOff = new(14, 0), Closed = [DayOfWeek.Sunday, DayOfWeek.Saturday] }, friday, TimeZoneInfo.Utc));
    }

    [Fact]
    public void A_full_location_is_used_where_the_others_have_less()
    {
        Candidate[] candidates = [new("B", 2, null, default), new("C", 3, null, default), new("A", 1, null, default, Full: true)];
        Dictionary<string, long> stock = new() { ["A"] = 5, ["B"] = 1, ["C"] = 1 };
        Assert.Equal(["B", "C"], Chosen(2));
        Assert.Equal(["A"], Chosen(3));

        string[] Chosen(long units) => [.. Routing.Choose([new("S", units)], candidates, (_, location) => stock[location]).Candidates!.Where(candidate => candidate.Chosen).Select(candidate => candidate.Id)];
    }
}
