using Selvedge.Local.Durable;

// Where the official ones are: beside the other triggers.
namespace Selvedge.Local.Functions;

/// <summary>Runs the function as an orchestrator: it is replayed from its history (official:
/// Microsoft.Azure.Functions.Worker.OrchestrationTriggerAttribute).</summary>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class OrchestrationTriggerAttribute : TriggerBindingAttribute
{
    /// <summary>The orchestration is named as the function.</summary>
    public OrchestrationTriggerAttribute() { }

    /// <summary>The orchestration's name where it is not the function's.</summary>
    public string? Orchestration { get; set; }
}

/// <summary>Runs the function as an activity, at least once for each time an orchestrator calls it.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class ActivityTriggerAttribute : TriggerBindingAttribute
{
    /// <summary>The activity is named as the function.</summary>
    public ActivityTriggerAttribute() { }

    /// <summary>The activity's name where it is not the function's.</summary>
    public string? Activity { get; set; }
}

/// <summary>Binds a <see cref="DurableTaskClient"/>.</summary>
public sealed class DurableClientAttribute : InputBindingAttribute
{
    /// <summary>The client of the app's own task hub.</summary>
    public DurableClientAttribute() { }

    /// <summary>Another task hub; the local host has only the app's own and refuses to start with another.</summary>
    public string? TaskHub { get; set; }

    /// <summary>The setting with the connection; not used here.</summary>
    public string? ConnectionName { get; set; }
}
