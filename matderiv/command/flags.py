"""The options of the program: what `options` reads and `manual` explains."""

import re
from collections.abc import Callable
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


def choice(flag: str, says: str, takes: str, **more: Any) -> Option:
    """An option whose value is one of the words of its flag."""
    return Option(flag, says, takes, read=_one_of(*WORDS[flag]), **more)


SHARED = (
    Option("--json", "one JSON document on standard output, errors too", default=False),
    Option("--quiet", "no remarks, only the result and errors", short="-q", default=False),
    Option("--ascii", "nothing but ASCII characters", default=False),
    Option("--debug", "show a traceback when matderiv itself fails", default=False),
)
ASKED = (
    Option(
        "--wrt",
        "the variable, instead of writing it after the expression; W,b or --wrt W --wrt b for two",
        "NAME",
        joins=",",
    ),
    choice(
        "--from",
        "text, latex or python: how EXPR is spelled, in verify the ANSWER; found by itself",
        "SPELLING",
    ),
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
    choice(
        "--kind", "gradient jacobian hessian vjp jvp hvp differential; chosen by itself", "KIND"
    ),
    choice(
        "--layout",
        "gradient (default: the gradient has the shape of the variable), numerator, denominator",
        "LAYOUT",
        default="gradient",
    ),
    choice(
        "--structure",
        "projected (default), independent or none: the derivative by a symmetric matrix and such",
        "WORD",
        default="projected",
    ),
    Option("--upstream", "the name of the incoming gradient of a vjp", "NAME", default="G"),
    Option("--seed", "of the random points of the check", "N", default=0, read=_whole(0, MAX_SEED)),
    Option("--points", "how many points are checked", "N", default=8, read=_whole(1, 1000)),
    Option("--timeout", "seconds, 0 for no limit", "S", default=30.0, read=_seconds),
)
PRINTED = (
    choice(
        "--format", "text (default), latex, markdown, html (a page with MathML) or json", "FORMAT"
    ),
    choice(
        "--steps",
        "the derivation: chain (backpropagation; the default), differential or index",
        "VIEW",
        without="chain",
        value="|".join(VIEWS),
    ),
    Option(
        "--hint",
        "the rule of the next step, or of step N, and where it applies, without the result",
        "[N]",
        read=_whole(1, MAX_STEPS),
        without="1",
        value="[0-9]+",
    ),
    Option("--step", "step N of the derivation alone, in full", "N", read=_whole(1, MAX_STEPS)),
    choice("--detail", "of the steps: brief, normal or full", "WORD", default="normal"),
    Option("--standalone", "a LaTeX file that compiles by itself", default=False),
    choice(
        "--notation",
        "nabla or partial: how the gradient is written in LaTeX, Markdown and HTML",
        "WORD",
    ),
    choice(
        "--vectors", "bold (default), arrow or plain, in LaTeX and HTML", "WORD", default="bold"
    ),
    choice("--transpose", "top (default), T or prime, in LaTeX and HTML", "WORD", default="top"),
    Option(
        "--output",
        "write the result to a file that does not exist yet; its name says the format",
        "FILE",
        short="-o",
    ),
    Option("--force", "let -o replace a file", default=False),
    Option("--no-check", "do not compare the result with numbers", default=False),
)

GRAPH = (
    Option(
        "--at",
        "the numbers: x=-2,y=5 or W=[[1,2],[3,4]]; may be repeated",
        "VALUES",
        repeats=True,
        default=(),
    ),
    Option(
        "--values",
        "numbers from a .json or .npz file, or x=FILE.npy; may be repeated",
        "FILE",
        repeats=True,
        default=(),
    ),
    Option("--wrt", "parameters, such as W,b: nothing else gets a gradient", "NAMES"),
    Option("--upstream", "the gradient that arrives at the end, a number or [1,2]", "NUMBERS"),
    Option("--explain", "a sentence for every node", default=False),
    Option("--step", "the backward pass one node at a time", default=False),
    Option("--fold", "long spellings as one function: 1/(1 + exp(-z)) as sigmoid", default=False),
    Option("--expand", "losses and layers written out in simpler functions", default=False),
    Option("--collapse", "repeated layers as one, as in graphs of over 40 nodes", default=False),
    Option("--no-collapse", "every layer, also in large graphs", default=False),
    Option("--svg", "write a picture ( - for standard output)", "FILE"),
    Option("--dot", "write the graph for Graphviz", "FILE"),
    Option("--mermaid", "write the graph for Mermaid", "FILE"),
    Option("--tikz", "write the picture in TikZ, as a file that compiles", "FILE"),
    Option("--force", "let these replace a file", default=False),
    *(o for o in ASKED if o.flag in ("--file", "--shape", "--assume", "--timeout")),
)
HINT = Option("--hint", "only the kind of mistake, not what would be right", default=False)
CLASS = (
    HINT,
    Option(
        "--batch",
        "a table of answers, .csv or .jsonl: columns f, wrt, answer, id; or a folder of sheets, "
        "for which -o FOLDER writes a page each, one for the teacher, and a table",
        "FILE",
    ),
    choice(
        "--format",
        "of a checked file: text (default), json, or with marks in it: html, markdown, latex",
        "FORMAT",
    ),
    *(o for o in PRINTED if o.flag in ("--output", "--force")),
)


def read_from(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """The same options where a file alone is a whole derivation."""
    says = "check a derivation line by line: .tex, .md or .txt; or read the expression from a file"
    return tuple(replace(o, says=says) if o.flag == "--file" else o for o in options)


def unstructured(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """The same options with no structure chosen: an answer may follow either convention."""
    return tuple(replace(o, default=None) if o.flag == "--structure" else o for o in options)


CODE = (
    choice("--target", "numpy (default), torch, jax, julia or matlab", "LIBRARY", default="numpy"),
    *(o for o in PRINTED if o.flag in ("--output", "--force", "--no-check")),
)
PAGE = (
    Option("--port", "where it listens; any free port by default", "N", read=_whole(0, 65535)),
    Option("--no-open", "do not open a browser", default=False),
    *(o for o in ASKED if o.flag == "--timeout"),
)
READ = tuple(
    o for o in ASKED if o.flag in ("--wrt", "--from", "--file", "--shape", "--assume", "--timeout")
)
SOLVED = (
    Option(
        "--subject-to", "a constraint: sum(p) = 1, A*x = b, w'*w = 1, X'*X = eye(k)", "EQUATION"
    ),
    Option("--steps", "the equations from the gradient to the solution", default=False),
    Option(
        "--format", "text (default), latex or json", "FORMAT", read=_one_of("text", "latex", "json")
    ),
)
