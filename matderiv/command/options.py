"""Verbs, options and how they are read; an expression may start with a minus, as -x'*x does."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from matderiv.command.failures import UsageError

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


@dataclass(frozen=True)
class Request:
    """A command line that has been understood."""

    verb: str
    operands: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


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
LATER = {"explain": "rules", "diff": "derive", "grad": "derive"}


def read_arguments(arguments: Sequence[str]) -> Request:
    """What a command line asks for; UsageError with the nearest thing it may have meant.

    >>> read_arguments(["derive", "-x'*x", "x", "--order", "2"]).operands
    ("-x'*x", 'x')
    """
    if not arguments:
        return Request("help", ("",))
    first, rest = arguments[0], list(arguments[1:])
    if first in ("--help", "-h", "help"):
        return Request("help", (rest[0] if rest and rest[0] in VERBS else "all",))
    if first in ("--version", "-V"):
        return Request("version")
    if first not in VERBS:
        raise unknown_verb(first, rest)
    if "--help" in rest or "-h" in rest:
        return Request("help", (first,))
    return _read(VERBS[first], rest)


def _read(verb: Verb, arguments: list[str]) -> Request:
    known = {o.flag: o for o in verb.options} | {o.short: o for o in verb.options if o.short}
    values: dict[str, Any] = {o.name: o.default for o in verb.options}
    operands: list[str] = []
    waiting = arguments[::-1]
    while waiting:
        argument = waiting.pop()
        if argument == "--":
            operands += waiting[::-1]
            break
        flag, equals, value = argument.partition("=")
        option = known.get(flag if flag.startswith("--") else argument)
        if option is None:
            if re.fullmatch("--[a-z][a-z-]*", flag):
                raise _unknown_option(flag, verb)
            operands.append(argument)
        elif option.takes:
            alone = option.without and not (waiting and waiting[-1] in VIEWS)
            if not equals:
                value = option.without if alone else _next(option, waiting, known)
            read = _value(option, value)
            values[option.name] = (*values[option.name], read) if option.repeats else read
        elif equals:
            raise UsageError(f"{flag} takes no value")
        else:
            values[option.name] = True
    if values.get("format") == "json":
        values["json"] = True
    return Request(verb.name, tuple(operands), values)


def _next(option: Option, waiting: list[str], known: dict[str, Option]) -> str:
    if not waiting or waiting[-1] in known:
        raise UsageError(f"{option.flag} needs a value", hint=f"{option.flag} {option.takes}")
    return waiting.pop()


def _value(option: Option, text: str) -> Any:
    try:
        return option.read(text)
    except ValueError as error:
        said, *near = error.args
        hint = f"{option.flag} {near[0]}" if near else None
        raise UsageError(f"{option.flag} is {said}, not {text[:40]}", hint=hint) from error


def _unknown_option(flag: str, verb: Verb) -> UsageError:
    word = flag.removeprefix("--")
    near = get_close_matches(flag, [o.flag for o in verb.options], 1)
    for name, words in WORDS.items():
        if word in words and any(o.flag == name for o in verb.options):
            near = [f"{name} {word}"]
    hint = near[0] if near else f"matderiv {verb.name} --help"
    return UsageError(f"{verb.name} has no option {flag}", hint=hint)


def unknown_verb(first: str, rest: Sequence[str]) -> UsageError:
    """The error for a first word that is no command: perhaps an expression, or misspelled."""
    if first in LATER:
        near = LATER[first]
        return UsageError(f"there is no command {first}", hint=f"matderiv {near} --help")
    if first.startswith("-") and re.fullmatch("--?[a-z][a-z-]*", first):
        return UsageError(
            f"{first} stands before the command; options come after it",
            hint="matderiv derive EXPR VARIABLE --json",
        )
    near_verb = next(iter(get_close_matches(first, VERBS, 1, 0.7)), None)
    if near_verb:
        return UsageError(f"there is no command {first}", hint=f"matderiv {near_verb}")
    shown = first if len(first) <= 60 else first[:60] + "..."
    if rest or not first.isalpha():
        words = [first, *rest] if rest else [first, "x"]
        again = " ".join(quoted(w) for w in words)
        hint = f"matderiv derive {again}" if len(again) <= 200 else "matderiv derive EXPR VARIABLE"
        return UsageError(f"{shown} is not a command", hint=hint)
    return UsageError(
        f"there is no command {shown}", hint=f"one of {', '.join(VERBS)}, or matderiv --help"
    )


def quoted(word: str) -> str:
    """A word as it is typed in a shell, in double quotes where an expression may have a prime.

    >>> quoted("x'*x"), quoted("--wrt")
    ('"x\\'*x"', '--wrt')
    """
    if re.fullmatch(r"[\w@%+=:,./-]+", word):
        return word
    return '"' + re.sub(r'(["\\$`])', r"\\\1", word) + '"'
