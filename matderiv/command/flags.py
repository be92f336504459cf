"""The options of the program: what `options` reads and `verbs` explains."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
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


_REPEATED = {"repeats": True, "default": ()}
_STEP = {"read": _whole(1, MAX_STEPS)}
SHARED = described("""
--json        one JSON document on standard output, errors too
-q --quiet    no remarks, only the result and errors
--ascii       nothing but ASCII characters
--debug       show a traceback when matderiv itself fails
""")
ASKED = described(
    """
--wrt NAME               the variable, instead of writing it after the expression; W,b or --wrt W
    --wrt b for two
--from SPELLING          text, latex or python: how EXPR is spelled, in verify the ANSWER; found by
    itself
--file FILE              read the expression from a file ( - as EXPR reads standard input)
--shape "NAME: SIZES"    declare a name: "X: n,d" a matrix, "y: n" a vector, "c:" a scalar; may be
    repeated
--assume "NAME: FACTS"   symmetric skew diagonal posdef orthogonal idempotent lower upper positive
    onehot simplex labels (each entry 1 or -1) binary complex hermitian real; may be repeated
--order N                1 to 4; 2 is the Hessian of a scalar
--kind KIND              gradient jacobian hessian vjp jvp hvp differential; chosen by itself
--layout LAYOUT          gradient (default: the gradient has the shape of the variable), numerator,
    denominator
--structure WORD         projected (default), independent or none: the derivative by a symmetric
    matrix and such
--upstream NAME          the name of the incoming gradient of a vjp
--seed N                 of the random points of the check
--points N               how many points are checked
--timeout S              seconds, 0 for no limit
""",
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
    """
--format FORMAT      text (default), latex, markdown, html (a page with MathML) or json
--steps VIEW         the derivation: chain (backpropagation; the default), differential or index
--hint [N]           the rule of the next step, or of step N, and where it applies, without the
    result
--step N             step N of the derivation alone, in full
--detail WORD        of the steps: brief, normal or full
--standalone         a LaTeX file that compiles by itself
--notation WORD      nabla or partial: how the gradient is written in LaTeX, Markdown and HTML
--vectors WORD       bold (default), arrow or plain, in LaTeX and HTML
--transpose WORD     top (default), T or prime, in LaTeX and HTML
-o --output FILE     write the result to a file that does not exist yet; its name says the format
--force              let -o replace a file
--no-check           do not compare the result with numbers
""",
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
    """
--at VALUES          the numbers: x=-2,y=5 or W=[[1,2],[3,4]]; may be repeated
--values FILE        numbers from a .json or .npz file, or x=FILE.npy; may be repeated
--wrt NAMES          parameters, such as W,b: nothing else gets a gradient
--upstream NUMBERS   the gradient that arrives at the end, a number or [1,2]
--explain            a sentence for every node
--step               the backward pass one node at a time
--fold               long spellings as one function: 1/(1 + exp(-z)) as sigmoid
--expand             losses and layers written out in simpler functions
--collapse           repeated layers as one, as in graphs of over 40 nodes
--no-collapse        every layer, also in large graphs
--svg FILE           write a picture ( - for standard output)
--dot FILE           write the graph for Graphviz
--mermaid FILE       write the graph for Mermaid
--tikz FILE          write the picture in TikZ, as a file that compiles
--force              let these replace a file
""",
    dict.fromkeys(("at", "values"), _REPEATED),
) + chosen(ASKED, "file shape assume timeout")
CLASS = described("""
--hint            only the kind of mistake, not what would be right
--batch FILE      a table of answers, .csv or .jsonl: columns f, wrt, answer, id; or a folder of
    sheets, for which -o FOLDER writes a page each, one for the teacher, and a table
--format FORMAT   of a checked file: text (default), json, or with marks in it: html, markdown,
    latex
""") + chosen(PRINTED, "output force")


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
    """
--port N     where it listens; any free port by default
--no-open    do not open a browser
""",
    {"port": {"read": _whole(0, 65535)}},
) + chosen(ASKED, "timeout")
READ = chosen(ASKED, "wrt from file shape assume timeout")
MADE = described(
    """
--by NAME         what else moves: implicit gives the derivative of the variable by it
--target LIBRARY  a function that computes it, in numpy, torch, jax, julia or matlab
"""
)
SOLVED = described(
    """
--subject-to EQUATION  a constraint: sum(p) = 1, A*x = b, w'*w = 1, X'*X = eye(k)
--steps                the equations from the gradient to the solution
--format FORMAT        text (default), latex or json
""",
    {"format": {"read": _one_of("text", "latex", "json")}},
)
