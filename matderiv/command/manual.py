"""The help texts, made from the same table as the options are read from."""

from textwrap import wrap

from matderiv.command.failures import EXIT_CODES
from matderiv.command.verbs import EXAMPLES, VERBS

WIDTH = 80

_FRONT = """\
matderiv derives matrix, vector and tensor derivatives the way a textbook writes
them, and compares every result with numbers before it shows it.

Use
  matderiv COMMAND ...

Commands
{verbs}
  matderiv COMMAND --help says more; matderiv --version gives the version.

Try
{examples}

Writing expressions (put them in double quotes)
  x'  A*x  x'*A*x     transpose and matrix product     x.*y  x./y  x.^2   entry by entry
  A^-1  A\\b           inverse, solution of A*z = b     ||x||  |x|         norm, absolute value
  sum(x)  sum(X,1)    everything, each column          z where z = W*x    named parts
  Names a to g are scalars, h to z vectors, A to Z matrices; --shape "X: n,d"
  declares something else. Sizes that are not declared follow from the expression.
  matderiv rules lists the functions.

Exit codes
{codes}
"""

FIRST = 4  # examples on the first page


def overview() -> str:
    """The first page: what it is for, what can be asked, four examples, the language."""
    uses = {f"{v.name} {v.operands}".strip(): v.says for v in VERBS.values()}
    column = max(map(len, uses)) + 4
    verbs = "\n".join(line for use in uses.items() for line in _beside(*use, column))
    examples = "\n".join(f"  matderiv {c}\n      {says}" for says, c in EXAMPLES[:FIRST])
    codes = "\n".join(f"  {code:>3}  {says}" for code, says in EXIT_CODES.items())
    return _FRONT.format(verbs=verbs, examples=examples, codes=codes).rstrip()


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
