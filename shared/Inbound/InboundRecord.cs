using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using Selvedge.Platform;

namespace Selvedge.Inbound;

/// <summary>The way a message came.</summary>
[JsonConverter(typeof(CamelCaseEnum<InboundKind>))]
public enum InboundKind { Webhook, Poll, File }

/// <summary>What was made of a message. One with a wrong signature is not here: it is refused with 401, counted, and nothing of it is kept.</summary>
[JsonConverter(typeof(CamelCaseEnum<InboundVerdict>))]
public enum InboundVerdict
{
    /// <summary>Taken in.</summary>
    Accepted,
    /// <summary>What it says had been taken in before.</summary>
    Repeated,
    /// <summary>Of a topic nobody here needs.</summary>
    Ignored,
    /// <summary>The sender was told that it cannot be taken (4xx).</summary>
    Refused,
    /// <summary>It failed here (5xx): the sender tries again.</summary>
    Failed,
    /// <summary>A file, kept before anything is made of it: the message that is <see cref="InboundRecord.Of"/> it tells what came of it.</summary>
    Received,
}

/// <summary>A message that arrived from outside, as it was received, and what it caused. One line of a segment.</summary>
public sealed record InboundRecord
{
    /// <summary>Where it is kept: <c>&lt;channel&gt;.&lt;yyyyMMdd&gt;.&lt;segment&gt;.&lt;offset&gt;.&lt;line&gt;</c>. Not part of the line.</summary>
    [JsonIgnore] public string Id { get; init; } = "";

    /// <summary>When it arrived here.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>When it was sent, where the sender says so.</summary>
    public DateTimeOffset? SentAt { get; init; }
    public required string Channel { get; init; }
    public InboundKind Kind { get; init; }

    /// <summary>e.g. <c>orders/create</c>; for a file what it imports.</summary>
    public required string Topic { get; init; }
    public InboundVerdict Verdict { get; init; }

    /// <summary>What the sender was answered (HTTP status).</summary>
    public int Status { get; init; }

    /// <summary>The order it caused or changed.</summary>
    public string? Order { get; init; }

    /// <summary>What came of it, in one word (the order's status) or, where it was refused, the problem's type.</summary>
    public string? Outcome { get; init; }

    /// <summary>Why it was refused or failed; for a file, what its import did. No personal data.</summary>
    public string? Detail { get; init; }

    /// <summary>The message that this one tells the end of.</summary>
    public string? Of { get; init; }

    /// <summary>Size of the body, in bytes.</summary>
    public long Size { get; init; }

    /// <summary>Its headers without <see cref="InboundHeaders">those that let somebody in</see>.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    /// <summary>The body where it is UTF-8 text: these characters, encoded, are the bytes that were received.</summary>
    public string? Body { get; init; }

    /// <summary>The body where it is not.</summary>
    public string? Base64 { get; init; }

    /// <summary>The object that holds the body where it is a large one (gzip).</summary>
    public string? File { get; init; }

    /// <summary>When body and headers were erased for a person.</summary>
    public DateTimeOffset? ErasedAt { get; init; }

    /// <summary>With <paramref name="body"/>, so that <see cref="BytesOf"/> gives the same bytes back.</summary>
    public InboundRecord With(ReadOnlySpan<byte> body) => Utf8.IsValid(body)
        ? this with { Body = Encoding.UTF8.GetString(body), Size = body.Length }
        : this with { Base64 = Convert.ToBase64String(body), Size = body.Length };

    /// <summary>The body's bytes as received; null when they are elsewhere (<see cref="File"/>) or gone.</summary>
    public byte[]? BytesOf() => Body is not null ? Encoding.UTF8.GetBytes(Body) : Base64 is not null ? Convert.FromBase64String(Base64) : null;

    /// <summary>The line without what it says of a person: when, where from and what came of it stays.</summary>
    public InboundRecord Erased(DateTimeOffset now) => this with { Headers = null, Body = null, Base64 = null, File = null, ErasedAt = now };

    internal byte[] ToLine() => JsonSerializer.SerializeToUtf8Bytes(this, InboundJson.Lines.InboundRecord);

    internal static InboundRecord? FromLine(ReadOnlySpan<byte> line) => line.Length < 2 ? null : JsonSerializer.Deserialize(line, InboundJson.Lines.InboundRecord);
}

/// <summary>Which headers are kept.</summary>
public static class InboundHeaders
{
    static readonly string[] Telling = ["authorization", "cookie", "secret", "token", "password", "api-key", "apikey", "functions-key", "credential"];

    /// <summary>False for a header that lets its bearer in; signatures are kept: they open nothing else.</summary>
    public static bool IsKept(string name)
    {
        foreach (var word in Telling)
            if (name.Contains(word, StringComparison.OrdinalIgnoreCase)) return false;
        return true;
    }
}

[JsonSerializable(typeof(InboundRecord))]
internal sealed partial class InboundJson : JsonSerializerContext
{
    // One line each; text as it is, not escaped beyond what JSON needs.
    public static readonly InboundJson Lines = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new InstantConverter() },
    });
}
