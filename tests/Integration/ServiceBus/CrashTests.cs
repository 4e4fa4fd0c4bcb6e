using Selvedge.Local.Cosmos;
using Selvedge.Tests.Integration.Functions;

namespace Selvedge.Tests.Integration.ServiceBus;

/// <summary>What a killed process leaves behind. On the local broker only.</summary>
public class CrashTests
{
    [Fact]
    public async Task After_a_kill_all_that_was_not_settled_is_there_and_the_dead_holders_locks_are_not()
    {
        await using var rig = BusRig.Local();
        var sender = rig.Client.CreateSender("contract-plain");
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => sender.SendMessageAsync(new ServiceBusMessage($"{i}") { MessageId = $"m{i}" })));
        await sender.ScheduleMessageAsync(new ServiceBusMessage("scheduled") { MessageId = "s" }, rig.Now.AddHours(1));
        var receiver = rig.Client.CreateReceiver("contract-plain");
        var held = await receiver.ReceiveMessagesAsync(20);
        foreach (var message in held.Take(10)) { await receiver.CompleteMessageAsync(message); }
        rig.Crash();
        receiver = rig.Client.CreateReceiver("contract-plain");
        var left = await receiver.ReceiveMessagesAsync(100);
        var done = held.Take(10).Select(message => message.MessageId).ToHashSet();
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"m{i}").Where(id => !done.Contains(id)).Order(), left.Select(message => message.MessageId).Order());
        Assert.Equal(held.Skip(10).Select(message => message.MessageId).Order(), left.Where(message => message.DeliveryCount == 2).Select(message => message.MessageId).Order());
        rig.Time.Advance(TimeSpan.FromHours(1));
        Assert.Contains(await receiver.ReceiveMessagesAsync(100), message => message.MessageId == "s");
    }

    [Fact]
    public async Task A_message_that_kills_its_process_every_time_is_dead_lettered()
    {
        await using var rig = BusRig.Local();
        await rig.Client.CreateSender("contract-plain").SendMessageAsync(new ServiceBusMessage("kills"));
        for (var i = 1; i <= 3; i++)
        {
            Assert.Equal(i, (await rig.Client.CreateReceiver("contract-plain").ReceiveMessageAsync(TimeSpan.Zero)).DeliveryCount);
            rig.Crash();
        }
        Assert.Null(await rig.Client.CreateReceiver("contract-plain").ReceiveMessageAsync(TimeSpan.Zero));
        Assert.Equal("MaxDeliveryCountExceeded", (await rig.Client.CreateReceiver("contract-plain/$deadletterqueue").PeekMessageAsync()).DeadLetterReason);
    }

    [Fact]
    public async Task A_session_of_a_dead_holder_is_free_and_keeps_its_state()
    {
        await using var rig = BusRig.Local();
        await rig.Client.CreateSender("contract-sessions").SendMessagesAsync([new("1") { SessionId = "a" }, new("2") { SessionId = "a" }]);
        var holder = await rig.Client.AcceptNextSessionAsync("contract-sessions");
        await holder.SetSessionStateAsync(new BinaryData("half"));
        await holder.ReceiveMessageAsync();
        rig.Crash();
        var next = await rig.Client.AcceptNextSessionAsync("contract-sessions");
        Assert.Equal(("a", "half"), (next.SessionId, (await next.GetSessionStateAsync()).ToString()));
        Assert.Equal(["1", "2"], (await next.ReceiveMessagesAsync(5)).Select(message => message.Body.ToString()));
    }

    [Fact]
    public async Task A_message_id_is_remembered_across_a_kill()
    {
        await using var rig = BusRig.Local();
        await rig.Client.CreateSender("contract-dedupe").SendMessageAsync(new ServiceBusMessage("1") { MessageId = "a:1" });
        var receiver = rig.Client.CreateReceiver("contract-dedupe");
        await receiver.CompleteMessageAsync(await receiver.ReceiveMessageAsync());
        rig.Crash();
        await rig.Client.CreateSender("contract-dedupe").SendMessageAsync(new ServiceBusMessage("2") { MessageId = "a:1" });
        Assert.Null(await rig.Client.CreateReceiver("contract-dedupe").ReceiveMessageAsync(TimeSpan.Zero));
    }

    [Fact]
    public async Task A_closed_brokers_clients_are_told_and_its_queues_are_known_when_it_opens_again()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.Path);
        ServiceBusClient client;
        Task<ServiceBusReceivedMessage> waiting;
        using (var broker = ServiceBusBroker.Open(folder.Path))
        {
            broker.Declare(new QueueDefinition("q") { MaxDeliveryCount = 7 });
            broker.Declare(new QueueDefinition("empty"));
            client = broker.Connect();
            waiting = client.CreateReceiver("empty").ReceiveMessageAsync(TimeSpan.FromHours(1));
            await client.CreateSender("q").SendMessageAsync(new ServiceBusMessage("x"));
        }
        Assert.Equal(ServiceBusFailureReason.ServiceCommunicationProblem, (await Assert.ThrowsAsync<ServiceBusException>(() => waiting)).Reason);
        Assert.Equal(ServiceBusFailureReason.ServiceCommunicationProblem, (await Assert.ThrowsAsync<ServiceBusException>(() => client.CreateSender("q").SendMessageAsync(new ServiceBusMessage("y")))).Reason);
        using var again = ServiceBusBroker.Open(folder.Path);
        Assert.Equal(7, again.Queues.Single(queue => queue.Name == "q").MaxDeliveryCount);
        again.Declare(new QueueDefinition("q") { MaxDeliveryCount = 8 });
        Assert.Equal(8, again.Queues.Single(queue => queue.Name == "q").MaxDeliveryCount);
        Assert.Contains("holds messages", Assert.Throws<ServiceBusException>(() => again.Declare(new QueueDefinition("q") { RequiresSession = true })).Message, StringComparison.Ordinal);
        Assert.Equal("x", (await client.CreateReceiver("q").ReceiveMessageAsync(TimeSpan.Zero)).Body.ToString());
    }

    [Fact]
    public void A_damaged_file_is_refused_and_said_aloud()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.Path);
        var garbage = new byte[8192];
        new Random(1).NextBytes(garbage);
        File.WriteAllBytes(folder.File("servicebus.db"), garbage);
        Assert.Contains("servicebus.db", Assert.Throws<CosmosStoreException>(() => ServiceBusBroker.Open(folder.Path)).Message, StringComparison.Ordinal);
    }
}
