using System.Net;
using System.Net.Http.Headers;
using Selvedge.Local.Cosmos.Gateway;

namespace Selvedge.Local.Cosmos;

/// <summary>
/// Answers a Cosmos DB client inside this process, without a socket. Use it as
/// <c>CosmosClientOptions.HttpClientFactory = () => new HttpClient(handler, disposeHandler: false)</c> with
/// <c>ConnectionMode.Gateway</c> and <c>LimitToEndpoint = true</c>, after <see cref="CosmosEnvironment.Apply"/>.
/// Endpoint and key may be anything well-formed.
/// </summary>
public sealed class CosmosHandler(CosmosStore store) : HttpMessageHandler
{
    private readonly CosmosGateway _gateway = new(store);

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var body = request.Content is { } content ? await ReadAsync(content, cancellationToken).ConfigureAwait(false) : default;
        var answer = await _gateway.AnswerAsync(new InProcessRequest(request, body)).ConfigureAwait(false);
        var response = new HttpResponseMessage((HttpStatusCode)answer.Status) { RequestMessage = request, Version = HttpVersion.Version11 };
        var bytes = new ReadOnlyMemoryContent(answer.Body);
        if (!answer.Body.IsEmpty)
        {
            bytes.Headers.ContentType = new MediaTypeHeaderValue(answer.ContentType);
        }

        response.Content = bytes;
        if (answer.ETag is { } etag)
        {
            response.Headers.TryAddWithoutValidation("ETag", etag);
        }

        foreach (var (name, value) in answer.Headers)
        {
            response.Headers.TryAddWithoutValidation(name, value);
        }

        return response;
    }

    private static async ValueTask<ReadOnlyMemory<byte>> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        if (content.Headers.ContentLength is not { } length)
        {
            return await content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        }

        var bytes = new byte[length];
        var stream = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await stream.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        return bytes;
    }

    private sealed class InProcessRequest(HttpRequestMessage request, ReadOnlyMemory<byte> body)
        : CosmosRequest(request.Method.Method, Split(request.RequestUri!.OriginalString), request.RequestUri, body)
    {
        /// <summary>The SDK puts names and ids into the URI as they are, also a '%', which a URI parser would take for an escape.</summary>
        private static string[] Split(string uri)
        {
            var scheme = uri.IndexOf("://", StringComparison.Ordinal);
            var path = uri.IndexOf('/', scheme < 0 ? 0 : scheme + 3);
            return path < 0 || path == uri.Length - 1 ? [] : uri[(path + 1)..].TrimEnd('/').Split('/');
        }

        public override string? Header(string name) =>
            request.Headers.NonValidated.TryGetValues(name, out var values) ? values.ToString()
            : request.Content is { } content && name.StartsWith("Content-", StringComparison.Ordinal) && content.Headers.NonValidated.TryGetValues(name, out values) ? values.ToString()
            : null;
    }
}
