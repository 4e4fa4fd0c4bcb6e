using CsCheck;

namespace Selvedge.Tests.Integration.ServiceBus;

/// <summary>Any sequence of sends, receives, settlements, waits and kills does to the broker what it does to a list in memory: nothing lost, nothing delivered to two
/// holders of a lock, order kept, duplicates dropped, former owners refused.</summary>
public class QueueModelTests
{
    private enum Kind { Send, Schedule, Receive, Complete, Abandon, DeadLetter, Defer, ReceiveDeferred, Renew, Wait, Crash }

    private static readonly Gen<(Kind Kind, int N)> Step = Gen.Select(Gen.Frequency(
        (6, Gen.Const(Kind.Send)), (2, Gen.Const(Kind.Schedule)), (6, Gen.Const(Kind.Receive)), (4, Gen.Const(Kind.Complete)), (3, Gen.Const(Kind.Abandon)), (1, Gen.Const(Kind.DeadLetter)),
        (1, Gen.Const(Kind.Defer)), (1, Gen.Const(Kind.ReceiveDeferred)), (1, Gen.Const(Kind.Renew)), (3, Gen.Const(Kind.Wait)), (1, Gen.Const(Kind.Crash))), Gen.Int[0, 99]);

    private sealed class Entry(string id, long order)
    {
        public string Id => id;
        public long Order { get; set; } = order;
        public int Deliveries { get; set; }
        public DateTimeOffset? Due { get; set; }
        public bool Scheduled { get; set; }
        public bool Deferred { get; set; }
        public ServiceBusReceivedMessage? Lock { get; set; }
    }

    /// <summary>The queue as it should be.</summary>
    private sealed class Model(int maxDeliveries, TimeSpan lockDuration, TimeSpan window)
    {
        private long order;

        public List<Entry> Live { get; } = [];
        public HashSet<string> Dead { get; } = [];
        public Dictionary<string, DateTimeOffset> Seen { get; } = [];
        public TimeSpan LockDuration => lockDuration;

        public void Send(string id, DateTimeOffset now, DateTimeOffset? due)
        {
            if (Seen.GetValueOrDefault(id) > now) { return; }
            Seen[id] = now + window;
            Live.Add(new Entry(id, ++order) { Due = due, Scheduled = due is not null });
        }

        public List<Entry> Available(int most) => [.. Live.Where(entry => entry is { Scheduled: false, Deferred: false, Lock: null }).OrderBy(entry => entry.Order).Take(most)];

        public void Release(Entry entry)
        {
            (entry.Lock, entry.Due) = (null, null);
            if (entry.Deliveries >= maxDeliveries) { Kill(entry); }
        }

        public void Kill(Entry entry)
        {
            Live.Remove(entry);
            Dead.Add($"{entry.Id}#{entry.Deliveries}");
        }

        public void Pass(DateTimeOffset now)
        {
            foreach (var entry in Live.Where(entry => entry.Due <= now).OrderBy(entry => entry.Due).ThenBy(entry => entry.Order).ToList())
            {
                if (entry.Scheduled) { (entry.Scheduled, entry.Due, entry.Order) = (false, null, ++order); }
                else { Release(entry); }
            }
        }
    }

    [Fact]
    public async Task The_broker_does_what_a_list_in_memory_does() => await Step.Array[1, 60].SampleAsync(RunAsync, iter: 60, threads: 1);

    private static async Task RunAsync((Kind Kind, int N)[] steps)
    {
        await using var rig = BusRig.Local();
        var queue = new QueueDefinition("model") { MaxDeliveryCount = 3, LockDuration = TimeSpan.FromSeconds(10), RequiresDuplicateDetection = true, DuplicateDetectionHistoryTimeWindow = TimeSpan.FromSeconds(30) };
        rig.Broker!.Declare(queue);
        var model = new Model(queue.MaxDeliveryCount, queue.LockDuration, queue.DuplicateDetectionHistoryTimeWindow);
        var everLocked = new List<(Entry Entry, ServiceBusReceivedMessage Lock)>();
        foreach (var (kind, n) in steps)
        {
            var sender = rig.Client.CreateSender("model");
            var receiver = rig.Client.CreateReceiver("model");
            switch (kind)
            {
                case Kind.Send:
                    await sender.SendMessageAsync(new ServiceBusMessage($"{n % 12}") { MessageId = $"{n % 12}" });
                    model.Send($"{n % 12}", rig.Now, null);
                    break;
                case Kind.Schedule:
                    await sender.ScheduleMessageAsync(new ServiceBusMessage($"s{n % 12}") { MessageId = $"s{n % 12}" }, rig.Now.AddSeconds(1 + (n % 20)));
                    model.Send($"s{n % 12}", rig.Now, rig.Now.AddSeconds(1 + (n % 20)));
                    break;
                case Kind.Receive:
                    var expected = model.Available(1 + (n % 3));
                    foreach (var entry in expected) { entry.Deliveries++; }
                    var received = await receiver.ReceiveMessagesAsync(1 + (n % 3), TimeSpan.Zero);
                    Assert.Equal(expected.Select(entry => (entry.Id, entry.Deliveries)), received.Select(message => (message.MessageId, message.DeliveryCount)));
                    foreach (var (entry, message) in expected.Zip(received)) { Hold(entry, message); }
                    break;
                case Kind.ReceiveDeferred when model.Live.Where(entry => entry is { Deferred: true, Lock: null }).ToList() is { Count: > 0 } aside:
                    var wanted = aside[n % aside.Count];
                    wanted.Deliveries++;
                    Hold(wanted, await receiver.ReceiveDeferredMessageAsync((await FindAsync(receiver, wanted.Id)).SequenceNumber));
                    break;
                case Kind.Complete or Kind.Abandon or Kind.DeadLetter or Kind.Defer or Kind.Renew when everLocked.Count > 0:
                    await SettleAsync(receiver, kind, everLocked[^(1 + (n % Math.Min(4, everLocked.Count)))]);
                    break;
                case Kind.Wait:
                    rig.Time.Advance(TimeSpan.FromSeconds(1 + (n % 12)));
                    model.Pass(rig.Now);
                    break;
                case Kind.Crash:
                    rig.Crash();
                    foreach (var entry in model.Live.Where(entry => entry.Lock is not null).ToList()) { model.Release(entry); }
                    break;
            }
        }
        var left = await rig.Client.CreateReceiver("model").PeekMessagesAsync(200, 1);
        Assert.Equal(model.Live.OrderBy(entry => entry.Order).Select(entry => (entry.Id, entry.Deliveries)), left.Select(message => (message.MessageId, message.DeliveryCount)));
        var dead = await rig.Client.CreateReceiver("model/$deadletterqueue").PeekMessagesAsync(200);
        Assert.Equal(model.Dead.Order(), dead.Select(message => $"{message.MessageId}#{message.DeliveryCount}").Order());

        void Hold(Entry entry, ServiceBusReceivedMessage message)
        {
            (entry.Lock, entry.Due) = (message, rig.Now + model.LockDuration);
            everLocked.Add((entry, message));
        }

        async Task SettleAsync(ServiceBusReceiver receiver, Kind kind, (Entry Entry, ServiceBusReceivedMessage Lock) held)
        {
            var (entry, message) = held;
            Task Call() => kind switch
            {
                Kind.Complete => receiver.CompleteMessageAsync(message),
                Kind.Abandon => receiver.AbandonMessageAsync(message),
                Kind.DeadLetter => receiver.DeadLetterMessageAsync(message, "asked"),
                Kind.Defer => receiver.DeferMessageAsync(message),
                _ => receiver.RenewMessageLockAsync(message),
            };
            if (entry.Lock != message || !model.Live.Contains(entry))
            {
                Assert.Equal(ServiceBusFailureReason.MessageLockLost, (await Assert.ThrowsAsync<ServiceBusException>(Call)).Reason);
                return;
            }
            await Call();
            switch (kind)
            {
                case Kind.Complete: model.Live.Remove(entry); break;
                case Kind.Abandon: model.Release(entry); break;
                case Kind.DeadLetter: model.Kill(entry); break;
                case Kind.Defer: (entry.Deferred, entry.Lock, entry.Due) = (true, null, null); break;
                default: entry.Due = rig.Now + model.LockDuration; break;
            }
        }
    }

    private static async Task<ServiceBusReceivedMessage> FindAsync(ServiceBusReceiver receiver, string id) =>
        (await receiver.PeekMessagesAsync(200, 1)).First(message => message.MessageId == id && message.State == ServiceBusMessageState.Deferred);
}
