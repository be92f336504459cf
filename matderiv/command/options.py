"""How options are read; an expression may start with a minus, as -x'*x does."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from matderiv.arguments import in_short
from matderiv.command.failures import UsageError
from matderiv.command.flags import WORDS, Option
from matderiv.command.verbs import VERBS, Verb


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


SHEETS = (".tex", ".md", ".ipynb")  # what a derivation to be judged is written in
LATER = {"diff": "derive", "grad": "derive"}
SHORT = {o.short for v in VERBS.values() for o in v.options if o.short}
INSTEAD = {("graph", "-o"): "--svg FILE, or > FILE for the table"}


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
    doubtful: tuple[Option, int] | None = None
    while waiting:
        argument = waiting.pop()
        if argument == "--":
            operands += waiting[::-1]
            break
        flag, equals, value = argument.partition("=")
        option = known.get(flag if flag.startswith("--") else argument)
        if option is None:
            if re.fullmatch("--[a-z][a-z-]*", flag) or argument in SHORT:
                raise _unknown_option(flag, verb)
            operands.append(argument)
        elif option.takes:
            alone = option.without and not (waiting and re.fullmatch(option.value, waiting[-1]))
            if alone and not equals and waiting and waiting[-1] not in known:
                doubtful = (option, len(operands))
            if not equals:
                given = waiting and waiting[-1] not in known
                value = option.without if alone else waiting.pop() if given else ""
            read = _value(option, value)
            before = values[option.name]
            if option.joins and before:
                read = f"{before}{option.joins}{read}"
            values[option.name] = (*before, read) if option.repeats else read
        elif equals:
            raise UsageError(f"{flag} takes no value")
        else:
            values[option.name] = True
    most = len(verb.operands.split()) - sum(bool(values.get(n)) for n in ("wrt", "file"))
    if doubtful is not None and len(operands) > most:
        option, place = doubtful
        _value(option, operands[place])
    return Request(verb.name, tuple(operands), _agreed(values))


def _agreed(values: dict[str, Any]) -> dict[str, Any]:
    """The values; a format of JSON is what --json asks for, and no file is standard output."""
    output = {"output": None} if values.get("output") == "-" else {}
    return values | output | ({"json": True} if values.get("format") == "json" else {})


def _value(option: Option, text: str) -> Any:
    if not text.strip():
        raise UsageError(f"{option.flag} needs a value", hint=f"{option.flag} {option.takes}")
    try:
        return option.read(text)
    except ValueError as error:
        said, *near = error.args
        hint = f"{option.flag} {near[0]}" if near else None
        raise UsageError(f"{option.flag} is {said}, not {text[:40]}", hint=hint) from error


def _unknown_option(flag: str, verb: Verb) -> UsageError:
    if flag in SHORT:
        hint = INSTEAD.get((verb.name, flag), f"matderiv {verb.name} --help")
        return UsageError(f"{verb.name} has no {flag}", hint=hint)
    word = flag.removeprefix("--")
    words = [o.flag.removeprefix("--") for o in verb.options]
    near = [f"--{found}" for found in get_close_matches(word, words, 1)]
    for name, known in WORDS.items():
        if word in known and any(o.flag == name for o in verb.options):
            near = [f"{name} {word}"]
    hint = near[0] if near else f"matderiv {verb.name} --help"
    return UsageError(f"{verb.name} has no option {flag}", hint=hint)


def unknown_verb(first: str, rest: Sequence[str]) -> UsageError:
    """The error for a first word that is no command: perhaps an expression, or misspelled."""
    sheet = next((w for w in (first, *rest) if w.endswith(SHEETS)), None)
    if sheet:
        hint = f"matderiv verify --file {quoted(sheet)}"
        return UsageError(f"{first} is not a command", hint=hint)
    if first.startswith("-") and re.fullmatch("--?[a-z][a-z-]*", first):
        return UsageError(
            f"{first} stands before the command; options come after it",
            hint="matderiv derive EXPR VARIABLE --json",
        )
    shown = in_short(first)
    meant = LATER.get(first) or next(iter(get_close_matches(first, VERBS, 1, 0.7)), None)
    verb, *asked = [meant] if meant else ((rest and _asking(first)) or ["derive"])
    if meant or rest or not first.isalpha():
        words = [*rest, *asked] if meant or asked else [first, *(rest or ["x"])]
        again = " ".join(["matderiv", verb, *map(quoted, words or ["--help"])])
        said = f"there is no command {first}" if meant else f"{shown} is not a command"
        hint = again if len(again) <= 200 else f"matderiv {verb} EXPR VARIABLE"
        return UsageError(said, hint=hint)
    return UsageError(
        f"there is no command {shown}", hint=f"one of {', '.join(VERBS)}, or matderiv --help"
    )


def _asking(word: str) -> list[str]:
    """The command and option that ask for what somebody takes for a command: steps, latex."""
    for verb in (VERBS["derive"], VERBS["code"]):
        flags = {o.flag for o in verb.options} - {"--from"}
        if f"--{word}" in flags:
            return [verb.name, f"--{word}"]
        named = [flag for flag, known in WORDS.items() if flag in flags and word in known]
        if named:
            return [verb.name, named[0], word]
    return []


def quoted(word: str) -> str:
    """A word as it is typed in a shell, in double quotes where an expression may have a prime.

    >>> quoted("x'*x"), quoted("--wrt")
    ('"x\\'*x"', '--wrt')
    """
    if re.fullmatch(r"[\w@%+=:,./-]+", word):
        return word
    return '"' + re.sub(r'(["\\$`])', r"\\\1", word) + '"'
