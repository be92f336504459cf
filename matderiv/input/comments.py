"""Comments that could be meant otherwise: `x % 2` is a remainder in Python, a comment here."""

import re
from collections.abc import Collection

from matderiv.errors import MatderivError, ParseError
from matderiv.input.text import parse
from matderiv.language.source import Call, Name, postorder

_COMMENT = re.compile(r"\S[ \t]*(%)[ \t]*([^\n#%]*[^\n#%\s])")


def check_comments(text: str, known: Collection[str] = ()) -> None:
    """ParseError where what follows % is a formula in known names, in single letters or numbers.

    >>> check_comments("x'*x  % twice the energy")
    >>> check_comments("x % 2")
    Traceback (most recent call last):
    matderiv.errors.ParseError: % starts a comment here, and is a remainder in Python
      x % 2
        ~~~
      try:   # 2 for a comment; remainders are not differentiated
    """
    if "%" not in text:
        return
    for match in _COMMENT.finditer(text):
        if "#" in text[text.rfind("\n", 0, match.start()) + 1 : match.start(1)]:
            continue
        if _is_formula(match[2], known):
            raise ParseError(
                "% starts a comment here, and is a remainder in Python",
                source=text,
                span=(match.start(1), match.end()),
                hint=f"# {match[2]} for a comment; remainders are not differentiated",
            )


def _is_formula(comment: str, known: Collection[str]) -> bool:
    try:
        nodes = list(postorder(parse(comment, known).main))
    except MatderivError:
        return False
    names = [n.name for n in nodes if isinstance(n, Name)]
    calls = any(isinstance(n, Call) for n in nodes)
    return calls or all(len(name) == 1 or name in known for name in names)
