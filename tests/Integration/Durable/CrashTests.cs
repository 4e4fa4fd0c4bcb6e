using System.Globalization;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Local.Durable;
using Selvedge.Local.Functions;
using Selvedge.Tests.Integration.Functions;

namespace Selvedge.Tests.Integration.Durable;

/// <summary>The engine is cut off at a commit, before or after it, as a power cut would; a new one on the same folder goes on. Whatever the
/// cut, each orchestration ends with the same result, each side effect has happened, and each result is recorded once.</summary>
public class CrashTests
{
    /// <summary>One step of a workflow.</summary>
    public sealed record Step(StepKind Kind, int Number, IReadOnlyList<Step> Within)
    {
        public override string ToString() => $"{Kind}{Number}({string.Join(',', Within)})";
    }

    public enum StepKind
    {
        Act,
        Fail,
        Spread,
        Sleep,
        Event,
        Call,
        Anew,
    }

    public class Workflow(Journal journal)
    {
        /// <summary>Does the steps and adds up what they give.</summary>
        [Function("Work")]
        public async Task<long> Work([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            var plan = context.GetInput<Plan>()!;
            var sum = plan.Sum;
            for (var i = 0; i < plan.Steps.Count; i++)
            {
                var step = plan.Steps[i];
                switch (step.Kind)
                {
                    case StepKind.Act:
                        sum += await context.CallActivityAsync<long>("Count", $"{plan.Path}/{step.Number}");
                        break;
                    case StepKind.Fail:
                        try { await context.CallActivityAsync("Refuse", $"{plan.Path}/{step.Number}"); }
                        catch (TaskFailedException) { sum += 1000; }
                        break;
                    case StepKind.Spread:
                        sum += (await Task.WhenAll(Enumerable.Range(0, 3).Select(part => context.CallActivityAsync<long>("Count", $"{plan.Path}/{step.Number}.{part}")))).Sum();
                        break;
                    case StepKind.Sleep:
                        await context.CreateTimer(TimeSpan.FromMinutes(5), CancellationToken.None);
                        sum += 7;
                        break;
                    case StepKind.Event:
                        await context.CallActivityAsync("Signal", $"{context.InstanceId}|{step.Number}");
                        sum += await context.WaitForExternalEvent<long>($"e{step.Number}");
                        break;
                    case StepKind.Call:
                        sum += await context.CallSubOrchestratorAsync<long>("Work", new Plan($"{plan.Path}/{step.Number}", 0, step.Within));
                        break;
                    case StepKind.Anew:
                        context.ContinueAsNew(new Plan(plan.Path, sum + 3, [.. plan.Steps.Skip(i + 1)]));
                        return -1;
                }
            }
            return sum;
        }

        [Function("Count")]
        public long Count([ActivityTrigger] string what)
        {
            journal.Add(what);
            return Value(what);
        }

        [Function("Refuse")]
        public void Refuse([ActivityTrigger] string what)
        {
            journal.Add(what);
            throw new InvalidOperationException(what);
        }

        // Raised again when the activity is run again: an event more than is awaited changes nothing.
        [Function("Signal")]
        public Task Signal([ActivityTrigger] string whom, [DurableClient] DurableTaskClient client)
        {
            var (instance, number) = (whom.Split('|')[0], whom.Split('|')[1]);
            return client.RaiseEventAsync(instance, $"E{number}", long.Parse(number, CultureInfo.InvariantCulture));
        }
    }

    public sealed record Plan(string Path, long Sum, IReadOnlyList<Step> Steps);

    private static long Value(string what) => what.Sum(letter => (long)letter);

    /// <summary>What the steps give when nothing can go wrong, and what they do on the way.</summary>
    private static long Straight(string path, IReadOnlyList<Step> steps, List<string> done)
    {
        var sum = 0L;
        foreach (var step in steps)
        {
            var place = $"{path}/{step.Number}";
            switch (step.Kind)
            {
                case StepKind.Act:
                    done.Add(place);
                    sum += Value(place);
                    break;
                case StepKind.Fail:
                    done.Add(place);
                    sum += 1000;
                    break;
                case StepKind.Spread:
                    for (var part = 0; part < 3; part++)
                    {
                        done.Add($"{place}.{part}");
                        sum += Value($"{place}.{part}");
                    }
                    break;
                case StepKind.Sleep:
                    sum += 7;
                    break;
                case StepKind.Event:
                    sum += step.Number;
                    break;
                case StepKind.Call:
                    sum += Straight(place, step.Within, done);
                    break;
                case StepKind.Anew:
                    sum += 3;
                    break;
            }
        }
        return sum;
    }

    /// <summary>Runs the plans, cutting the engine off at the given boundaries (counted from each start), and checks the end.</summary>
    private static async Task<int> SurviveAsync(IReadOnlyList<Step>[] plans, List<int> cuts, int hosts = 1, bool once = false)
    {
        using var folder = new TempFolder();
        var time = new ManualTime(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var journal = new Journal();
        var boundaries = 0;
        for (var life = 0; ; life++)
        {
            boundaries = 0;
            var cut = life < cuts.Count ? cuts[life] : int.MaxValue;
            var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var data = LocalData.Open(folder.File("data"));
            data.AtDurableCommit = _ =>
            {
                if (++boundaries < cut) { return; }
                ended.TrySetResult();
                throw new IOException("the plug is pulled");
            };
            var running = new List<DurableHost>();
            try
            {
                for (var i = 0; i < hosts; i++) { running.Add(await DurableHost.StartAsync([typeof(Workflow)], folder, time, journal, builder => builder.UseData(data))); }
                var client = running[0].Client;
                var all = Task.WhenAll(plans.Select(async (steps, i) =>
                {
                    try { await client.ScheduleNewOrchestrationInstanceAsync("Work", new Plan($"p{i}", 0, steps), new StartOrchestrationOptions($"p{i}").WithDedupeStatuses([.. StartOrchestrationOptionsExtensions.ValidDedupeStatuses])); }
                    catch (OrchestrationAlreadyExistsException) { }
                    return (await running[0].EndAsync($"p{i}")).ReadOutputAs<long>();
                }));
                while (await Task.WhenAny(all, ended.Task, Task.Delay(5, TestContext.Current.CancellationToken)) is var first && first != all && first != ended.Task) { time.Advance(TimeSpan.FromMinutes(1)); }
                if (ended.Task.IsCompleted) { continue; }
                var expected = new List<string>();
                Assert.Equal(plans.Select((steps, i) => Straight($"p{i}", steps, expected)), await all);
                Assert.Equal(expected.Order(), journal.Done.Keys.Order());
                if (once) { Assert.All(journal.Done, what => Assert.Equal(1, what.Value)); }
                return boundaries;
            }
            finally
            {
                foreach (var host in running) { await host.DisposeAsync(); }
            }
        }
    }

    private static readonly IReadOnlyList<Step> Everything =
    [
        new(StepKind.Act, 1, []), new(StepKind.Spread, 2, []), new(StepKind.Fail, 3, []), new(StepKind.Event, 4, []), new(StepKind.Sleep, 5, []),
        new(StepKind.Anew, 6, []), new(StepKind.Call, 7, [new(StepKind.Act, 8, []), new(StepKind.Anew, 9, []), new(StepKind.Event, 10, [])]), new(StepKind.Act, 11, []),
    ];

    [Fact]
    public async Task Cut_off_at_any_commit_the_orchestration_ends_the_same()
    {
        var whole = await SurviveAsync([Everything], []);
        Assert.True(whole > 40, $"{whole} boundaries");
        for (var cut = 1; cut <= whole; cut++) { await SurviveAsync([Everything], [cut]); }
    }

    [Fact]
    public async Task Cut_off_again_and_again_it_still_ends_the_same() => await SurviveAsync([Everything, Everything], [.. Enumerable.Range(1, 25)]);

    [Fact]
    public async Task Three_hosts_on_one_folder_do_each_thing_once()
    {
        await SurviveAsync([.. Enumerable.Repeat(Everything, 12)], [], hosts: 3, once: true);
    }

    private static readonly Gen<IReadOnlyList<Step>> Steps = Gen.Recursive<IReadOnlyList<Step>>((depth, inner) =>
        Gen.Select(Gen.Enum<StepKind>(), Gen.Int[0, 99], depth > 2 ? Gen.Const<IReadOnlyList<Step>>([]) : inner)
            .Select((kind, number, within) => new Step(kind, number, kind == StepKind.Call ? within : []))
            .List[0, 4]
            .Select(steps => (IReadOnlyList<Step>)[.. steps.Select((step, i) => step with { Number = (step.Number * 10) + i })]));

    [Fact]
    public async Task Random_workflows_under_random_cuts_end_as_if_nothing_had_happened() =>
        await Gen.Select(Steps.Array[1, 3], Gen.Int[1, 40].List[0, 4]).SampleAsync(async (plans, cuts) =>
        {
            await SurviveAsync(plans, cuts);
            return true;
        }, iter: 20, threads: 1);
}
