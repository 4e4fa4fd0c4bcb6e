using Selvedge.Channels;
using Selvedge.Orders;
using Selvedge.Platform;
using static Selvedge.Tests.Integration.Orders.OrderRig;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>An instance dies at every store call of an intake in turn, before the call or after it was done; another one finishes the work.</summary>
public class CrashTests
{
    public static TheoryData<ShortagePolicy, bool, bool> Cases()
    {
        var cases = new TheoryData<ShortagePolicy, bool, bool>();
        foreach (var policy in Enum.GetValues<ShortagePolicy>())
            foreach (var answered in new[] { false, true })
                foreach (var cancelled in new[] { false, true }) cases.Add(policy, answered, cancelled);
        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public async Task Whatever_call_is_the_last_one_the_order_is_decided_and_the_ledger_agrees(ShortagePolicy policy, bool done, bool cancelled)
    {
        await using var rig = await StartAsync();
        var channel = Channel(policy, "test", "WH1", "WH2");
        for (var last = 0; last < 30; last++)
        {
            var (a, b) = (await rig.StockAsync($"A{last}", 3, 1), await rig.StockAsync($"B{last}", last % 2 == 0 ? 1 : 5));
            var draft = Draft($"{last}", (a, 2), (b, 2));
            if (cancelled) await rig[0].TakeAsync(channel, draft);
            var doomed = rig.Add(hurried: true);
            await doomed.Get<SalesChannels>().ListAsync();
            var at = last;
            doomed.Mishaps = call => call < at ? null : call == at && done ? Mishap.AnswerLost : Mishap.Throttled;
            var ran = false;
            try
            {
                ran = (await doomed.TakeAsync(channel, cancelled ? draft with { Cancel = Cancelled } : draft)).Order.Intake is null;
            }
            catch (Exception died) when (died is ProblemException { Status: 503 } or HttpRequestException or InvalidOperationException or Microsoft.Azure.Cosmos.CosmosException) { }
            var calls = doomed.Calls;
            await rig.RecoverAsync();

            var order = await rig[0].ReadAsync($"test:{last}");
            // The sender, who had no answer, sends it again.
            if (!ran) order = (await rig[0].TakeAsync(channel, cancelled ? draft with { Cancel = Cancelled } : draft)).Order;
            Assert.NotNull(order);
            Assert.Null(order.Intake);
            Assert.Equal((order.Lines[0].Committed, order.Lines[1].Committed), (await rig.HeldAsync(a), await rig.HeldAsync(b)));
            if (cancelled && policy != ShortagePolicy.Refuse) Assert.Equal(OrderStatus.Cancelled, order.Status);
            else if (!cancelled) Assert.Equal(last % 2 == 1 ? (2, 2) : policy == ShortagePolicy.Refuse ? (0, 0) : (2, 1), ((int)order.Lines[0].Committed, (int)order.Lines[1].Committed));
            Assert.Empty((await rig.AuditAsync(a)).Concat(await rig.AuditAsync(b)));
            if (ran && calls <= last) return;
        }
        Assert.Fail("The intake makes more store calls than were tried.");
    }
}
