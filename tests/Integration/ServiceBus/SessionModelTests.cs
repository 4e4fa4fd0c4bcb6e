using CsCheck;

namespace Selvedge.Tests.Integration.ServiceBus;

/// <summary>Any interleaving of two holders over three sessions, with waits and kills: a session is one holder's at a time, and what is completed in it was completed in
/// the order it was sent, with nothing missing.</summary>
public class SessionModelTests
{
    private enum Kind { Send, Accept, Work, Abandon, Close, Renew, Wait, Crash }

    private static readonly Gen<(Kind Kind, int N)> Step = Gen.Select(Gen.Frequency(
        (6, Gen.Const(Kind.Send)), (4, Gen.Const(Kind.Accept)), (6, Gen.Const(Kind.Work)), (2, Gen.Const(Kind.Abandon)), (2, Gen.Const(Kind.Close)), (1, Gen.Const(Kind.Renew)),
        (2, Gen.Const(Kind.Wait)), (1, Gen.Const(Kind.Crash))), Gen.Int[0, 99]);

    [Fact]
    public async Task Sessions_stay_in_order_and_nobody_shares_one() => await Step.Array[1, 60].SampleAsync(RunAsync, iter: 60, threads: 1);

    private static async Task RunAsync((Kind Kind, int N)[] steps)
    {
        await using var rig = BusRig.Local();
        rig.Broker!.Declare(new QueueDefinition("lanes") { RequiresSession = true, MaxDeliveryCount = 2000, LockDuration = TimeSpan.FromSeconds(10) });
        var sent = new Dictionary<string, int>();
        var done = new Dictionary<string, int>();
        var holders = new (ServiceBusSessionReceiver? Session, DateTimeOffset Until)[2];
        bool Holds(int who) => holders[who].Session is not null && holders[who].Until > rig.Now;
        foreach (var (kind, n) in steps)
        {
            var who = n % 2;
            switch (kind)
            {
                case Kind.Send:
                    var lane = $"lane{n % 3}";
                    sent[lane] = sent.GetValueOrDefault(lane) + 1;
                    await rig.Client.CreateSender("lanes").SendMessageAsync(new ServiceBusMessage($"{sent[lane]}") { SessionId = lane });
                    break;
                case Kind.Accept when holders[who].Session is null:
                    var name = $"lane{n / 2 % 3}";
                    if (Holds(1 - who) && holders[1 - who].Session!.SessionId == name)
                    {
                        Assert.Equal(ServiceBusFailureReason.SessionCannotBeLocked, (await Assert.ThrowsAsync<ServiceBusException>(() => rig.Client.AcceptSessionAsync("lanes", name))).Reason);
                        break;
                    }
                    holders[who] = (await rig.Client.AcceptSessionAsync("lanes", name), rig.Now.AddSeconds(10));
                    break;
                case Kind.Work or Kind.Abandon when holders[who].Session is { } session:
                    if (!Holds(who))
                    {
                        Assert.Equal(ServiceBusFailureReason.SessionLockLost, (await Assert.ThrowsAsync<ServiceBusException>(() => session.ReceiveMessageAsync(TimeSpan.Zero))).Reason);
                        holders[who] = default;
                        break;
                    }
                    var message = await session.ReceiveMessageAsync(TimeSpan.Zero);
                    var next = done.GetValueOrDefault(session.SessionId) + 1;
                    Assert.Equal(next <= sent.GetValueOrDefault(session.SessionId) ? $"{next}" : null, message?.Body.ToString());
                    if (message is null) { break; }
                    if (kind == Kind.Abandon) { await session.AbandonMessageAsync(message); }
                    else
                    {
                        await session.CompleteMessageAsync(message);
                        done[session.SessionId] = next;
                    }
                    break;
                case Kind.Close when holders[who].Session is { } closing:
                    await closing.CloseAsync();
                    holders[who] = default;
                    break;
                case Kind.Renew when Holds(who):
                    await holders[who].Session!.RenewSessionLockAsync();
                    holders[who].Until = rig.Now.AddSeconds(10);
                    break;
                case Kind.Wait:
                    rig.Time.Advance(TimeSpan.FromSeconds(1 + (n % 12)));
                    break;
                case Kind.Crash:
                    rig.Crash();
                    (holders[0], holders[1]) = (default, default);
                    break;
            }
        }
        rig.Time.Advance(TimeSpan.FromSeconds(11));
        while (sent.Any(lane => done.GetValueOrDefault(lane.Key) < lane.Value))
        {
            await using var session = await rig.Client.AcceptNextSessionAsync("lanes");
            while (await session.ReceiveMessageAsync(TimeSpan.Zero) is { } message)
            {
                Assert.Equal($"{done[session.SessionId] = done.GetValueOrDefault(session.SessionId) + 1}", message.Body.ToString());
                await session.CompleteMessageAsync(message);
            }
        }
        Assert.Equal(sent, done);
    }
}
