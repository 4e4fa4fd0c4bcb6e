using System.Net;
using System.Text.Json;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Orders;

public sealed class RoutingHttpTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_order_says_why_it_is_sent_from_where_it_is()
    {
        await app.SeedAsync("ROUTE-1", 5, "SYD");
        await app.SeedAsync("ROUTE-1", 5, "MEL");
        await LocationAsync("SYD", new { kind = "warehouse", address = new { country = "AU", postcode = "2000" } });
        await LocationAsync("MEL", new { kind = "warehouse", address = new { country = "AU", postcode = "3000" } });
        await app.Client.PutAsync("/api/channels/route", new { kind = "b2b", locations = new[] { "SYD", "MEL" }, shortage = "backorder" }.AsJson(), Cancel).OkAsync();
        await OrderAsync("1", 2, new { country = "AU", postcode = "3065" });

        var routing = await app.Client.GetAsync("/api/orders/route%3A1/routing", Cancel).OkAsync();
        var candidates = routing.GetProperty("candidates").EnumerateArray().ToList();
        Assert.Equal(["MEL", "SYD"], candidates.Select(candidate => candidate.GetProperty("location").GetString()));
        Assert.Equal([true, false], candidates.Select(candidate => candidate.GetProperty("chosen").GetBoolean()));
        Assert.Equal([2, 4], candidates.Select(candidate => candidate.GetProperty("distance").GetInt32()));
        Assert.Equal("MEL is nearer to the customer, by postal code.", candidates[1].GetProperty("why").GetString());
        Assert.Contains("MEL", routing.GetProperty("summary").GetString(), StringComparison.Ordinal);
        Assert.Equal(["MEL", "SYD"], routing.GetProperty("lines")[0].GetProperty("places").EnumerateArray().Select(place => place.GetString()));
        var stock = await app.Client.GetAsync("/api/inventory/ROUTE-1", Cancel).OkAsync();
        Assert.Equal(3, stock.GetProperty("locations").GetProperty("MEL").GetProperty("available").GetInt64());
    }

    [Fact]
    public async Task Where_there_is_no_choice_it_says_so()
    {
        await app.SeedAsync("ROUTE-2", 5, "ONLY");
        await app.Client.PutAsync("/api/channels/single", new { kind = "b2b", locations = new[] { "ONLY" }, shortage = "backorder", shipComplete = true }.AsJson(), Cancel).OkAsync();
        await app.Client.PostAsync("/api/orders", new { channel = "single", externalId = "1", lines = new[] { new { sku = "ROUTE-2", quantity = 1, price = "10.00" } } }.AsJson(), Cancel).OkAsync();
        var routing = await app.Client.GetAsync("/api/orders/single%3A1/routing", Cancel).OkAsync();
        Assert.Equal(0, routing.GetProperty("candidates").GetArrayLength());
        Assert.Contains("ONLY", routing.GetProperty("summary").GetString(), StringComparison.Ordinal);
        Assert.True(routing.GetProperty("shipComplete").GetBoolean());
    }

    [Fact]
    public async Task What_a_key_does_not_reach_is_not_there()
    {
        using var foreign = await app.ClientAsAsync(Role.Viewer, Scope.Everything with { Channels = ["other"] });
        await app.Client.GetAsync("/api/orders/route%3Anone/routing", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await foreign.GetAsync("/api/orders/single%3A1/routing", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    [Theory]
    [InlineData("""{"kind":"warehouse","serves":["Australia"]}""", "/serves")]
    [InlineData("""{"kind":"warehouse","cutOff":"2 pm"}""", "/cutOff")]
    [InlineData("""{"kind":"warehouse","timeZone":"Mars/Olympus"}""", "/timeZone")]
    [InlineData("""{"kind":"warehouse","closed":["holiday"]}""", "/closed")]
    [InlineData("""{"kind":"warehouse","capacity":0}""", "/capacity")]
    public async Task A_location_that_cannot_be_routed_by_is_refused(string body, string pointer)
    {
        var problem = await app.Client.PutAsync("/api/locations/BAD", new StringContent(body, System.Text.Encoding.UTF8, "application/json"), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.Contains(problem.GetProperty("errors").EnumerateArray(), error => error.GetProperty("pointer").GetString() == pointer);
    }

    [Fact]
    public async Task A_location_is_told_as_it_was_said_and_the_same_again_changes_nothing()
    {
        var said = new { kind = "warehouse", name = "Perth", priority = 7, serves = new[] { "AU-6", "NZ" }, cutOff = "14:30", timeZone = "Australia/Perth", closed = new[] { "sunday", "saturday" }, capacity = 300 };
        await app.Client.PutAsync("/api/locations/PER", said.AsJson(), Cancel).OkAsync();
        var again = await app.Client.PutAsync("/api/locations/PER", said.AsJson(), Cancel).OkAsync();
        Assert.Equal(1, again.GetProperty("version").GetInt64());
        Assert.Equal("14:30", again.GetProperty("cutOff").GetString());
        Assert.Equal("Australia/Perth", again.GetProperty("timeZone").GetString());
        Assert.Equal(["sunday", "saturday"], again.GetProperty("closed").EnumerateArray().Select(day => day.GetString()));
        Assert.Equal(["AU-6", "NZ"], again.GetProperty("serves").EnumerateArray().Select(region => region.GetString()));
    }

    Task<JsonElement> LocationAsync(string id, object body) => app.Client.PutAsync($"/api/locations/{id}", body.AsJson(), Cancel).OkAsync();

    Task<JsonElement> OrderAsync(string id, int quantity, object shipTo) => app.Client.PostAsync("/api/orders",
        new { channel = "route", externalId = id, lines = new[] { new { sku = "ROUTE-1", quantity, price = "10.00" } }, shipTo }.AsJson(), Cancel).OkAsync();
}
