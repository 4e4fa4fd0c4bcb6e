using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Selvedge.Functions.Api;
using Selvedge.Inbound;
using Selvedge.People;
using Selvedge.Platform;

namespace Selvedge.Functions.Inbound;

/// <summary>What arrived from outside: found, read, taken in again. Raw messages name people, so all of it is for administrators.</summary>
public sealed partial class InboundFunctions(InboundSearch search, InboundReplay replay, AccessLog access, ILogger<InboundFunctions> logger)
{
    /// <summary>Most messages taken in again by one request.</summary>
    const int MostReplayed = 200;

    /// <summary>Messages without headers and bodies, the latest first. With <c>id</c> that one.</summary>
    [Function("ListInbound"), Access(By = Bounds.Everything)]
    public async Task<IResult> ListInbound([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/inbound")] HttpRequest request)
    {
        var (limit, continuation) = request.Page();
        if (request.Parameter("id") is { } id)
            return Request.Answer(new Page<object>(await search.FindAsync(id) is { } found ? [View(found)] : [], null));
        var verdict = request.Choice("verdict", [.. Enum.GetNames<InboundVerdict>().Select(JsonNamingPolicy.CamelCase.ConvertName)]);
        var filter = new InboundFilter(request.Parameter("channel"), request.Parameter("topic"), Instant(request, "from"), Instant(request, "to"), request.Parameter("order"),
            verdict is null ? null : Enum.Parse<InboundVerdict>(verdict, ignoreCase: true));
        return Request.Answer((await search.ListAsync(filter, limit, continuation)).As(View));
    }

    /// <summary>One message as it was received.</summary>
    [Function("GetInbound"), Access(By = Bounds.Everything)]
    public async Task<IResult> GetInbound([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/inbound/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var record = await search.FindAsync(id) ?? throw Unknown(id);
        LogRead(id, context.Caller().KeyId);
        await access.NoteAsync(record.Order ?? "inbound:" + record.Channel, AccessKind.Message, context.Caller(), context.InvocationId);
        var body = record.File is null ? record : await search.BytesAsync(record) is { } bytes ? record.With(bytes) : record;
        return Request.Answer(new
        {
            record.Id, record.At, record.SentAt, record.Channel, record.Kind, record.Topic, record.Verdict, record.Status, record.Order, record.Outcome, record.Detail, record.Of,
            record.Size, record.ErasedAt, record.Headers, body.Body, body.Base64,
        });
    }

    /// <summary>Takes messages in again: <c>{ids[], dryRun?}</c> in that order, or <c>{channel, from, to, topic?, continuation?, dryRun?}</c> in the order of arrival.</summary>
    [Function("ReplayInbound"), Access(By = Bounds.Everything)]
    public async Task<IResult> ReplayInbound([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/inbound/replay")] HttpRequest request, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (ids, channel, topic) = (body.Texts("ids", MostReplayed, 300), body.OptionalText("channel", 40), body.OptionalText("topic", 100));
        var (from, to, continuation, dryRun) = (Instant(body, "from"), Instant(body, "to"), body.OptionalText("continuation", 1000), body.Flag("dryRun", false));
        if (ids.Count == 0 && (channel is null || from is null || to is null)) body.Add("", "Expected 'ids', or 'channel', 'from' and 'to'.");
        if (ids.Count > 0 && (channel ?? topic ?? continuation) is not null) body.Add("", "Expected either 'ids' or a range, not both.");
        body.ThrowIfFaulty();
        Page<InboundRecord> messages;
        if (ids.Count == 0) messages = await search.ListAsync(new(channel, topic, from, to), MostReplayed, continuation, oldestFirst: true);
        else
        {
            var found = new List<InboundRecord>(ids.Count);
            foreach (var id in ids) found.Add(await search.FindAsync(id) ?? throw Unknown(id));
            messages = new(found, null);
        }
        var items = await replay.RunAsync(messages.Items, dryRun, context.Caller());
        if (!dryRun && items.Count > 0) LogReplayed(items.Count, context.Caller().KeyId);
        return Request.Answer(new { dryRun, items, messages.Continuation });
    }

    static object View(InboundRecord record) => new
    {
        record.Id, record.At, record.SentAt, record.Channel, record.Kind, record.Topic, record.Verdict, record.Status, record.Order, record.Outcome, record.Detail, record.Of, record.Size, record.ErasedAt,
    };

    static DateTimeOffset? Instant(HttpRequest request, string name) => request.Parameter(name) is not { } text ? null
        : Parse(text) ?? throw Request.BadParameter(name, "must be an instant (RFC 3339), e.g. 2026-11-23T09:15:00Z");

    static DateTimeOffset? Instant(RequestFields body, string name)
    {
        if (body.OptionalText(name, 40) is not { } text) return null;
        if (Parse(text) is { } at) return at;
        body.Add(name, "Expected an instant (RFC 3339), e.g. 2026-11-23T09:15:00Z.");
        return null;
    }

    static DateTimeOffset? Parse(string text) => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at) ? at : null;

    static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no message '{id}' in the archive: it never was, or its time is up. GET api/inbound lists what there is.");

    [LoggerMessage(EventId = 4011, Level = LogLevel.Information, Message = "Inbound message {Id} was read by key {Key}")]
    partial void LogRead(string id, string key);

    [LoggerMessage(EventId = 4012, Level = LogLevel.Information, Message = "{Messages} inbound messages were taken in again by key {Key}")]
    partial void LogReplayed(int messages, string key);
}
