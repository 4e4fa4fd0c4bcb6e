using System.Globalization;
using Microsoft.AspNetCore.Http;
using Selvedge.Exceptions;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Functions.Orders;

/// <summary>Messages of queue <c>orders</c> that nobody could work on: seen with their reason, and sent again when it is put right.</summary>
public sealed class DeadLetterFunctions(ServiceBusClient bus, ExceptionCases exceptions)
{
    const int MostSearched = 1_000;
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    static readonly ServiceBusReceiverOptions DeadLetters = new() { SubQueue = SubQueue.DeadLetter };

    /// <summary>A page of the dead letters, the oldest first.</summary>
    [Function("ListOrderDeadLetters"), Access(By = Bounds.Everything)]
    public async Task<IResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/queues/orders/deadletters")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var from = continuation is null ? 0 : long.TryParse(continuation, NumberStyles.None, null, out var number) ? number : throw Request.BadParameter("continuation", "is none of this list's");
        await using var receiver = bus.CreateReceiver(OrderQueue.Name, DeadLetters);
        var letters = await receiver.PeekMessagesAsync(limit, from, context.CancellationToken);
        return Request.Answer(new Page<DeadLetterView>([.. letters.Select(DeadLetterView.Of)], letters.Count < limit ? null : (letters[^1].SequenceNumber + 1).ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>Sends a dead letter again under its next message id, and takes it off the dead letters.</summary>
    [Function("ReplayOrderDeadLetter"), Access(By = Bounds.Everything)]
    public async Task<IResult> Replay([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/queues/orders/deadletters/{sequence}/replay")] HttpRequest request, string sequence, FunctionContext context)
    {
        if (!long.TryParse(sequence, NumberStyles.None, null, out var wanted)) throw Unknown(sequence);
        await using var receiver = bus.CreateReceiver(OrderQueue.Name, DeadLetters);
        var held = new List<ServiceBusReceivedMessage>();
        try
        {
            // A dead letter cannot be received by its number: they are taken in their order until it comes.
            while (held.Count < MostSearched && await receiver.ReceiveMessagesAsync(100, Patience, context.CancellationToken) is { Count: > 0 } some)
            {
                held.AddRange(some);
                if (some.FirstOrDefault(letter => letter.SequenceNumber == wanted) is not { } found) continue;
                await using var sender = bus.CreateSender(OrderQueue.Name);
                var again = new ServiceBusMessage(found.Body) { MessageId = NextId(found.MessageId), ContentType = found.ContentType };
                await sender.SendMessageAsync(again, context.CancellationToken);
                await receiver.CompleteMessageAsync(found, CancellationToken.None);
                held.Remove(found);
                return Request.Answer(new { sequence = wanted, messageId = again.MessageId }, StatusCodes.Status202Accepted);
            }
            throw Unknown(sequence);
        }
        finally
        {
            foreach (var other in held) await receiver.AbandonMessageAsync(other, cancellationToken: CancellationToken.None);
        }
    }

    /// <summary>Opens an exception for every dead letter.</summary>
    [Function("OrderDeadLetters")]
    public Task Watch([TimerTrigger("40 * * * * *")] TimerInfo timer, FunctionContext context) => WatchAsync(context.CancellationToken);

    internal async Task WatchAsync(CancellationToken cancel)
    {
        await using var receiver = bus.CreateReceiver(OrderQueue.Name, DeadLetters);
        foreach (var letter in await receiver.PeekMessagesAsync(100, 0, cancel))
            await exceptions.OpenAsync(new ExceptionCase
            {
                Id = Ids.Join(["queue", "deadLetter", OrderQueue.Name, letter.SequenceNumber.ToString(CultureInfo.InvariantCulture)]), Kind = "deadLetter",
                Expected = new($"queue {OrderQueue.Name}", "worked on"), Found = new($"message {letter.MessageId}", $"{letter.DeadLetterReason}: {letter.DeadLetterErrorDescription}"),
                Detail = $"Message {letter.SequenceNumber} of queue {OrderQueue.Name} was given up: {letter.DeadLetterReason}. POST api/queues/orders/deadletters/{letter.SequenceNumber}/replay sends it again.",
            });
    }

    /// <summary>The id under which a message is sent again: an id is taken once within the queue's duplicate window.</summary>
    public static string NextId(string id)
    {
        var split = id.LastIndexOf(':');
        return split > 0 && long.TryParse(id.AsSpan(split + 1), NumberStyles.None, null, out var attempt) ? string.Create(null, $"{id.AsSpan(0, split)}:{attempt + 1}")
            : string.Create(null, $"{(id.Length > 120 ? id[..120] : id)}:1");
    }

    static ProblemException Unknown(string sequence) => ProblemException.NotFound($"There is no dead letter '{sequence}' in queue {OrderQueue.Name}, or somebody else has it at this moment.");
}

/// <summary>A dead letter as the API shows it.</summary>
public sealed record DeadLetterView(long Sequence, string MessageId, string Body, string? Reason, string? Description, int Deliveries, DateTimeOffset EnqueuedAt)
{
    const int Longest = 2_000;

    internal static DeadLetterView Of(ServiceBusReceivedMessage letter)
    {
        var body = letter.Body.ToString();
        return new(letter.SequenceNumber, letter.MessageId, body.Length > Longest ? body[..Longest] : body, letter.DeadLetterReason, letter.DeadLetterErrorDescription, letter.DeliveryCount, letter.EnqueuedTime);
    }
}
