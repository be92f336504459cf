"""From a request to a derivation and its check; `TypedQuestion` says how far the work came."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

from matderiv.arguments import in_short
from matderiv.command.failures import TimeUp, UsageError, limited
from matderiv.command.flags import VIEWS
from matderiv.command.options import Request, quoted
from matderiv.command.streams import decoded, file_text, standard_input
from matderiv.doors.derive import Derivation, Derivations, derive
from matderiv.errors import MatderivError, ParseError, ShapeError, UnknownName
from matderiv.input.asking import names_asked, numbers_meant, read_question
from matderiv.input.entries import entry_asked, whole_of
from matderiv.input.resolve import Reading
from matderiv.input.spelling import Spelled
from matderiv.input.variables import read_name
from matderiv.language.declare import declarations
from matderiv.language.tokens import canonical_name, is_name
from matderiv.numeric.check import undecided
from matderiv.numeric.report import CheckReport

LATE = "the time limit was reached"
OF_A_NUMBER = ("solve", "curvature")  # verbs whose f is a number


@dataclass(frozen=True)
class TypedQuestion:
    """What was typed, and what it means; `wrt` is the first of the variables `wrts`.

    `declared` are the sizes and facts that options declare, as arguments of `derive`.
    """

    text: str
    wrts: tuple[str, ...]
    declared: dict[str, Any]
    reading: Reading

    @property
    def wrt(self) -> str:
        """The variable, or the first one."""
        return self.wrts[0]


def understood(request: Request) -> TypedQuestion:
    """The expression and the variable of a request, read and named.

    Raises UsageError where one is missing, otherwise what `read` raises.
    """
    text, wrt = _operands(request)
    text = text if request.verb == "verify" else spelled(request, text)
    known = declared(request)
    try:
        how: dict[str, Any] = {**known, "about": names_asked(wrt or ())}
        said = partial(
            read_question, text, **how, wirtinger=request.verb in ("derive", "check", "verify")
        )
        reading = said()
        if request.verb in OF_A_NUMBER and (numbers := numbers_meant(reading)):
            reading = said(kinds=dict.fromkeys(numbers, 0))
    except (ParseError, ShapeError) as error:
        raise _explained(error, text, wrt or "x") from error
    if wrt is None:
        raise _no_variable(request.verb, text, reading)
    names = _several(wrt) if request.verb in ("derive", "code") else [wrt]
    wrts = tuple(dict.fromkeys(_known_variable(name, reading) for name in names))
    return TypedQuestion(text, wrts, known, reading)


def spelled(request: Request, text: str) -> str:
    """The text in the spelling that --from says, if it says one."""
    spelling = request.values.get("from")
    return Spelled(text, spelling) if spelling else text


def _several(wrt: str) -> list[str]:
    """Several names with commas or blanks between them; anything else is one variable."""
    names = [n for n in re.split(r"[,;\s]+(?![^\[{]*[\]}])", wrt) if n]
    return names if names and all(is_name(canonical_name(n)) for n in names) else [wrt]


def declared(request: Request) -> dict[str, Any]:
    """What --shape and --assume declare, by name; ParseError with the option as a hint."""
    found = {}
    for name, hint in (("shapes", '--shape "X: n,d"'), ("assume", '--assume "A: symmetric"')):
        try:
            found[name] = declarations(request.values[name.removesuffix("s")])
        except ParseError as error:
            error.hint = hint
            raise
    return found


def _operands(request: Request) -> tuple[str, str | None]:
    given = list(request.operands)
    wanted = 2 - (request.file is not None) - (request.wrt is not None)
    if len(given) > wanted:
        raise _too_many(request.verb, given, wanted)
    if request.file is not None:
        text = file_text(request.file)
    elif not given:
        raise UsageError(
            "the expression is missing", hint=f"""matderiv {request.verb} "x'*A*x" x"""
        )
    else:
        text = given.pop(0)
        text = standard_input() if text == "-" else text
    return encoded(text), request.wrt if request.wrt is not None else given[0] if given else None


def _too_many(verb: str, given: list[str], wanted: int) -> UsageError:
    """The error for operands that nobody asked for: perhaps options, or several variables."""
    named = {2: "an expression and a variable", 1: "one of expression and variable", 0: "nothing"}
    shown = ", ".join(in_short(g, 30) for g in given[:6])
    hint = f"""the expression in double quotes: matderiv {verb} "x'*A*x" x"""
    option = next((g for g in given if re.fullmatch("-[a-zA-Z]", g)), None)
    if option:
        hint = f"matderiv {verb} --help, if {option} is meant as an option"
    elif view := next(iter(get_close_matches(given[-1], VIEWS, 1, 0.7)), None):
        hint = f"--steps {view}"
    elif all(is_name(canonical_name(g)) for g in given[1:]):
        hint = f"several variables have commas between them: {','.join(given[wanted - 1 :])}"
    return UsageError(
        f"{verb} takes {named[wanted]} here, {len(given)} are given: {shown}", hint=hint
    )


def encoded(text: str) -> str:
    """The text, unless bytes of the command line were no UTF-8; then ParseError."""
    with suppress(UnicodeEncodeError):
        content = os.fsencode(text)
        return decoded(content, "the expression")
    return text


def _no_variable(verb: str, text: str, reading: Reading) -> UsageError:
    names = list(reading.variables)
    if not names:
        return UsageError("the expression has no variable to differentiate by")
    again = quoted(text) if len(text) <= 100 and text.isprintable() else "EXPR"
    others = f", or by {', '.join(names[1:5])}" if names[1:] else ""
    return UsageError(
        "the variable to differentiate by is missing",
        hint=f"matderiv {verb} {again} {names[0]}{others}",
    )


def _known_variable(wrt: str, reading: Reading) -> str:
    """The name of a variable of the expression, or of one that was declared."""
    found = read_name(reading, wrt)
    if found is not None:
        return found.name
    if entry_asked(reading, wrt) is not None:
        return wrt
    found = whole_of(reading, wrt)
    if found is not None:
        return found.name
    names = list(reading.variables)[:8]
    if typed_names := [n for n in re.split(r"[,\s]+", wrt) if n in reading.variables][1:]:
        raise UsageError(
            f"the derivative is by one variable at a time, not by {in_short(wrt, 40)}",
            hint=f"first {wrt.split(',')[0].split()[0]}, then {', then '.join(typed_names)}",
        )
    listed = f"one of {', '.join(names)}" if names[1:] else "".join(names) or None
    typed = wrt.strip()
    if typed in reading.sizes or typed == "pi":
        what = "a number" if typed == "pi" else "a size"
        raise UsageError(f"{typed} is {what}; the derivative is by a variable", hint=listed)
    if is_name(canonical_name(typed)):
        joined = next((n for n in names if typed in (n[: len(typed)], n[-len(typed) :])), None)
        if joined is not None:
            rest = joined.removeprefix(typed) if joined.startswith(typed) else ""
            product = f"{typed}*{rest}" if rest else f"{joined.removesuffix(typed)}*{typed}"
            listed = f"{product} for {joined}, which is one name"
        sizes = "k,l" if typed[0].isupper() else "k"
        declare = f'--shape "{typed}: {sizes}" declares it, for a zero derivative'
        raise UnknownName(
            f"there is no {typed} in {in_short(reading.source, 40)}",
            hint=f"{listed}; or {declare}" if listed else declare,
        )
    raise UsageError(
        f"the derivative is by a variable, not by {in_short(typed, 40) or 'nothing'}", hint=listed
    )


def _explained(error: ParseError | ShapeError, text: str, wrt: str) -> ParseError | ShapeError:
    """The error with what only the command line knows: quotes were lost, or `f = ` was typed."""
    if error.source != text:
        return error
    unquoted = "'" not in text and " " not in text
    if unquoted and error.message.startswith("cannot multiply"):
        error.details += ("a transpose ' reaches matderiv only inside double quotes: \"x'*y\"",)
    equation = re.match(r"\s*[A-Za-z]\w*(\([^()]*\))?\s*=\s*(?=[^=\s])", text)
    if equation and isinstance(error, ParseError) and len(text) <= 100:
        right = quoted(" ".join(text[equation.end() :].split()))
        error.hint = f"the right side alone: matderiv derive {right} {wrt}"
    return error


def derived(request: Request, asked: TypedQuestion) -> Derivations:
    """The derivations that were asked for, one for each variable."""
    how: dict[str, Any] = {**asked.declared, **conventions(request)}
    how["check"] = not request.values.get("no_check")
    found: Derivations = derive(asked.text, list(asked.wrts), **how)
    return found


def conventions(request: Request) -> dict[str, Any]:
    """What is asked about the derivative, by the names that `derive` and `verify` have for it."""
    names = ("kind", "order", "layout", "structure", "upstream")
    return {name: getattr(request, name) for name in names}


# The check ----------------------------------------------------------------------------------------


def checked(derivation: Derivation, request: Request, seconds: float) -> CheckReport:
    """The comparison with numbers; undecided with the reason where there can be none.

    Where f has values that decide nothing, the exact identity that decided the result at birth.
    """
    birth, report = derivation.checked, reported(derivation.check, request, seconds)
    unsure = report.verdict == "undecided" and report.method
    return birth if unsure and birth is not None and birth.ok and not birth.points else report


def reported(check: Callable[..., Any], request: Request, seconds: float) -> Any:
    """What a check says, or that it is undecided and why: the time, the memory, f itself."""
    try:
        with limited(seconds):
            return check(points=request.points, seed=request.seed)
    except TimeUp:
        reason = LATE
    except MatderivError as error:
        reason = error.message
    except MemoryError:
        reason = "not enough memory"
    return undecided(reason, request.seed)
