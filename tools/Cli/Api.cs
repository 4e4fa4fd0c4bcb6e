using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Selvedge.Tools.Cli;

/// <summary>The API said no, and why (RFC 9457).</summary>
internal sealed class RefusedException(int status, JsonObject? problem) : Exception((string?)problem?["detail"] ?? $"The answer was {status}, without saying why.")
{
    public int Status { get; } = status;
    public JsonObject? Problem { get; } = problem;
    public string Title => (string?)Problem?["title"] ?? ((HttpStatusCode)Status).ToString();
    public string Type => ((string?)Problem?["type"] ?? "").Replace("/problems/", "", StringComparison.Ordinal);
}

/// <summary>Nothing answered.</summary>
internal sealed class UnreachableException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The command line asks for something that cannot be.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>An answer of the API.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Body">Its JSON; null when it has none.</param>
/// <param name="RetryAfter">When to ask again.</param>
/// <param name="Date">The server's clock.</param>
/// <param name="Location">The status address of long work.</param>
internal sealed record Answer(int Status, JsonNode? Body, TimeSpan? RetryAfter, DateTimeOffset? Date, string? Location);

/// <summary>The HTTP API at one address, with one key. Redirects are not followed: the key is for this address.</summary>
internal sealed class Api : IDisposable
{
    readonly HttpClient http;

    public Api(Uri address, string? key)
    {
        http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(5) }) { BaseAddress = address, Timeout = TimeSpan.FromMinutes(10) };
        if (key is not null) http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    public Uri Address => http.BaseAddress!;

    public async Task<JsonNode> GetAsync(string path, CancellationToken cancel) => (await SendAsync(HttpMethod.Get, path, null, cancel)).Body!;

    public async Task<JsonNode> PostAsync(string path, object? body, CancellationToken cancel) => (await SendAsync(HttpMethod.Post, path, body is null ? null : JsonContent.Create(body), cancel)).Body!;

    /// <exception cref="RefusedException">4xx or 5xx.</exception>
    /// <exception cref="UnreachableException">No answer, or not one of this API.</exception>
    public async Task<Answer> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancel)
    {
        var answer = await AskAsync(method, path, content, cancel);
        return answer.Status is >= 200 and < 300 ? answer : throw new RefusedException(answer.Status, answer.Body as JsonObject);
    }

    /// <summary>The answer, whatever its status.</summary>
    public async Task<Answer> AskAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancel)
    {
        // A status address comes from the server; whatever it says, the key goes to this address only.
        var target = new Uri(Address, path.TrimStart('/'));
        if (target.Host != Address.Host || target.Port != Address.Port || target.Scheme != Address.Scheme) throw new UnreachableException($"The API named an address elsewhere ({target}); it was not followed.");
        using var request = new HttpRequestMessage(method, target) { Content = content };
        try
        {
            using var answer = await http.SendAsync(request, cancel);
            var text = await answer.Content.ReadAsStringAsync(cancel);
            return new((int)answer.StatusCode, Read(answer, text), answer.Headers.RetryAfter?.Delta, answer.Headers.Date, answer.Headers.Location?.ToString());
        }
        catch (HttpRequestException failed)
        {
            throw new UnreachableException($"Nothing answers at {Address} ({failed.Message}). Start the app (dotnet run --project functions -c Release), or name another address with --url or SELVEDGE_URL.", failed);
        }
        catch (TaskCanceledException late) when (!cancel.IsCancellationRequested)
        {
            throw new UnreachableException($"{Address} did not answer in time.", late);
        }
    }

    /// <summary>All items of a list, page by page, as far as <paramref name="most"/>.</summary>
    public async Task<(JsonArray Items, bool More)> ListAsync(string path, int most, CancellationToken cancel)
    {
        var all = new JsonArray();
        for (string? continuation = null; ;)
        {
            var page = await GetAsync($"{path}{(path.Contains('?') ? '&' : '?')}limit={Math.Clamp(most - all.Count, 1, 1000)}{(continuation is null ? "" : "&continuation=" + Uri.EscapeDataString(continuation))}", cancel);
            foreach (var item in page["items"]!.AsArray()) all.Add(item!.DeepClone());
            continuation = (string?)page["continuation"];
            if (continuation is null || all.Count >= most) return (all, continuation is not null);
        }
    }

    static JsonNode? Read(HttpResponseMessage answer, string text)
    {
        if (text.Length == 0) return null;
        try { return JsonNode.Parse(text); }
        catch (System.Text.Json.JsonException)
        {
            if (!answer.IsSuccessStatusCode) return null;
            throw new UnreachableException($"What answers at {answer.RequestMessage?.RequestUri} is not this API: its answer is no JSON. Name the right address with --url.");
        }
    }

    public void Dispose() => http.Dispose();
}
