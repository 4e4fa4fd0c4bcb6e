using System.CommandLine;

namespace Selvedge.Tools.Cli;

/// <summary><c>selvedge completion bash|zsh</c>: a script for the shell, which asks the command itself what may follow.</summary>
internal static class Completion
{
    const string Bash = """
        # selvedge: source <(selvedge completion bash)
        _selvedge() {
            local IFS=$'\n'
            COMPREPLY=($(compgen -W "$(selvedge "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _selvedge selvedge
        """;

    const string Zsh = """
        #compdef selvedge
        # selvedge: source <(selvedge completion zsh)
        _selvedge() {
            local -a found
            found=("${(@f)$(selvedge "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            if (( ${#found} )) && [[ -n "${found[1]}" ]]; then compadd -a found; else _files; fi
        }
        compdef _selvedge selvedge
        """;

    public static Command Command()
    {
        var shell = new Argument<string>("shell") { Description = "bash or zsh" };
        shell.AcceptOnlyFromAmong("bash", "zsh");
        var command = new Command("completion", "Print the script for tab completion: source <(selvedge completion bash)") { shell };
        command.SetAction(parsed =>
        {
            parsed.InvocationConfiguration.Output.WriteLine(parsed.GetRequiredValue(shell) == "zsh" ? Zsh : Bash);
            return Exit.Ok;
        });
        return command;
    }
}
