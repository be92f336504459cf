"""The verbs of the program with their options and examples, and the help texts made of them."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

from matderiv.command.failures import EXIT_CODES
from matderiv.command.flags import (
    ASKED,
    CLASS,
    CODE,
    GRAPH,
    JUDGED,
    MADE,
    PAGE,
    PRINTED,
    READ,
    SHARED,
    SOLVED,
    Option,
    chosen,
)


@dataclass(frozen=True)
class Verb:
    """One thing the program does; `operands` names what stands without an option."""

    name: str
    operands: str
    says: str
    options: tuple[Option, ...]
    examples: tuple[str, ...]


def _lines(file: str) -> list[tuple[str, str]]:
    """What stands before and behind the first colon of each line of a file of this folder."""
    content = Path(__file__).with_name(file).read_text(encoding="utf-8")
    found = (line.partition(": ") for line in content.splitlines())
    return [(before, behind) for before, _, behind in found]


EXAMPLES = tuple(_lines("examples.txt"))
"""What a command is for, and the command without the word matderiv."""
_OPTIONS = {
    "derive": ASKED + PRINTED,
    "check": ASKED,
    "verify": JUDGED + CLASS,
    "graph": GRAPH,
    "code": ASKED + CODE,
    "solve": READ + SOLVED,
    "curvature": READ,
    **dict.fromkeys(
        ("divergence", "laplacian", "taylor"),
        READ + chosen(SOLVED, "steps format") + chosen(MADE, "target"),
    ),
    "implicit": READ + chosen(SOLVED, "steps format") + MADE,
    "serve": PAGE,
}


def _verb(name: str, operands: str, says: str) -> Verb:
    examples = tuple(f"matderiv {c}" for _, c in EXAMPLES if c.split()[0] == name)
    return Verb(name, operands, says, _OPTIONS.get(name, ()) + SHARED, examples)


VERBS = {
    use.split()[0]: _verb(*use.partition(" ")[::2], says) for use, says in _lines("commands.txt")
}


# Help texts --------------------------------------------------------------------------------------

WIDTH = 80

FIRST = 4  # examples on the first page


def overview() -> str:
    """The first page: what it is for, what can be asked, four examples, the language."""
    uses = {f"{v.name} {v.operands}".strip(): v.says for v in VERBS.values()}
    column = max(map(len, uses)) + 4
    verbs = "\n".join(line for use in uses.items() for line in _beside(*use, column))
    examples = "\n".join(f"  matderiv {c}\n      {says}" for says, c in EXAMPLES[:FIRST])
    codes = "\n".join(f"  {code:>3}  {says}" for code, says in EXIT_CODES.items())
    front = Path(__file__).with_name("first_page.txt").read_text(encoding="utf-8")
    return front.format(verbs=verbs, examples=examples, codes=codes).rstrip()


def page(name: str) -> str:
    """The page of one command, with its options and examples."""
    verb = VERBS[name]
    use = f"matderiv {name} {verb.operands}".rstrip()
    lines = [f"{use} [OPTIONS]", f"  {verb.says}", "", "Options"]
    for option in verb.options:
        flag = f"{option.short + ', ' if option.short else ''}{option.flag} {option.takes}".rstrip()
        lines += _beside(flag, option.says, 26)
    lines += ["", "Examples", *(f"  {e}" for e in verb.examples)]
    return "\n".join(lines)


def _beside(use: str, said: str, column: int) -> list[str]:
    """What is typed, and from a column on what it means; below it where it reaches so far."""
    says = wrap(said, WIDTH - column)
    if len(use) + 2 >= column:
        return [f"  {use}", *(" " * column + line for line in says)]
    return [f"  {use}".ljust(column) + says[0], *(" " * column + line for line in says[1:])]
