using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Selvedge.Platform;

namespace Selvedge.Functions.Demo;

/// <summary>The demo cannot go on, for a reason that the person who started it can act on.</summary>
internal sealed class DemoException(string message, int status = 0) : Exception(message)
{
    /// <summary>The answer's status; 0 where there was none.</summary>
    public int Status => status;
}

/// <summary>The app's own HTTP API, called from outside like any other client: with the administrator's key, over the socket.</summary>
internal sealed class DemoApi : IDisposable
{
    readonly HttpClient http;

    public DemoApi(Uri address, string adminKey)
    {
        http = new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(30) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", adminKey);
    }

    public Uri Address => http.BaseAddress!;

    public Task<JsonElement> GetAsync(string path, CancellationToken cancel) => SendAsync(new(HttpMethod.Get, path), cancel);

    public Task<JsonElement> PutAsync(string path, object body, CancellationToken cancel) =>
        SendAsync(new(HttpMethod.Put, path) { Content = JsonContent.Create(body, options: Json.Options) }, cancel);

    public Task<JsonElement> PostAsync(string path, object body, CancellationToken cancel) =>
        SendAsync(new(HttpMethod.Post, path) { Content = JsonContent.Create(body, options: Json.Options) }, cancel);

    /// <summary>As <see cref="PostAsync"/>; null where it is answered 404.</summary>
    public async Task<JsonElement?> TryPostAsync(string path, object body, CancellationToken cancel)
    {
        try
        {
            return await PostAsync(path, body, cancel);
        }
        catch (DemoException nothing) when (nothing.Status == 404)
        {
            return null;
        }
    }

    public Task<JsonElement> PostCsvAsync(string path, string csv, CancellationToken cancel) =>
        SendAsync(new(HttpMethod.Post, path) { Content = new StringContent(csv, Encoding.UTF8, "text/csv") }, cancel);

    /// <summary>Whether there is something at <paramref name="path"/>.</summary>
    public async Task<bool> ExistsAsync(string path, CancellationToken cancel)
    {
        using var answer = await http.GetAsync(new Uri(path, UriKind.Relative), cancel);
        return answer.StatusCode != HttpStatusCode.NotFound && (answer.IsSuccessStatusCode ? true : throw await RefusedAsync($"GET {path}", answer, cancel));
    }

    /// <exception cref="DemoException">It was not answered with success; the message quotes the problem's detail.</exception>
    async Task<JsonElement> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        using (request)
        using (var answer = await http.SendAsync(request, cancel))
        {
            if (!answer.IsSuccessStatusCode) throw await RefusedAsync($"{request.Method} {request.RequestUri}", answer, cancel);
            return await answer.Content.ReadFromJsonAsync<JsonElement>(cancel);
        }
    }

    static async Task<DemoException> RefusedAsync(string what, HttpResponseMessage answer, CancellationToken cancel) =>
        new($"{what} was answered {(int)answer.StatusCode}: {await DetailAsync(answer, cancel)}", (int)answer.StatusCode);

    /// <summary>The detail of a problem (RFC 9457), or what came instead of one.</summary>
    public static async Task<string> DetailAsync(HttpResponseMessage answer, CancellationToken cancel)
    {
        var text = await answer.Content.ReadAsStringAsync(cancel);
        try
        {
            using var problem = JsonDocument.Parse(text);
            if (problem.RootElement.ValueKind == JsonValueKind.Object && problem.RootElement.TryGetProperty("detail", out var detail)) return detail.ToString();
        }
        catch (JsonException)
        {
            // Not a problem document: the text itself is all there is to show.
        }
        return text.Length > 0 ? text[..Math.Min(text.Length, 200)] : answer.ReasonPhrase ?? "no detail";
    }

    public void Dispose() => http.Dispose();
}
