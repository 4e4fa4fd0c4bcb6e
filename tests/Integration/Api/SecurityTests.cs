using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Api;

/// <summary>Every operation of the OpenAPI document, with every kind of key and account that may not call it.</summary>
public sealed class SecurityTests(EntraFixture entra) : IClassFixture<EntraFixture>
{
    readonly AppFixture app = entra.App;
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    sealed record Operation(HttpMethod Method, string Path, bool Anonymous, IReadOnlyList<string> Roles);

    static readonly IReadOnlyList<Operation> Operations =
    [
        .. from path in (JsonObject)OpenApi.Document()["paths"]!
           from operation in (JsonObject)path.Value!
           let security = operation.Value!["security"]!.AsArray()
           select new Operation(new(operation.Key.ToUpperInvariant()), path.Key.Replace("{id}", "x1", StringComparison.Ordinal).Replace("{sku}", "SKU-1", StringComparison.Ordinal)
               .Replace("{channel}", "shop", StringComparison.Ordinal).Replace("{topic}", "orders/create", StringComparison.Ordinal),
               security.Count == 0, [.. security.SelectMany(each => each!["key"]?.AsArray() ?? []).Select(role => role!.GetValue<string>())]),
    ];

    static HttpRequestMessage Request(Operation operation) => new(operation.Method, operation.Path)
    {
        Content = operation.Method == HttpMethod.Get ? null : new StringContent("{}", Encoding.UTF8, "application/json"),
    };

    [Fact]
    public void Only_health_webhooks_and_the_description_answer_without_a_key()
    {
        foreach (var open in Operations.Where(operation => operation.Anonymous))
            Assert.True(open.Path is "/api/health/live" or "/api/health/ready" or "/api/openapi.json" || open.Path.StartsWith("/api/webhooks/", StringComparison.Ordinal), open.Path);
        Assert.Contains(Operations, operation => !operation.Anonymous);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("Bearer slv_")]
    [InlineData("Bearer slv_aaaaaaaaaaaa_")]
    [InlineData("Bearer slv_aaaaaaaaaaaa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("Bearer slv_aaaa/../aaaa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("Bearer null")]
    [InlineData("Bearer eyJhbGciOiJub25lIn0.eyJyb2xlcyI6WyJhZG1pbiJdfQ.")]
    [InlineData("Basic YWRtaW46YWRtaW4=")]
    [InlineData("bearer' OR 1=1 --")]
    public async Task Without_a_valid_key_nothing_is_answered(string? authorization)
    {
        using var client = app.ClientWith(null);
        foreach (var operation in Operations.Where(operation => !operation.Anonymous))
        {
            using var request = Request(operation);
            if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
            await RefusedAsync(client, request);
        }
    }

    [Fact]
    public async Task A_known_id_with_another_secret_is_refused()
    {
        var id = app.AdminKey.Split('_')[1];
        using var client = app.ClientWith($"slv_{id}_{new string('A', 43)}");
        foreach (var operation in Operations.Where(operation => !operation.Anonymous)) await RefusedAsync(client, Request(operation));
    }

    [Fact]
    public async Task An_account_that_nobody_gave_a_role_is_forbidden_everything()
    {
        using var client = entra.Account(Guid.NewGuid().ToString());
        foreach (var operation in Operations.Where(operation => !operation.Anonymous))
        {
            using var answer = await client.SendAsync(Request(operation), Cancel);
            Assert.True(answer.StatusCode == HttpStatusCode.Forbidden, $"{operation.Method} {operation.Path}: {(int)answer.StatusCode}");
        }
    }

    [Fact]
    public async Task A_deleted_key_is_refused()
    {
        var token = await app.KeyAsync(Role.Admin);
        using var client = app.ClientWith(token);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/keys", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await app.Client.DeleteAsync($"/api/keys/{token.Split('_')[1]}", Cancel)).StatusCode);
        foreach (var operation in Operations.Where(operation => !operation.Anonymous)) await RefusedAsync(client, Request(operation));
    }

    [Fact]
    public async Task Two_authorization_headers_are_refused()
    {
        using var client = app.ClientWith(null);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/keys");
        request.Headers.TryAddWithoutValidation("Authorization", [$"Bearer {app.AdminKey}", "Bearer x"]);
        await RefusedAsync(client, request);
    }

    public static TheoryData<Role, Entry> Callers => [.. from role in Enum.GetValues<Role>() where role != Role.Admin from entry in Enum.GetValues<Entry>() select (role, entry)];

    [Theory, MemberData(nameof(Callers))]
    public async Task A_role_that_is_not_listed_is_forbidden_and_a_listed_one_is_not(Role role, Entry entry)
    {
        using var client = await entra.ClientAsAsync(entry, role);
        foreach (var operation in Operations.Where(operation => !operation.Anonymous))
        {
            using var request = Request(operation);
            using var answer = await client.SendAsync(request, Cancel);
            if (operation.Roles.Contains(role.ToString().ToLowerInvariant()))
            {
                Assert.False(answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.InternalServerError, $"{operation.Method} {operation.Path} as {role} by {entry}: {(int)answer.StatusCode}");
                continue;
            }
            Assert.True(answer.StatusCode == HttpStatusCode.Forbidden, $"{operation.Method} {operation.Path} as {role} by {entry}: {(int)answer.StatusCode}");
            Assert.Contains("insufficient_scope", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
            await Task.FromResult(answer).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        }
    }

    static async Task RefusedAsync(HttpClient client, HttpRequestMessage request)
    {
        using var answer = await client.SendAsync(request, Cancel);
        Assert.True(answer.StatusCode == HttpStatusCode.Unauthorized, $"{request.Method} {request.RequestUri}: {(int)answer.StatusCode}");
        Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.Single().Scheme);
        await Task.FromResult(answer).ProblemAsync(HttpStatusCode.Unauthorized, "unauthorized");
    }
}
