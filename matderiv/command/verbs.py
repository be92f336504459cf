"""The verbs of the program and their options: what `options` reads and `manual` explains."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

MAX_SEED = 2**63
FORMATS = ("text", "latex", "markdown", "json")
VIEWS = ("chain", "differential", "index")
DETAILS = ("brief", "normal", "full")
KINDS = ("gradient", "jacobian", "hessian", "vjp", "jvp", "differential")
LAYOUTS = ("gradient", "mixed", "numerator", "denominator")
STRUCTURES = ("projected", "independent", "none")
WORDS = {
    "--format": FORMATS,
    "--steps": VIEWS,
    "--detail": DETAILS,
    "--kind": KINDS,
    "--layout": LAYOUTS,
    "--structure": STRUCTURES,
}


@dataclass(frozen=True)
class Option:
    """One option: a switch, or with `takes` one that has a value read by `read`."""

    flag: str
    says: str
    takes: str = ""
    short: str = ""
    repeats: bool = False
    default: Any = None
    without: str = ""  # the value of the option when it stands alone
    read: Callable[[str], Any] = str

    @property
    def name(self) -> str:
        """The name under which its value is found."""
        return self.flag.removeprefix("--").replace("-", "_")


@dataclass(frozen=True)
class Verb:
    """One thing the program does; `operands` names what stands without an option."""

    name: str
    operands: str
    says: str
    options: tuple[Option, ...] = ()
    examples: tuple[str, ...] = ()


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,20}", text.strip()) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text.strip()):
        raise ValueError("a number of seconds, 0 for no limit")
    return float(text)


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            near = get_close_matches(text.lower(), words, 1)
            raise ValueError(f"one of {', '.join(words)}", *near)
        return text

    return read


SHARED = (
    Option("--json", "one JSON document on standard output, errors too", default=False),
    Option("--quiet", "no remarks, only the result and errors", short="-q", default=False),
    Option("--ascii", "nothing but ASCII characters", default=False),
    Option("--debug", "show a traceback when matderiv itself fails", default=False),
)
ASKED = (
    Option("--wrt", "the variable, instead of writing it after the expression", "NAME"),
    Option("--file", "read the expression from a file ( - as EXPR reads standard input)", "FILE"),
    Option(
        "--shape",
        'declare a name: "X: n,d" a matrix, "y: n" a vector, "c:" a scalar; may be repeated',
        '"NAME: SIZES"',
        repeats=True,
        default=(),
    ),
    Option(
        "--assume",
        "symmetric skew diagonal posdef orthogonal lower upper positive onehot simplex labels "
        "(each entry 1 or -1) binary; may be repeated",
        '"NAME: FACTS"',
        repeats=True,
        default=(),
    ),
    Option("--order", "1 to 4; 2 is the Hessian of a scalar", "N", default=1, read=_whole(1, 4)),
    Option(
        "--kind",
        "gradient jacobian hessian vjp jvp differential; chosen by itself",
        "KIND",
        read=_one_of(*KINDS),
    ),
    Option(
        "--layout",
        "gradient (default: the gradient has the shape of the variable), numerator, denominator",
        "LAYOUT",
        default="gradient",
        read=_one_of(*LAYOUTS),
    ),
    Option(
        "--structure",
        "projected (default), independent or none: the derivative by a symmetric matrix and such",
        "WORD",
        default="projected",
        read=_one_of(*STRUCTURES),
    ),
    Option("--upstream", "the name of the incoming gradient of a vjp", "NAME", default="G"),
    Option(
        "--seed",
        "of the random points of the check",
        "N",
        default=0,
        read=_whole(0, MAX_SEED),
    ),
    Option("--points", "how many points are checked", "N", default=8, read=_whole(1, 1000)),
    Option("--timeout", "seconds, 0 for no limit", "S", default=30.0, read=_seconds),
)
PRINTED = (
    Option(
        "--format",
        "text (default), latex, markdown or json",
        "FORMAT",
        default="text",
        read=_one_of(*FORMATS),
    ),
    Option(
        "--steps",
        "the derivation: chain (backpropagation; the default), differential or index",
        "VIEW",
        read=_one_of(*VIEWS),
        without="chain",
    ),
    Option(
        "--detail",
        "of the steps: brief, normal or full",
        "WORD",
        default="normal",
        read=_one_of(*DETAILS),
    ),
    Option("--output", "write the result to a file that does not exist yet", "FILE", short="-o"),
    Option("--force", "let -o replace a file", default=False),
    Option("--no-check", "do not compare the result with numbers", default=False),
)

HINT = Option("--hint", "only the kind of mistake, not what would be right", default=False)


def _unstructured(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """The same options with no structure chosen: an answer may follow either convention."""
    return tuple(replace(o, default=None) if o.flag == "--structure" else o for o in options)


VERBS = {
    v.name: v
    for v in (
        Verb(
            "derive",
            "EXPR VARIABLE",
            "the derivative of an expression, checked against numbers",
            ASKED + PRINTED + SHARED,
            (
                """matderiv derive "x'*A*x" x""",
                """matderiv derive "norm2(A*x - b)^2" x --shape "b: m" --order 2""",
                """matderiv derive "logdet(X)" X --assume "X: symmetric" --format latex""",
                """matderiv derive "tanh(W*x + b)" W --shape "b: m" --kind vjp""",
            ),
        ),
        Verb(
            "check",
            "EXPR VARIABLE",
            "the comparison of the derivative with numbers, in full",
            ASKED + SHARED,
            ("""matderiv check "sum(relu(W*x))" W --seed 7""",),
        ),
        Verb(
            "verify",
            "EXPR VARIABLE ANSWER",
            "whether a derivative found by hand is right",
            (*_unstructured(ASKED), HINT, *SHARED),
            (
                '''matderiv verify "norm2(A*x - b)^2" x "2*A'*(A*x - b)"''',
                """matderiv verify "x'*A*x" x "2*A*x" --assume "A: symmetric\"""",
            ),
        ),
        Verb(
            "rules",
            "[NAME]",
            "every function there is, or the rule of one",
            SHARED,
            ("matderiv rules", "matderiv rules logdet"),
        ),
        Verb("examples", "", "commands to try", SHARED, ("matderiv examples",)),
    )
}
