using System.Runtime.Serialization;

namespace Selvedge.Tests.Integration.ServiceBus;

/// <summary>Sending, receiving and settling, as the real service does it.</summary>
public class QueueTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    private static async Task<ServiceBusFailureReason> RefusedAsync(Func<Task> call) => (await Assert.ThrowsAsync<ServiceBusException>(call)).Reason;

    [Fact]
    public async Task A_message_arrives_with_all_that_was_sent_and_is_gone_once_completed()
    {
        await using var rig = await BusRig.StartAsync("contract-plain");
        var properties = new Dictionary<string, object> { ["text"] = "é", ["int"] = -3, ["long"] = 1L << 40, ["yes"] = true, ["double"] = 0.5, ["id"] = Guid.NewGuid(), ["time"] = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero) };
        var sent = new ServiceBusMessage("{\"orderId\":\"web:1\"}") { MessageId = "web:1:1", Subject = "due", CorrelationId = "c", ContentType = "application/json", ReplyTo = "r", To = "t" };
        foreach (var (name, value) in properties) { sent.ApplicationProperties[name] = value; }
        await rig.Client.CreateSender("contract-plain").SendMessageAsync(sent);
        var receiver = rig.Client.CreateReceiver("contract-plain");
        var message = await receiver.ReceiveMessageAsync(Soon);
        Assert.Equal(("web:1:1", "{\"orderId\":\"web:1\"}", "due", "c", "application/json", "r", "t"), (message.MessageId, message.Body.ToString(), message.Subject, message.CorrelationId, message.ContentType, message.ReplyTo, message.To));
        Assert.Equal(properties, message.ApplicationProperties);
        Assert.Equal((1, ServiceBusMessageState.Active), (message.DeliveryCount, message.State));
        Assert.True(message.LockedUntil > message.EnqueuedTime);
        await receiver.CompleteMessageAsync(message);
        Assert.Null(await receiver.PeekMessageAsync());
        Assert.Equal(ServiceBusFailureReason.MessageLockLost, await RefusedAsync(() => receiver.CompleteMessageAsync(message)));
    }

    [Fact]
    public async Task A_locked_message_is_nobody_elses_until_its_lock_ends_and_then_no_more_its_former_owners()
    {
        await using var rig = await BusRig.StartAsync("contract-plain");
        await rig.Client.CreateSender("contract-plain").SendMessageAsync(new ServiceBusMessage("a"));
        var (first, second) = (rig.Client.CreateReceiver("contract-plain"), rig.Client.CreateReceiver("contract-plain"));
        var stale = await first.ReceiveMessageAsync(Soon);
        Assert.Null(await second.ReceiveMessageAsync(TimeSpan.Zero));
        await rig.PassAsync(TimeSpan.FromSeconds(11));
        var mine = await second.ReceiveMessageAsync(Soon);
        Assert.Equal((2, stale.SequenceNumber), (mine.DeliveryCount, mine.SequenceNumber));
        Assert.Equal(ServiceBusFailureReason.MessageLockLost, await RefusedAsync(() => first.CompleteMessageAsync(stale)));
        Assert.Equal(ServiceBusFailureReason.MessageLockLost, await RefusedAsync(() => first.AbandonMessageAsync(stale)));
        Assert.Equal(ServiceBusFailureReason.MessageLockLost, await RefusedAsync(() => first.RenewMessageLockAsync(stale)));
        await second.CompleteMessageAsync(mine);
    }

    [Fact]
    public async Task A_lock_that_is_renewed_lasts()
    {
        await using var rig = await BusRig.StartAsync("contract-plain");
        await rig.Client.CreateSender("contract-plain").SendMessageAsync(new ServiceBusMessage("a"));
        var receiver = rig.Client.CreateReceiver("contract-plain");
        var message = await receiver.ReceiveMessageAsync(Soon);
        var until = message.LockedUntil;
        for (var i = 0; i < 3; i++)
        {
            await rig.PassAsync(TimeSpan.FromSeconds(6));
            await receiver.RenewMessageLockAsync(message);
        }
        Assert.True(message.LockedUntil >= until.AddSeconds(17));
        await receiver.CompleteMessageAsync(message);
    }

    [Fact]
    public async Task What_is_given_back_comes_again_first_with_what_was_noted_on_it()
    {
        await using var rig = await BusRig.StartAsync("contract-plain");
        await rig.Client.CreateSender("contract-plain").SendMessagesAsync([new ServiceBusMessage("a"), new ServiceBusMessage("b")]);
        var receiver = rig.Client.CreateReceiver("contract-plain");
        await receiver.AbandonMessageAsync(await receiver.ReceiveMessageAsync(Soon), new Dictionary<string, object> { ["why"] = "later" });
        var both = await receiver.ReceiveMessagesAsync(5, Soon);
        Assert.Equal([("a", 2), ("b", 1)], both.Select(message => (message.Body.ToString(), message.DeliveryCount)));
        Assert.Equal("later", both[0].ApplicationProperties["why"]);
        foreach (var message in both) { await receiver.CompleteMessageAsync(message); }
    }

    [Fact]
    public async Task What_fails_every_time_is_dead_lettered_says_why_and_can_be_sent_again()
    {
        await using var rig = await BusRig.StartAsync("contract-plain");
        var sender = rig.Client.CreateSender("contract-plain");
        await sender.SendMessageAsync(new ServiceBusMessage("poison") { MessageId = "p" });
        var receiver = rig.Client.CreateReceiver("contract-plain");
        await receiver.AbandonMessageAsync(await receiver.ReceiveMessageAsync(Soon));
        await receiver.AbandonMessageAsync(await receiver.ReceiveMessageAsync(Soon));
        Assert.NotNull(await receiver.ReceiveMessageAsync(Soon));
        await rig.PassAsync(TimeSpan.FromSeconds(11));
        Assert.Null(await receiver.ReceiveMessageAsync(TimeSpan.Zero));

        var letters = rig.Client.CreateReceiver("contract-plain", new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter });
        Assert.Equal("contract-plain/$deadletterqueue", letters.EntityPath);
        var seen = Assert.Single(await letters.PeekMessagesAsync(10));
        Assert.Equal(("p", "MaxDeliveryCountExceeded", 3), (seen.MessageId, seen.DeadLetterReason, seen.DeliveryCount));
        Assert.Contains("3", seen.DeadLetterErrorDescription, StringComparison.Ordinal);
        var letter = await letters.ReceiveMessageAsync(Soon);
        await sender.SendMessageAsync(new ServiceBusMessage(letter));
        await letters.CompleteMessageAsync(letter);
        var again = await receiver.ReceiveMessageAsync(Soon);
        Assert.Equal(("poison", "p", 1, null), (again.Body.ToString(), again.MessageId, again.DeliveryCount, again.DeadLetterReason));
        await receiver.CompleteMessageAsync(again);
    }

    [Fact]
    public async Task Dead_lettered_by_hand_it_keeps_the_reason_given_and_stays_however_often_it_is_looked_at()
    {
        await using var rig = await BusRig.StartAsync("contract-plain");
        await rig.Client.CreateSender("contract-plain").SendMessageAsync(new ServiceBusMessage("x"));
        var receiver = rig.Client.CreateReceiver("contract-plain");
        await receiver.DeadLetterMessageAsync(await receiver.ReceiveMessageAsync(Soon), new Dictionary<string, object> { ["order"] = "web:9" }, "NoSuchOrder", "web:9 is not there");
        var letters = rig.Client.CreateReceiver("contract-plain/$deadletterqueue");
        for (var i = 0; i < 5; i++) { await letters.AbandonMessageAsync(await letters.ReceiveMessageAsync(Soon)); }
        var letter = await letters.ReceiveMessageAsync(Soon);
        Assert.Equal(("NoSuchOrder", "web:9 is not there", "web:9"), (letter.DeadLetterReason, letter.DeadLetterErrorDescription, letter.ApplicationProperties["order"]));
        await letters.CompleteMessageAsync(letter);
    }

    [Fact]
    public async Task What_is_put_aside_is_received_by_its_number_only()
    {
        await using var rig = await BusRig.StartAsync("contract-plain");
        await rig.Client.CreateSender("contract-plain").SendMessageAsync(new ServiceBusMessage("later"));
        var receiver = rig.Client.CreateReceiver("contract-plain");
        var message = await receiver.ReceiveMessageAsync(Soon);
        await receiver.DeferMessageAsync(message);
        Assert.Null(await receiver.ReceiveMessageAsync(TimeSpan.Zero));
        Assert.Equal(ServiceBusMessageState.Deferred, (await receiver.PeekMessageAsync(message.SequenceNumber)).State);
        var deferred = await receiver.ReceiveDeferredMessageAsync(message.SequenceNumber);
        Assert.Equal("later", deferred.Body.ToString());
        await receiver.CompleteMessageAsync(deferred);
        Assert.Equal(ServiceBusFailureReason.MessageNotFound, await RefusedAsync(() => receiver.ReceiveDeferredMessageAsync(message.SequenceNumber)));
    }

    [Fact]
    public async Task A_message_id_sent_twice_within_the_window_arrives_once_even_when_the_first_is_done()
    {
        await using var rig = await BusRig.StartAsync("contract-dedupe");
        var sender = rig.Client.CreateSender("contract-dedupe");
        var receiver = rig.Client.CreateReceiver("contract-dedupe");
        var id = $"web:{Guid.NewGuid():N}:1";
        await sender.SendMessageAsync(new ServiceBusMessage("1") { MessageId = id });
        await receiver.CompleteMessageAsync(await receiver.ReceiveMessageAsync(Soon));
        await sender.SendMessageAsync(new ServiceBusMessage("2") { MessageId = id });
        Assert.Null(await receiver.ReceiveMessageAsync(TimeSpan.Zero));
        await rig.PassAsync(TimeSpan.FromSeconds(21));
        await sender.SendMessageAsync(new ServiceBusMessage("3") { MessageId = id });
        var third = await receiver.ReceiveMessageAsync(Soon);
        Assert.Equal("3", third.Body.ToString());
        await receiver.CompleteMessageAsync(third);
    }

    [Fact]
    public async Task A_scheduled_message_waits_for_its_time_and_can_be_taken_back_until_then()
    {
        await using var rig = await BusRig.StartAsync("contract-plain");
        var sender = rig.Client.CreateSender("contract-plain");
        var receiver = rig.Client.CreateReceiver("contract-plain");
        var kept = await sender.ScheduleMessageAsync(new ServiceBusMessage("kept"), rig.Now.AddSeconds(10));
        var cancelled = await sender.ScheduleMessageAsync(new ServiceBusMessage("cancelled"), rig.Now.AddSeconds(10));
        Assert.Equal(ServiceBusMessageState.Scheduled, (await receiver.PeekMessageAsync(kept)).State);
        await sender.CancelScheduledMessageAsync(cancelled);
        Assert.Null(await receiver.ReceiveMessageAsync(TimeSpan.Zero));
        await rig.PassAsync(TimeSpan.FromSeconds(10));
        var message = await receiver.ReceiveMessageAsync(Soon);
        Assert.Equal("kept", message.Body.ToString());
        Assert.NotEqual(kept, message.SequenceNumber);
        await receiver.CompleteMessageAsync(message);
        Assert.Null(await receiver.PeekMessageAsync(1));
        Assert.Equal(ServiceBusFailureReason.MessageNotFound, await RefusedAsync(() => sender.CancelScheduledMessageAsync(kept)));
    }

    [Fact]
    public async Task What_nobody_received_in_its_time_is_dropped_or_dead_lettered_as_the_queue_says()
    {
        foreach (var (queue, letters) in ((string, int)[])[("contract-plain", 0), ("contract-expiring", 1)])
        {
            await using var rig = await BusRig.StartAsync(queue);
            await rig.Client.CreateSender(queue).SendMessageAsync(new ServiceBusMessage("old") { TimeToLive = TimeSpan.FromSeconds(3) });
            await rig.PassAsync(TimeSpan.FromSeconds(4));
            Assert.Null(await rig.Client.CreateReceiver(queue).ReceiveMessageAsync(TimeSpan.Zero));
            var dead = await rig.Client.CreateReceiver($"{queue}/$deadletterqueue").PeekMessagesAsync(5);
            Assert.Equal(Enumerable.Repeat("TTLExpiredException", letters), dead.Select(message => message.DeadLetterReason));
        }
    }

    [Fact]
    public async Task What_is_larger_than_the_standard_tier_takes_is_refused()
    {
        await using var rig = await BusRig.StartAsync("contract-plain");
        var sender = rig.Client.CreateSender("contract-plain");
        Assert.Equal(ServiceBusFailureReason.MessageSizeExceeded, await RefusedAsync(() => sender.SendMessageAsync(new ServiceBusMessage(new byte[256 * 1024]))));
        Assert.Equal(ServiceBusFailureReason.MessageSizeExceeded, await RefusedAsync(() => sender.SendMessagesAsync(Enumerable.Range(0, 3).Select(_ => new ServiceBusMessage(new byte[100_000])))));
        using var batch = await sender.CreateMessageBatchAsync();
        while (batch.TryAddMessage(new ServiceBusMessage(new byte[100_000]))) { }
        Assert.Equal(2, batch.Count);
        Assert.InRange(batch.SizeInBytes, 200_000, batch.MaxSizeInBytes);
        await sender.SendMessagesAsync(batch);
        var receiver = rig.Client.CreateReceiver("contract-plain", new ServiceBusReceiverOptions { ReceiveMode = ServiceBusReceiveMode.ReceiveAndDelete });
        Assert.NotNull(await receiver.ReceiveMessageAsync(Soon));
        Assert.NotNull(await receiver.ReceiveMessageAsync(Soon));
        Assert.Null(await receiver.PeekMessageAsync());
    }

    [Fact]
    public async Task What_the_service_does_not_take_is_refused_and_says_what_it_was()
    {
        await using var rig = await BusRig.StartAsync("contract-plain");
        Assert.Equal(ServiceBusFailureReason.MessagingEntityNotFound, await RefusedAsync(() => rig.Client.CreateSender("nowhere").SendMessageAsync(new ServiceBusMessage("x"))));
        var odd = new ServiceBusMessage("x");
        odd.ApplicationProperties["list"] = new List<int>();
        Assert.Contains("list", (await Assert.ThrowsAsync<SerializationException>(() => rig.Client.CreateSender("contract-plain").SendMessageAsync(odd))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => odd.MessageId = new string('x', 129));
        Assert.Throws<ArgumentOutOfRangeException>(() => odd.SessionId = new string('x', 129));
        Assert.Throws<ArgumentOutOfRangeException>(() => odd.TimeToLive = TimeSpan.Zero);
        await rig.Client.CreateSender("contract-plain").SendMessageAsync(new ServiceBusMessage("x"));
        var receiver = rig.Client.CreateReceiver("contract-plain");
        var peeked = await receiver.PeekMessageAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => receiver.CompleteMessageAsync(peeked));
        await receiver.CompleteMessageAsync(await receiver.ReceiveMessageAsync(Soon));
    }

    [Fact]
    public async Task Who_waits_is_woken_by_a_message_and_a_wait_can_be_given_up()
    {
        await using var rig = await BusRig.StartAsync("contract-plain");
        var receiver = rig.Client.CreateReceiver("contract-plain");
        using var given = new CancellationTokenSource();
        var givenUp = receiver.ReceiveMessageAsync(TimeSpan.FromMinutes(1), given.Token);
        var waiting = rig.Client.CreateReceiver("contract-plain").ReceiveMessageAsync(TimeSpan.FromMinutes(1));
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenUp);
        await rig.Client.CreateSender("contract-plain").SendMessageAsync(new ServiceBusMessage("x"));
        var message = await waiting;
        Assert.Equal("x", message.Body.ToString());
        await receiver.CompleteMessageAsync(message);
    }
}
