namespace Selvedge.Local.Functions;

/// <summary>The process's exit codes when it does not end by itself with 0.</summary>
public static class ExitCode
{
    /// <summary>There was nothing to start: what was asked for (<c>--help</c>) has been told.</summary>
    public const int Told = 0;

    /// <summary>The app itself failed to start; the log has the stack trace.</summary>
    public const int App = 1;

    /// <summary>The command line, <c>host.json</c> or <c>local.settings.json</c> is wrong.</summary>
    public const int Settings = 2;

    /// <summary>A function, its route, schedule or parameters cannot be hosted.</summary>
    public const int Functions = 3;

    /// <summary>The port or address cannot be listened on.</summary>
    public const int Address = 4;

    /// <summary>The data folder cannot be created or written.</summary>
    public const int DataUnusable = 5;

    /// <summary>Another process has the data folder open.</summary>
    public const int DataInUse = 6;

    /// <summary>What is stored in the data folder cannot be opened (corrupt, or of a newer version).</summary>
    public const int Store = 7;

    /// <summary>The store failed while running (disk full, I/O error); everything acknowledged before is on the disk.</summary>
    public const int StoreFault = 8;
}

/// <summary>The host cannot start or go on, for a reason the person who started it can act on. Unhandled, it is printed
/// as its message alone, and the process exits with <see cref="Code"/>.</summary>
/// <param name="code">One of <see cref="ExitCode"/>.</param>
/// <param name="message">What is wrong and what to do about it.</param>
/// <param name="inner">The cause, where there is one.</param>
public sealed class LocalHostException(int code, string message, Exception? inner = null) : Exception(message, inner)
{
    private static int printing;

    /// <summary>The process's exit code.</summary>
    public int Code { get; } = code;

    /// <summary>From now on prints an unhandled <see cref="LocalHostException"/> as its message alone, without a stack trace.
    /// Program.cs is the official one and catches nothing, so this is the only place for it.</summary>
    internal static void PrintWhenUnhandled()
    {
        if (Interlocked.Exchange(ref printing, 1) != 0) { return; }
        AppDomain.CurrentDomain.UnhandledException += (_, unhandled) =>
        {
            if (unhandled.ExceptionObject is not LocalHostException stopped) { return; }
            (stopped.Code == ExitCode.Told ? Console.Out : Console.Error).WriteLine(stopped.Message);
            Environment.Exit(stopped.Code);
        };
    }
}
