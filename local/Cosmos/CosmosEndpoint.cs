using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Selvedge.Local.Cosmos.Gateway;

namespace Selvedge.Local.Cosmos;

/// <summary>
/// A store behind a port of the loopback address, for tools and SDKs of other languages. There is no authentication: whoever can
/// reach the port is this machine's user.
/// </summary>
public sealed class CosmosEndpoint : IAsyncDisposable
{
    /// <summary>Bytes a request may have: the largest batch and its framing.</summary>
    private const long MaxRequestBytes = 4 << 20;

    private readonly WebApplication _server;

    private CosmosEndpoint(WebApplication server)
    {
        _server = server;
        Address = new Uri(server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    /// <summary>The account endpoint, <c>http://127.0.0.1:port/</c>.</summary>
    public Uri Address { get; }

    /// <summary>Listens on 127.0.0.1 at <paramref name="port"/>; 0 takes a free one.</summary>
    /// <exception cref="CosmosStoreException">The port is taken.</exception>
    public static async Task<CosmosEndpoint> StartAsync(CosmosStore store, int port)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = MaxRequestBytes;
            options.Listen(IPAddress.Loopback, port);
        });
        var server = builder.Build();
        var gateway = new CosmosGateway(store);
        server.Run(context => AnswerAsync(gateway, context));
        try
        {
            await server.StartAsync().ConfigureAwait(false);
            return new CosmosEndpoint(server);
        }
        catch (IOException e)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw new CosmosStoreException($"Port {port} on 127.0.0.1 is taken. Stop what uses it, or choose another port for the Cosmos endpoint.", e);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static async Task AnswerAsync(CosmosGateway gateway, HttpContext context)
    {
        CosmosResponse answer;
        try
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted).ConfigureAwait(false);
            answer = await gateway.AnswerAsync(new SocketRequest(context.Request, body.ToArray())).ConfigureAwait(false);
        }
        catch (CosmosError e)
        {
            answer = CosmosResponse.Error(e.Status, e.SubStatus, e.Message);
        }
        catch (BadHttpRequestException e)
        {
            answer = CosmosResponse.Error(e.StatusCode, 0, e.Message);
        }

        context.Response.StatusCode = answer.Status;
        if (answer.ETag is { } etag)
        {
            context.Response.Headers.ETag = etag;
        }

        foreach (var (name, value) in answer.Headers)
        {
            context.Response.Headers[name] = value;
        }

        if (answer.Status is not (204 or 304))
        {
            context.Response.ContentLength = answer.Body.Length;
            context.Response.ContentType = answer.Body.IsEmpty ? null : answer.ContentType;
            await context.Response.Body.WriteAsync(answer.Body, context.RequestAborted).ConfigureAwait(false);
        }
    }

    private sealed class SocketRequest(HttpRequest request, ReadOnlyMemory<byte> body)
        : CosmosRequest(request.Method, Split(new Uri(request.GetEncodedUrl()).AbsolutePath), new Uri(request.GetEncodedUrl()), body)
    {
        private static string[] Split(string path)
        {
            var parts = path.Trim('/') is { Length: > 0 } text ? text.Split('/') : [];
            for (var i = 1; i < parts.Length; i += 2)
            {
                parts[i] = Uri.UnescapeDataString(parts[i]);
                if (parts[i].AsSpan().IndexOfAny(@"/\?#") >= 0)
                {
                    throw CosmosError.BadRequest($"'{parts[i]}' cannot be a name or id. If it is '{Uri.EscapeDataString(parts[i])}' that is meant: "
                        + "the client did not escape its '%', as the .NET SDK does not in gateway mode. Use a batch or a query for such an id, or CosmosHandler.");
                }
            }

            return parts;
        }

        public override string? Header(string name) => request.Headers.TryGetValue(name, out var values) ? values.ToString() : null;
    }
}
