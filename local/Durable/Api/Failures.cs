namespace Selvedge.Local.Durable;

/// <summary>An activity or sub-orchestration failed; thrown in the orchestrator that awaits it.</summary>
public sealed class TaskFailedException : Exception
{
    /// <param name="taskName">The activity's or orchestration's name.</param>
    /// <param name="taskId">Its number in the orchestrator's history.</param>
    /// <param name="innerException">What it threw.</param>
    public TaskFailedException(string taskName, int taskId, Exception innerException)
        : base(Text(taskName, taskId, innerException?.Message), innerException) =>
        (TaskName, TaskId, FailureDetails) = (taskName, taskId, TaskFailureDetails.FromException(innerException!));

    /// <param name="taskName">The activity's or orchestration's name.</param>
    /// <param name="taskId">Its number in the orchestrator's history.</param>
    /// <param name="failureDetails">What is known of the failure.</param>
    public TaskFailedException(string taskName, int taskId, TaskFailureDetails failureDetails)
        : base(Text(taskName, taskId, failureDetails?.ErrorMessage)) =>
        (TaskName, TaskId, FailureDetails) = (taskName, taskId, failureDetails ?? throw new ArgumentNullException(nameof(failureDetails)));

    /// <summary>The activity's or orchestration's name.</summary>
    public string TaskName { get; }

    /// <summary>Its number in the orchestrator's history.</summary>
    public int TaskId { get; }

    /// <summary>What is known of the failure.</summary>
    public TaskFailureDetails FailureDetails { get; }

    private static string Text(string name, int id, string? message) => $"Task '{name}' (#{id}) failed with an unhandled exception: {message}";
}

/// <summary>A failure as it is stored: the exception itself does not outlive the process.</summary>
/// <param name="ErrorType">The exception's full type name.</param>
/// <param name="ErrorMessage">Its message.</param>
/// <param name="StackTrace">Its stack trace.</param>
/// <param name="InnerFailure">What caused it.</param>
/// <param name="Properties">What else is known.</param>
public record TaskFailureDetails(string ErrorType, string ErrorMessage, string? StackTrace, TaskFailureDetails? InnerFailure, IDictionary<string, object?>? Properties)
{
    /// <summary>Whether the failure was an exception of type <typeparamref name="T"/> or one derived.</summary>
    public bool IsCausedBy<T>() where T : Exception => IsCausedBy(typeof(T));

    /// <summary>Whether the failure was an exception of this type or one derived.</summary>
    public bool IsCausedBy(Type targetBaseExceptionType)
    {
        ArgumentNullException.ThrowIfNull(targetBaseExceptionType);
        if (!typeof(Exception).IsAssignableFrom(targetBaseExceptionType)) { throw new ArgumentException($"The type {targetBaseExceptionType} is not an exception.", nameof(targetBaseExceptionType)); }
        if (ErrorType == targetBaseExceptionType.FullName || targetBaseExceptionType == typeof(Exception)) { return true; }
        var type = Type.GetType(ErrorType) ?? targetBaseExceptionType.Assembly.GetType(ErrorType)
            ?? AppDomain.CurrentDomain.GetAssemblies().Select(assembly => assembly.GetType(ErrorType)).FirstOrDefault(found => found is not null);
        return type is not null && targetBaseExceptionType.IsAssignableFrom(type);
    }

    /// <summary>What is stored of <paramref name="exception"/>.</summary>
    public static TaskFailureDetails FromException(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        var inner = exception is TaskFailedException task ? task.FailureDetails : exception.InnerException is { } cause ? FromException(cause) : null;
        return new(exception.GetType().FullName!, exception.Message, exception.StackTrace, inner, null);
    }

    /// <summary>The type and message in a line.</summary>
    public override string ToString() => $"{ErrorType}: {ErrorMessage}";
}

/// <summary>An instance of the id exists already (official: DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException).</summary>
public class OrchestrationAlreadyExistsException : Exception
{
    /// <summary>Without a message.</summary>
    public OrchestrationAlreadyExistsException() { }

    /// <param name="message">Which instance, and its status.</param>
    public OrchestrationAlreadyExistsException(string message) : base(message) { }

    /// <param name="message">Which instance, and its status.</param>
    /// <param name="innerException">The cause.</param>
    public OrchestrationAlreadyExistsException(string message, Exception innerException) : base(message, innerException) { }
}
