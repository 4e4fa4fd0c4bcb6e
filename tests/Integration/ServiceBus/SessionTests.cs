namespace Selvedge.Tests.Integration.ServiceBus;

/// <summary>Sessions: one holder at a time, in order, with what was noted on them.</summary>
public class SessionTests
{
    private const string Queue = "contract-sessions";
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    private readonly string run = Guid.NewGuid().ToString("N")[..8];

    private static async Task<ServiceBusFailureReason> RefusedAsync(Func<Task> call) => (await Assert.ThrowsAsync<ServiceBusException>(call)).Reason;

    private ServiceBusMessage In(string session, string body) => new(body) { SessionId = $"{session}-{run}" };

    [Fact]
    public async Task A_session_is_received_in_order_by_one_while_others_are_anothers()
    {
        await using var rig = await BusRig.StartAsync(Queue);
        var sender = rig.Client.CreateSender(Queue);
        await sender.SendMessagesAsync([In("a", "1"), In("b", "2"), In("a", "3")]);
        await using var first = await rig.Client.AcceptNextSessionAsync(Queue);
        await using var second = await rig.Client.AcceptNextSessionAsync(Queue);
        Assert.Equal([$"a-{run}", $"b-{run}"], new[] { first.SessionId, second.SessionId }.Order());
        var a = first.SessionId[0] == 'a' ? first : second;
        Assert.Equal(ServiceBusFailureReason.SessionCannotBeLocked, await RefusedAsync(() => rig.Client.AcceptSessionAsync(Queue, a.SessionId)));
        var one = await a.ReceiveMessageAsync(Soon);
        await a.AbandonMessageAsync(one);
        one = await a.ReceiveMessageAsync(Soon);
        Assert.Equal(("1", 2), (one.Body.ToString(), one.DeliveryCount));
        await a.CompleteMessageAsync(one);
        var three = await a.ReceiveMessageAsync(Soon);
        Assert.Equal("3", three.Body.ToString());
        await a.CompleteMessageAsync(three);
        var b = a == first ? second : first;
        await b.CompleteMessageAsync(await b.ReceiveMessageAsync(Soon));
    }

    [Fact]
    public async Task A_session_whose_lock_ended_is_anothers_with_its_messages_and_its_state()
    {
        await using var rig = await BusRig.StartAsync(Queue);
        await rig.Client.CreateSender(Queue).SendMessageAsync(In("a", "1"));
        var former = await rig.Client.AcceptSessionAsync(Queue, $"a-{run}");
        await former.SetSessionStateAsync(new BinaryData("half"));
        var held = await former.ReceiveMessageAsync(Soon);
        await rig.PassAsync(TimeSpan.FromSeconds(6));
        await former.RenewSessionLockAsync();
        await rig.PassAsync(TimeSpan.FromSeconds(11));
        var next = await rig.Client.AcceptSessionAsync(Queue, $"a-{run}");
        Assert.Equal("half", (await next.GetSessionStateAsync()).ToString());
        Assert.Equal(ServiceBusFailureReason.SessionLockLost, await RefusedAsync(() => former.CompleteMessageAsync(held)));
        Assert.Equal(ServiceBusFailureReason.SessionLockLost, await RefusedAsync(() => former.RenewSessionLockAsync()));
        Assert.Equal(ServiceBusFailureReason.SessionLockLost, await RefusedAsync(() => former.SetSessionStateAsync(null)));
        var again = await next.ReceiveMessageAsync(Soon);
        Assert.Equal(2, again.DeliveryCount);
        await next.CompleteMessageAsync(again);
        await next.SetSessionStateAsync(null);
        Assert.Null(await next.GetSessionStateAsync());
        await next.CloseAsync();
        await former.CloseAsync();
    }

    [Fact]
    public async Task A_session_let_go_gives_its_messages_back_uncounted()
    {
        await using var rig = await BusRig.StartAsync(Queue);
        await rig.Client.CreateSender(Queue).SendMessageAsync(In("a", "1"));
        for (var i = 0; i < 5; i++)
        {
            await using var holder = await rig.Client.AcceptSessionAsync(Queue, $"a-{run}");
            Assert.Equal(1, (await holder.ReceiveMessageAsync(Soon)).DeliveryCount);
        }
        await using var last = await rig.Client.AcceptSessionAsync(Queue, $"a-{run}");
        await last.CompleteMessageAsync(await last.ReceiveMessageAsync(Soon));
    }

    [Fact]
    public async Task A_holder_and_who_waits_for_a_session_are_woken_by_a_message()
    {
        await using var rig = await BusRig.StartAsync(Queue);
        var sender = rig.Client.CreateSender(Queue);
        await using var holder = await rig.Client.AcceptSessionAsync(Queue, $"a-{run}");
        var mine = holder.ReceiveMessageAsync(Soon);
        var next = rig.Client.AcceptNextSessionAsync(Queue);
        await sender.SendMessageAsync(In("a", "mine"));
        await holder.CompleteMessageAsync(await mine);
        await sender.SendMessageAsync(In("b", "other"));
        await using var other = await next;
        Assert.Equal($"b-{run}", other.SessionId);
        await other.CompleteMessageAsync(await other.ReceiveMessageAsync(Soon));
    }

    [Fact]
    public async Task A_scheduled_wake_up_of_a_session_wakes_it()
    {
        await using var rig = await BusRig.StartAsync(Queue);
        await rig.Client.CreateSender(Queue).ScheduleMessageAsync(In("a", "wake"), rig.Now.AddSeconds(8));
        await using (var early = await rig.Client.AcceptSessionAsync(Queue, $"a-{run}")) { Assert.Null(await early.ReceiveMessageAsync(TimeSpan.Zero)); }
        var accepting = rig.Client.AcceptNextSessionAsync(Queue);
        await rig.PassAsync(TimeSpan.FromSeconds(8));
        await using var session = await accepting;
        var message = await session.ReceiveMessageAsync(Soon);
        Assert.Equal("wake", message.Body.ToString());
        await session.CompleteMessageAsync(message);
    }

    [Fact]
    public async Task Sessions_where_there_are_none_and_none_where_there_are_is_refused()
    {
        await using var rig = await BusRig.StartAsync("contract-plain");
        await Assert.ThrowsAsync<InvalidOperationException>(() => rig.Client.CreateSender(Queue).SendMessageAsync(new ServiceBusMessage("x")));
        await Assert.ThrowsAsync<InvalidOperationException>(() => rig.Client.CreateReceiver(Queue).ReceiveMessageAsync(TimeSpan.Zero));
        await Assert.ThrowsAsync<InvalidOperationException>(() => rig.Client.AcceptSessionAsync("contract-plain", "s"));
    }
}
