using System.CommandLine;
using System.CommandLine.Invocation;
using Selvedge.Tools.Cli;

var root = new RootCommand("One record of stock and orders, from the command line. Exit codes: 0 done; 1 wrong usage; 2 not reachable; 3 refused; 4 something was found that needs a person; 130 interrupted.")
{
    Session.Json, Session.Url, Session.Key,
    Imports.Command(), Stock.Command(), Stock.WhyCommand(), Orders.Command(), Audits.Command(), Exceptions.Command(), Inbound.Command(), Doctor.Command(), Completion.Command(),
};
var parsed = root.Parse(args);
// Its own help and suggestions are its business; a command line that is wrong is exit code 1.
if (parsed.Errors.Count == 0 || parsed.Action is not ParseErrorAction) return await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false });
await parsed.InvokeAsync();
return Exit.Usage;

namespace Selvedge.Tools.Cli
{
    /// <summary>What the command's exit code means.</summary>
    internal static class Exit
    {
        public const int Ok = 0;

        /// <summary>The command line, or a file it names, is wrong.</summary>
        public const int Usage = 1;

        /// <summary>Nothing answers at the address.</summary>
        public const int Unreachable = 2;

        /// <summary>The API refused, and said why.</summary>
        public const int Refused = 3;

        /// <summary>It was done, and found something that needs a person: differences, faulty rows, a broken installation.</summary>
        public const int Found = 4;
        public const int Interrupted = 130;
    }
}
