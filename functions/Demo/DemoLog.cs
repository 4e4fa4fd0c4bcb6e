using Microsoft.Extensions.Logging;

namespace Selvedge.Functions.Demo;

/// <summary>Log lines would tear a picture that is redrawn: warnings and errors are counted for it instead, and the latest is shown in it.</summary>
internal sealed class DemoLog(DemoTally tally) : ILoggerProvider, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Warning and < LogLevel.None;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel)) tally.Warn(formatter(state, exception) + (exception is null ? "" : $" ({exception.Message})"));
    }

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public void Dispose() { }
}
