using Microsoft.Extensions.Configuration;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Platform;

public sealed class EntraSettingsTests
{
    const string Tenant = "5b6f3a0e-7a53-4f0e-9d1c-0a6d5f1f2b3c", Client = "9f1d7c52-0c3e-4a8b-8f60-3f5b2f6d7e11";

    static EntraSettings? Read(string? tenant = null, string? audience = null, string? authority = null) => EntraSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
    {
        ["Entra:TenantId"] = tenant, ["Entra:Audience"] = audience, ["Entra:Authority"] = authority, ["Entra:Permission"] = "",
    }).Build());

    [Fact]
    public void Empty_settings_are_none() => Assert.Null(Read("", " ", ""));

    [Theory]
    [InlineData("9F1D7C52-0C3E-4A8B-8F60-3F5B2F6D7E11", Client, "api://" + Client)]
    [InlineData("api://" + Client, Client, "api://" + Client)]
    [InlineData("api://brand.example/selvedge", "api://brand.example/selvedge")]
    public void A_client_id_is_taken_in_both_forms_and_another_audience_as_it_is(string audience, params string[] expected) =>
        Assert.Equal(expected, Read(Tenant, audience)!.Audiences);

    [Fact]
    public void The_authority_is_the_public_clouds_unless_it_is_set()
    {
        Assert.Equal($"https://login.microsoftonline.com/{Tenant}/v2.0", Read(Tenant.ToUpperInvariant(), Client)!.Authority.ToString());
        Assert.Equal("https://login.microsoftonline.us/x/v2.0", Read(Tenant, Client, "https://login.microsoftonline.us/x/v2.0")!.Authority.ToString());
        foreach (var wrong in (string[])["http://login.example/", "login.microsoftonline.com", "ftp://localhost/"])
            Assert.Throws<InvalidOperationException>(() => Read(Tenant, Client, wrong));
    }
}
