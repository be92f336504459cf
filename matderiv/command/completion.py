"""The verb `completion`: what a shell needs to complete verbs, options and their words."""

from matderiv.command.failures import FINE, UsageError
from matderiv.command.flags import WORDS
from matderiv.command.options import Request
from matderiv.command.streams import Terminal
from matderiv.command.verbs import VERBS, Verb


def run(request: Request, terminal: Terminal) -> int:
    """Print the script for a shell; UsageError for another shell."""
    shell = "".join(request.operands)
    if shell not in SCRIPTS:
        hint = "matderiv completion bash >> ~/.bashrc"
        raise UsageError(f"completion is for one of {', '.join(SCRIPTS)}", hint=hint)
    terminal.reading = False
    terminal.result(SCRIPTS[shell]())
    return FINE


def _flags(verb: Verb) -> list[str]:
    return [flag for o in verb.options for flag in (o.flag, o.short) if flag]


def bash() -> str:
    """A function for bash; zsh reads it too.

    >>> "derive)" in bash()
    True
    """
    words = "\n".join(f'    {f}) words="{" ".join(w)}" ;;' for f, w in WORDS.items())
    flags = "\n".join(f'      {v.name}) words="{" ".join(_flags(v))}" ;;' for v in VERBS.values())
    return f"""_matderiv() {{
  local words= last=${{COMP_WORDS[COMP_CWORD-1]}} now=${{COMP_WORDS[COMP_CWORD]}}
  if [ "$COMP_CWORD" = 1 ]; then words="{" ".join(VERBS)} --help --version"
  else
    case $last in
{words}
    *) case ${{COMP_WORDS[1]}} in
{flags}
      esac ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$now"))
}}
complete -o default -F _matderiv matderiv"""


def zsh() -> str:
    """The function of bash, with what zsh needs to read it."""
    return f"autoload -U +X bashcompinit && bashcompinit\n{bash()}"


def fish() -> str:
    """One line for each verb, option and list of words.

    >>> fish().splitlines()[0].partition(" -d")[0]
    'complete -c matderiv -n __fish_use_subcommand -a derive'
    """
    lines = [
        f"complete -c matderiv -n __fish_use_subcommand -a {v.name} -d {_quoted(v.says)}"
        for v in VERBS.values()
    ]
    for v in VERBS.values():
        for o in v.options:
            words = f" -x -a {_quoted(' '.join(WORDS[o.flag]))}" if o.flag in WORDS else ""
            short = f" -s {o.short.removeprefix('-')}" if o.short else ""
            when = f"-n '__fish_seen_subcommand_from {v.name}'"
            flag = o.flag.removeprefix("--")
            lines.append(
                f"complete -c matderiv {when} -l {flag}{short}{words} -d {_quoted(o.says)}"
            )
    return "\n".join(lines)


def _quoted(said: str) -> str:
    return "'" + said.replace("\\", "\\\\").replace("'", "\\'") + "'"


SCRIPTS = {"bash": bash, "zsh": zsh, "fish": fish}
