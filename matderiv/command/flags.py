"""The options of the program: what `options` reads and `verbs` explains."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

MAX_SEED = 2**63
FORMATS = ("text", "latex", "markdown", "html", "typst", "json")
VIEWS = ("chain", "differential", "index")
DETAILS = ("brief", "normal", "full")
KINDS = ("gradient", "jacobian", "hessian", "vjp", "jvp", "hvp", "differential")
LAYOUTS = ("gradient", "mixed", "numerator", "denominator")
STRUCTURES = ("projected", "independent", "none")
NOTATIONS = ("nabla", "partial")
VECTORS = ("bold", "arrow", "plain")
TRANSPOSES = ("top", "T", "prime")
MAX_STEPS = 100_000
TARGETS = ("numpy", "torch", "jax", "julia", "matlab")
SPELLINGS = ("text", "latex", "python")
WORDS = {
    "--from": SPELLINGS,
    "--target": TARGETS,
    "--format": FORMATS,
    "--steps": VIEWS,
    "--detail": DETAILS,
    "--kind": KINDS,
    "--layout": LAYOUTS,
    "--structure": STRUCTURES,
    "--notation": NOTATIONS,
    "--vectors": VECTORS,
    "--transpose": TRANSPOSES,
}


@dataclass(frozen=True)
class Option:
    """One option: a switch, or with `takes` one that has a value read by `read`.

    An option that may stand alone is then `without`; a word after it is its value if it looks like
    `value`, a regular expression.
    """

    flag: str
    says: str
    takes: str = ""
    short: str = ""
    repeats: bool = False
    default: Any = None
    without: str = ""
    value: str = ".*"
    joins: str = ""  # between the values of an option that is given again
    read: Callable[[str], Any] = str

    @property
    def name(self) -> str:
        """The name under which its value is found."""
        return self.flag.removeprefix("--").replace("-", "_")


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


def described(table: str, how: Mapping[str, Mapping[str, Any]] | None = None) -> tuple[Option, ...]:
    """Options as a help text has them: what is typed, and behind two spaces what it means.

    A value is one of the words of its flag where it has some; `how` says more, by the names.

    >>> quiet, order = described("-q --quiet  no remarks\\n--order N  how often")
    >>> quiet.short, quiet.default, order.takes, order.default
    ('-q', False, 'N', None)
    """
    found = []
    for line in re.sub(r"\n {4,}", " ", table.strip()).splitlines():
        typed, says = re.split(r" {2,}", line, maxsplit=1)
        names = re.fullmatch(r"(-\w)? ?(--[a-z-]+) ?(.*)", typed)
        assert names is not None, typed
        short, flag, takes = names.groups()
        facts: dict[str, Any] = {"default": None if takes else False}
        if takes and flag in WORDS:
            facts["read"] = _one_of(*WORDS[flag])
        option = Option(flag, says, takes, short or "", **facts)
        found.append(replace(option, **(how or {}).get(option.name, {})))
    return tuple(found)


_SECTIONS = Path(__file__).with_name("options.txt").read_text(encoding="utf-8").split("\n\n")
TABLES = {name.strip("= "): table for name, _, table in (s.partition("\n") for s in _SECTIONS)}
"""The options of `options.txt`, by the names of its sections."""
_REPEATED = {"repeats": True, "default": ()}
_STEP = {"read": _whole(1, MAX_STEPS)}
SHARED = described(TABLES["shared"])
ASKED = described(
    TABLES["asked"],
    {
        "wrt": {"joins": ","},
        **dict.fromkeys(("shape", "assume"), _REPEATED),
        "order": {"default": 1, "read": _whole(1, 4)},
        "layout": {"default": "gradient"},
        "structure": {"default": "projected"},
        "upstream": {"default": "G"},
        "seed": {"default": 0, "read": _whole(0, MAX_SEED)},
        "points": {"default": 8, "read": _whole(1, 1000)},
        "timeout": {"default": 30.0, "read": _seconds},
    },
)
PRINTED = described(
    TABLES["printed"],
    {
        "steps": {"without": "chain", "value": "|".join(VIEWS)},
        "hint": {**_STEP, "without": "1", "value": "[0-9]+"},
        "step": _STEP,
        "detail": {"default": "normal"},
        "vectors": {"default": "bold"},
        "transpose": {"default": "top"},
    },
)


def chosen(options: tuple[Option, ...], names: str) -> tuple[Option, ...]:
    """The options of these names."""
    return tuple(o for o in options if o.name in names.split())


GRAPH = described(
    TABLES["graph"],
    dict.fromkeys(("at", "values"), _REPEATED),
) + chosen(ASKED, "file shape assume timeout")
CLASS = described(TABLES["class"]) + chosen(PRINTED, "output force")


_OF_AN_ANSWER: dict[str, dict[str, Any]] = {
    "--structure": {"default": None},  # an answer may follow either convention
    "--file": {
        "says": "check a derivation line by line: .tex, .md or .txt; or read the expression from "
        "a file"
    },
}
JUDGED = tuple(replace(o, **_OF_AN_ANSWER.get(o.flag, {})) for o in ASKED)


CODE = described(
    "--target LIBRARY  numpy (default), torch, jax, julia or matlab",
    {"target": {"default": "numpy"}},
) + chosen(PRINTED, "output force no_check")
PAGE = described(
    TABLES["page"],
    {"port": {"read": _whole(0, 65535)}},
) + chosen(ASKED, "timeout")
READ = chosen(ASKED, "wrt from file shape assume timeout")
MADE = described(TABLES["made"])
SOLVED = described(
    TABLES["solved"],
    {"format": {"read": _one_of("text", "latex", "json")}},
)
