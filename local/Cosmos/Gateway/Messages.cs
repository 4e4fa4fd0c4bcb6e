using System.Globalization;
using System.Text.Json;

namespace Selvedge.Local.Cosmos.Gateway;

/// <summary>A request, whether it came through a handler in this process or over a socket.</summary>
internal abstract class CosmosRequest(string method, string[] segments, Uri endpoint, ReadOnlyMemory<byte> body)
{
    /// <summary>GET, POST, ...</summary>
    public string Method { get; } = method;

    /// <summary>The parts of the path, not escaped.</summary>
    public string[] Segments { get; } = segments;

    /// <summary>Where the caller reached us: what the account document gives as its endpoint.</summary>
    public Uri Endpoint { get; } = endpoint;

    public ReadOnlyMemory<byte> Body { get; } = body;

    /// <summary>A header's value; null when absent.</summary>
    public abstract string? Header(string name);

    public bool Flag(string name) => string.Equals(Header(name), "true", StringComparison.OrdinalIgnoreCase);

    /// <summary><c>x-ms-max-item-count</c>; absent or -1 leaves the choice to us.</summary>
    public int PageSize => int.TryParse(Header("x-ms-max-item-count"), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var size) && size > 0
        ? Math.Min(size, 10_000)
        : 1_000;
}

/// <summary>An answer; <see cref="Body"/> is JSON unless it is a batch's.</summary>
internal sealed class CosmosResponse(int status, ReadOnlyMemory<byte> body = default)
{
    public int Status { get; } = status;

    public ReadOnlyMemory<byte> Body { get; } = body;

    public string ContentType { get; init; } = "application/json";

    public string? ETag { get; init; }

    /// <summary>Further headers.</summary>
    public List<KeyValuePair<string, string>> Headers { get; } = new(4);

    public CosmosResponse With(string name, string value)
    {
        Headers.Add(new(name, value));
        return this;
    }

    public static CosmosResponse Error(int status, int subStatus, string message)
    {
        var response = new CosmosResponse(status, ErrorBody(status, message));
        if (subStatus != 0)
        {
            response.With("x-ms-substatus", subStatus.ToString(CultureInfo.InvariantCulture));
        }

        return status == 429 ? response.With("x-ms-retry-after-ms", "50") : response;
    }

    public static byte[] ErrorBody(int status, string message)
    {
        using var output = new MemoryStream();
        using (var writer = new Utf8JsonWriter(output))
        {
            writer.WriteStartObject();
            writer.WriteString("code", ((System.Net.HttpStatusCode)status).ToString());
            writer.WriteString("message", message);
            writer.WriteEndObject();
        }

        return output.ToArray();
    }
}
