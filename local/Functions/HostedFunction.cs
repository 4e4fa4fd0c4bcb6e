using System.Globalization;
using System.Reflection;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Selvedge.Local.Functions;

/// <summary>One function, checked and compiled at start.</summary>
/// <param name="Definition">Its name and where its code is.</param>
/// <param name="Run">Constructs the class, binds the parameters, calls the method; yields its result.</param>
internal sealed record HostedFunction(HostedFunction.Identity Definition, Func<Invocation, ValueTask<object?>> Run)
{
    /// <summary>The function's name.</summary>
    public string Name => Definition.Name;

    /// <summary>What it answers, where its trigger is HTTP.</summary>
    public HttpRoute? Http { get; init; }

    /// <summary>When it runs, where its trigger is a timer.</summary>
    public TimerPlan? Timer { get; init; }

    /// <summary>The orchestration it is, where its trigger is one.</summary>
    public string? Orchestration { get; init; }

    /// <summary>The activity it is, where its trigger is one.</summary>
    public ActivityPlan? Activity { get; init; }

    /// <summary>An activity's name, and what its input is read as.</summary>
    internal sealed record ActivityPlan(string Name, Type Input);

    /// <summary>What it receives, where its trigger is a queue.</summary>
    public QueuePlan? Queue { get; init; }

    /// <summary>What it watches, where its trigger is a change feed.</summary>
    public FeedPlan? Feed { get; init; }

    /// <summary>A change feed, what its items are read as, and how a batch is tried again.</summary>
    internal sealed record FeedPlan(CosmosDBTriggerAttribute Trigger, Type Items, RetryPolicy Retry);

    /// <summary>What an HTTP function answers.</summary>
    /// <param name="Pattern">The route with host.json's prefix.</param>
    /// <param name="Methods">In upper case; empty: every method.</param>
    /// <param name="Result">What the method yields once awaited.</param>
    internal sealed record HttpRoute(RoutePattern Pattern, IReadOnlyList<string> Methods, Type Result);

    /// <summary>When a timer runs and how it is tried again.</summary>
    internal sealed record TimerPlan(TimerTriggerAttribute Trigger, TimerSchedule Schedule, RetryPolicy Retry);

    /// <summary>What a queue function receives.</summary>
    /// <param name="Trigger">As written.</param>
    /// <param name="Queue">The queue's name, settings resolved.</param>
    /// <param name="Bind">The trigger parameter's value for a message.</param>
    internal sealed record QueuePlan(ServiceBusTriggerAttribute Trigger, string Queue, Func<ServiceBus.ServiceBusReceivedMessage, object?> Bind);

    /// <summary>Tries after a failed run.</summary>
    /// <param name="MaxRetryCount">How many; −1 without limit.</param>
    /// <param name="FirstDelay">Time before the first.</param>
    /// <param name="MaxDelay">Longest time before one; the time doubles up to it.</param>
    internal sealed record RetryPolicy(int MaxRetryCount, TimeSpan FirstDelay, TimeSpan MaxDelay)
    {
        /// <summary>A run is not tried again.</summary>
        public static readonly RetryPolicy None = new(0, TimeSpan.Zero, TimeSpan.Zero);

        /// <summary>Time before retry number <paramref name="retry"/>, the first being 1.</summary>
        public TimeSpan DelayBefore(int retry) =>
            TimeSpan.FromTicks((long)Math.Min(FirstDelay.Ticks * Math.Pow(2, retry - 1), MaxDelay.Ticks));

        /// <summary>Reads the attribute on <paramref name="method"/>.</summary>
        /// <exception cref="LocalHostException">A time is malformed.</exception>
        public static RetryPolicy Of(string function, MethodInfo method) => method.GetCustomAttribute<RetryAttribute>() switch
        {
            null => None,
            FixedDelayRetryAttribute once => new(once.MaxRetryCount, Time(function, once.DelayInterval), Time(function, once.DelayInterval)),
            ExponentialBackoffRetryAttribute grows => new(grows.MaxRetryCount, Time(function, grows.MinimumInterval), Time(function, grows.MaximumInterval)),
            var other => throw new LocalHostException(ExitCode.Functions, $"Function {function}: {other.GetType().Name} is not a retry attribute this host knows."),
        };

        private static TimeSpan Time(string function, string text) => TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time) && time >= TimeSpan.Zero
            ? time
            : throw new LocalHostException(ExitCode.Functions, $"Function {function}: the retry interval '{text}' is not a time. Write it as hh:mm:ss.");
    }

    /// <summary>The definition middleware sees.</summary>
    internal sealed class Identity(string name, MethodInfo method) : FunctionDefinition
    {
        public override string Name { get; } = name;

        // The metadata generator hashes name and place; the name alone is unique here and as stable.
        public override string Id => Name;

        public override string EntryPoint { get; } = $"{method.DeclaringType!.FullName}.{method.Name}";

        public override string PathToAssembly { get; } = method.DeclaringType.Assembly.Location;
    }
}
