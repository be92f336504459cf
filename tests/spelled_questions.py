"""Well-shaped questions, printed as people write them: text, LaTeX in many styles, NumPy.

A question is a tree with values computed by NumPy here, from the tree itself. Kinds are what
letters say by custom: capitals are matrices, letters from the end of the alphabet vectors, Greek
letters and the first letters numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

SIZES = {"m": 3, "n": 4, "k": 2}
MATRICES = "A B C X W Q R M P S".split()
VECTORS = "x y w u v z h".split()
NUMBERS = "a c lambda alpha beta gamma".split()
LONGER = {0: ["eta", "decay", "creg", "epsilon", "discount"],
          1: ["target", "yhat", "wout", "resid", "velocity", "position"],
          2: "Sigma Lambda Omega Wout Whh Data Weights Covar Psi".split()}  # fmt: skip
LABELS = ["1", "2", "0", "out", "new", "t"]
FURTHER = 1_000_000  # to the seed of a question that takes the place of one
FORMS = "norm norm quad dot tr sumf logdet ridge bilinear logistic".split()
DERIVED = "ratio square half length gauss lse entries pairs rows".split()
ENTRYWISE = "exp tanh sigmoid sin cos relu softplus log1p".split()
Shape = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A part of a question: an operation on parts, and its shape by the names of sizes."""

    op: str
    args: tuple[Any, ...]
    shape: Shape


@dataclass
class Grower:
    """Grows questions from a seed; `names` are the variables met so far, with their shapes."""

    r: Random
    names: dict[str, Shape] = field(default_factory=dict)

    def leaf(self, shape: Shape) -> Part:
        """A variable of a shape, mostly one that is there already."""
        alike = [n for n, s in self.names.items() if s == shape]
        pool = {0: NUMBERS, 1: VECTORS, 2: MATRICES}[len(shape)]
        pool = LONGER[len(shape)] if self.r.random() < 0.15 else pool
        stems = {n.partition("_")[0] for n in self.names}
        fresh = [n for n in pool if n not in self.names and n not in stems]
        if self.r.random() < 0.2 and len(shape) < 2:
            taken = {n for n in self.names if "_" not in n}
            label = self.r.choice(LABELS)
            fresh = [f"{n}_{label}" for n in pool if n not in taken]
            fresh = [n for n in fresh if n not in self.names]
        fresh = fresh or [f"{n}_3" for n in pool if f"{n}_3" not in self.names]
        if alike and (self.r.random() < 0.5 or not fresh):
            return Part("name", (self.r.choice(alike),), shape)
        name = self.r.choice(fresh)
        self.names[name] = shape
        return Part("name", (name,), shape)

    def size(self) -> str:
        return self.r.choice("mmnnk")

    def matrix(self, m: str, n: str, depth: int) -> Part:
        """A matrix."""
        if depth <= 0 or self.r.random() < 0.45:
            turned = [x for x, s in self.names.items() if s == (n, m)]
            if turned and self.r.random() < 0.4:
                return Part("t", (Part("name", (self.r.choice(turned),), (n, m)),), (m, n))
            return self.leaf((m, n))
        pick = self.r.choice(["mul", "mul", "add", "outer", "t", "f", "inv"])
        if pick == "mul":
            k = self.size()
            return Part("mul", (self.matrix(m, k, depth - 1), self.matrix(k, n, depth - 1)), (m, n))
        if pick == "add":
            return self.sum([self.matrix(m, n, depth - 1), self.matrix(m, n, depth - 1)])
        if pick == "outer":
            v = Part("t", (self.vector(n, depth - 1),), ("1", n))
            return Part("mul", (self.vector(m, depth - 1), v), (m, n))
        if pick == "inv" and m == n:
            return Part("inv", (self.matrix(m, m, 0),), (m, m))
        if pick == "f":
            f = self.r.choice(("tanh", "sigmoid", "relu"))
            return Part("call", (f, self.matrix(m, n, depth - 1)), (m, n))
        return Part("t", (self.matrix(n, m, depth - 1),), (m, n))

    def vector(self, n: str, depth: int) -> Part:
        """A column."""
        if depth <= 0 or self.r.random() < 0.3:
            return self.leaf((n,))
        pick = self.r.choice(["mul", "mul", "mul", "add", "f", "scaled", "had"])
        if pick == "mul":
            k = self.size()
            return Part("mul", (self.matrix(n, k, depth - 1), self.vector(k, depth - 1)), (n,))
        if pick == "add":
            return self.sum([self.vector(n, depth - 1), self.vector(n, depth - 1)])
        if pick == "f":
            return Part("call", (self.r.choice(ENTRYWISE), self.vector(n, depth - 1)), (n,))
        if pick == "scaled":
            return Part("mul", (self.leaf(()), self.vector(n, depth - 1)), (n,))
        return Part("had", (self.vector(n, depth - 1), self.vector(n, depth - 1)), (n,))

    def sum(self, terms: list[Part]) -> Part:
        """A sum or a difference."""
        if self.r.random() < 0.5:
            terms[1] = Part("neg", (terms[1],), terms[1].shape)
        return Part("add", tuple(terms), terms[0].shape)

    def scalar(self, depth: int) -> Part:
        """A number."""
        n, m = self.size(), self.size()
        pick = self.r.choice((*FORMS, *DERIVED))
        if pick in DERIVED:
            return self.derived(pick, n, m, depth)
        if pick == "norm":
            inside = self.r.choice([self.vector(n, depth), self.matrix(m, n, depth - 1)])
            return Part("norm2", (inside,), ())
        if pick == "quad":
            x = self.vector(n, 0)
            return self.inner(x, Part("mul", (self.matrix(n, n, depth - 1), x), (n,)))
        if pick == "dot":
            return self.inner(self.vector(n, depth - 1), self.vector(n, depth - 1))
        if pick == "bilinear":
            x, y = self.vector(m, 0), self.vector(n, 0)
            return self.inner(x, Part("mul", (self.matrix(m, n, depth - 1), y), (m,)))
        if pick == "tr":
            k = self.size()
            both = (self.matrix(n, k, depth - 1), self.matrix(k, n, depth - 1))
            return Part("tr", (Part("mul", both, (n, n)),), ())
        if pick == "sumf":
            f = Part("call", (self.r.choice(ENTRYWISE), self.vector(n, depth - 1)), (n,))
            return Part("sum", (f,), ())
        if pick == "logdet":
            return Part("logdet", (self.matrix(n, n, 0),), ())
        if pick == "ridge":
            w = self.vector(n, 0)
            loss = Part("mul", (self.matrix(m, n, 0), w), (m,))
            miss = Part("neg", (self.leaf((m,)),), (m,))
            error = Part("norm2", (Part("add", (loss, miss), (m,)),), ())
            return Part("add", (error, Part("scale", (self.leaf(()), Part("norm2", (w,), ())), ())),
                        ())  # fmt: skip
        z = Part("mul", (self.matrix(m, n, 0), self.vector(n, 0)), (m,))
        return Part("sum", (Part("call", ("softplus", z), (m,)),), ())

    def derived(self, pick: str, n: str, m: str, depth: int) -> Part:
        """A number made of numbers, or a sum over entries."""
        x, y = self.vector(n, 0), self.vector(n, 0)
        if pick == "ratio":
            above = self.scalar(0) if depth else self.inner(y, x)
            return Part("div", (above, self.inner(x, x)), ())
        if pick == "square":
            return Part("pow2", (self.inner(x, self.vector(n, depth - 1)),), ())
        if pick == "half":
            return Part("half", (self.scalar(0),), ())
        if pick == "length":
            return Part("norm", (self.vector(n, depth),), ())
        if pick == "gauss":
            form = self.inner(x, Part("mul", (self.matrix(n, n, 0), x), (n,)))
            return Part("gauss", (Part("half", (form,), ()),), ())
        if pick == "lse":
            return Part("lse", (self.vector(n, depth - 1),), ())
        if pick == "entries":
            form = self.r.choice(("dot", "sq", "exp"))
            return Part("isum", (form, x) if form == "sq" else (form, x, y), ())
        if pick == "pairs":
            return Part("isum", ("form", self.matrix(n, m, 0), x, self.vector(m, 0)), ())
        return Part("isum", ("rows", self.fresh_rows(m, n), self.vector(n, 0), self.vector(m, 0)),
                    ())  # fmt: skip

    def fresh_rows(self, m: str, n: str) -> Part:
        """A matrix X whose rows are x_i; another array where x or X are there already."""
        if any(name.partition("_")[0].lower() == "x" for name in self.names):
            return self.matrix(m, n, 0)
        self.names["X"] = (m, n)
        return Part("name", ("X",), (m, n))

    def inner(self, x: Part, y: Part) -> Part:
        return Part("mul", (Part("t", (x,), ("1", *x.shape)), y), ())


def value(p: Part, values: dict[str, Any]) -> Any:
    """The value of a part; columns are arrays of one axis, rows of two."""
    if p.op == "name":
        return values[p.args[0]]
    if p.op == "call":
        return FUNCTIONS[p.args[0]](value(p.args[1], values))
    if p.op == "isum":
        return SUMS[p.args[0]](*(value(a, values) for a in p.args[1:]))
    args = [value(a, values) for a in p.args]
    if p.op == "t":
        return args[0][None, :] if args[0].ndim == 1 else args[0].T
    if p.op == "mul":
        a, b = args
        if np.ndim(a) == 0 or np.ndim(b) == 0:
            return a * b
        if a.ndim == 1:
            return np.outer(a, b[0])
        out = a @ b
        return out[0] if p.shape == () else out
    return OPERATIONS[p.op](*args)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "tanh": np.tanh,
    "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
    "sin": np.sin,
    "cos": np.cos,
    "relu": lambda v: np.maximum(v, 0),
    "softplus": lambda v: np.logaddexp(0, v),
    "log1p": lambda v: np.log1p(v * 0 + v**2),
}
SUMS: dict[str, Callable[..., Any]] = {
    "dot": lambda x, y: (x * y).sum(),
    "sq": lambda x: (x**2).sum(),
    "exp": lambda x, y: np.exp(x - y).sum(),
    "form": lambda a, x, y: x @ a @ y,
    "rows": lambda a, w, y: ((y - a @ w) ** 2).sum(),
}
OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "neg": lambda a: -a,
    "had": lambda a, b: a * b,
    "scale": lambda a, b: a * b,
    "inv": np.linalg.inv,
    "norm2": lambda a: (a**2).sum(),
    "tr": np.trace,
    "sum": np.sum,
    "logdet": lambda a: np.linalg.slogdet(a)[1],
    "div": lambda a, b: a / b,
    "pow2": lambda a: a**2,
    "half": lambda a: a / 2,
    "norm": lambda a: np.sqrt((a**2).sum()),
    "gauss": lambda a: np.exp(-a),
    "lse": lambda a: np.log(np.exp(a).sum()),
}


# Spellings ---------------------------------------------------------------------------------------

TIGHT, FACTOR, TERM = 3, 2, 1


class NotSpelledError(Exception):
    """A style that has no sign for a part."""


@dataclass
class Speller:
    """Writes a question in one style; subclasses know the signs."""

    r: Random
    turn: str = ".T"
    times: str = "*"

    def style(self, *options: str) -> str:
        return self.r.choice(options)

    def write(self, p: Part, level: int = 0) -> str:
        """A part, in brackets where it binds less than `level`."""
        text, own = self.part(p)
        return self.bracket(text) if own < level else text

    def bracket(self, text: str) -> str:
        return f"({text})"

    def part(self, p: Part) -> tuple[str, int]:
        """The text of a part, and how tightly it binds."""
        if p.op == "t":
            return self.write(p.args[0], TIGHT + 1) + self.turn, TIGHT
        if p.op == "had":
            left, right = (self.write(a, TIGHT) for a in p.args)
            return f"{left}{self.times}{right}", FACTOR - 1
        if p.op == "neg":
            return f"-{self.write(p.args[0], FACTOR)}", 0
        if p.op != "add":
            return self.own(p)
        first, second = p.args
        if second.op == "neg":
            return f"{self.write(first)} - {self.write(second.args[0], FACTOR)}", 0
        return f"{self.write(first)} + {self.write(second, FACTOR)}", 0

    def own(self, p: Part) -> tuple[str, int]:
        raise NotImplementedError


class Text(Speller):
    """The text language, with or without `*`."""

    def __init__(self, r: Random) -> None:
        super().__init__(r, times=".*")
        self.star = self.style("*", "*", "", " ")
        self.turn = self.style("'", "'", "^T", "ᵀ")
        self.norm = self.style("norm2({})^2", "||{}||^2", "‖{}‖²")
        self.greek = self.r.random() < 0.3
        self.half = self.style("{}/2", "0.5*{}", "1/2*{}", "½ {}")

    def name(self, name: str) -> str:
        signs = {"lambda": "λ", "alpha": "α", "beta": "β", "gamma": "γ"}
        stem, _, digit = name.partition("_")
        return signs.get(stem, stem) + (f"_{digit}" if digit else "") if self.greek else name

    def product(self, left: str, right: str) -> str:
        glue = self.star
        if not glue and left[-1].islower() and right[0].islower():
            glue = "*"  # two letters that are small can be a name
        if not glue and (left[-1].isalnum() and (right[0] == "(" or len(right) > 2)):
            glue = "*"
        if glue in ("", " ") and (left[-1].isdigit() or right[:1].isdigit()):
            glue = "*"
        if not glue and (len(left) > 1 and left[-1].isalpha() and left[-2].isalpha()):
            glue = "*"
        return left + glue + right

    def own(self, p: Part) -> tuple[str, int]:
        if p.op == "name":
            return self.name(p.args[0]), TIGHT + 1
        if p.op == "call":
            name, inner = p.args
            if name == "log1p":
                return f"log(1 + {self.write(inner, TIGHT)}.^2)", TIGHT + 1
            return f"{name}({self.write(inner)})", TIGHT + 1
        if p.op in ("mul", "scale"):
            left, right = (self.write(a, FACTOR) for a in p.args)
            return self.product(left, right), FACTOR
        if p.op == "norm2":
            return self.norm.format(self.write(p.args[0])), TIGHT
        if p.op == "isum":
            return self.entries(*p.args), 0
        forms = {
            "pow2": ("({})^2", TIGHT),
            "half": (self.half, FACTOR),
            "norm": ("||{}||", TIGHT + 1),
            "gauss": ("exp(-{})", TIGHT + 1),
            "lse": ("log(sum(exp({})))", TIGHT + 1),
        }
        if p.op == "div":
            above, below = (self.write(a, TIGHT + 1) for a in p.args)
            return f"{above}/{self.inside(below)}", FACTOR - 1
        form, level = forms.get(p.op, (f"{p.op}({{}})", TIGHT + 1))
        inner = FACTOR if p.op in ("half", "gauss") else 0
        return form.format(self.write(p.args[0], inner)), level

    def inside(self, text: str) -> str:
        """A divisor in brackets, unless it has some."""
        return text if text.startswith("(") else f"({text})"

    def entries(self, form: str, *args: Part) -> str:
        """A sum over entries; names stand with their indices."""
        if any(a.op != "name" or "_" in a.args[0] for a in args):
            raise NotSpelledError
        a, b, *c = (self.name(p.args[0]) for p in (*args, *args)[: max(2, len(args))])
        row = a.lower()
        if form == "rows" and (a != "X" or "x" in (b, *c)):
            raise NotSpelledError
        return {
            "dot": f"sum_i {a}_i*{b}_i",
            "sq": f"sum_i {a}_i^2",
            "exp": f"sum_i exp({a}_i - {b}_i)",
            "form": f"sum_i sum_j {a}_ij*{b}_i*{''.join(c)}_j",
            "rows": f"sum_i ({''.join(c)}_i - {b}'*{row}_i)^2",
        }[form]


class Latex(Speller):
    """LaTeX in one of many styles."""

    def __init__(self, r: Random) -> None:
        super().__init__(r, times=r" \odot ")
        self.turn = self.style(r"^\top", "^T", r"^{\top}", r"^{\mathsf T}", "'", r"^\intercal")
        self.bold = self.style("", "", r"\mathbf", r"\boldsymbol")
        self.norm = self.style(
            r"\|{}\|^2",
            r"\lVert {} \rVert^2",
            r"\left\|{}\right\|^2",
            r"||{}||^2",
            r"\Vert {}\Vert_2^2",
        )
        self.round = self.style("({})", r"\left({}\right)", r"\left[{}\right]")
        self.trace = self.style(r"\operatorname{tr}", r"\mathrm{tr}", r"\text{tr}", r"{\rm Tr}")
        self.space = self.style("", " ", r"\,", " ")
        self.half = self.style(r"\frac12", r"\frac{1}{2}", r"\tfrac{1}{2}", r"{1 \over 2}")
        self.exponential = self.style(r"\exp\left(-{}\right)", "e^{{-{}}}", r"\exp(-{})")
        self.sum = self.style(r"\sum_i", r"\sum_{i=1}^{n}", r"\sum\limits_{i}")

    def name(self, name: str, axes: int) -> str:
        stem, _, digit = name.partition("_")
        greek = "lambda alpha beta gamma eta epsilon Sigma Lambda Omega Psi".split()
        typed = f"\\{stem}" if stem in greek else stem
        typed = rf"\mathrm{{{stem}}}" if stem not in greek and len(stem) > 1 else typed
        if self.bold and axes:
            typed = f"{self.bold}{{{typed}}}"
        return typed + (f"_{{{digit}}}" if len(digit) > 1 else f"_{digit}" if digit else "")

    def bracket(self, text: str) -> str:
        return self.round.format(text)

    def product(self, left: str, right: str) -> str:
        glue = self.space
        if not glue and left[-1].isalpha() and "\\" in left[-12:] and right[0].isalpha():
            glue = " "
        return left + glue + right

    def own(self, p: Part) -> tuple[str, int]:
        if p.op == "name":
            return self.name(p.args[0], len(p.shape)), TIGHT + 1
        if p.op == "call":
            name, inner = p.args
            if name == "log1p":
                return (
                    rf"\log(1 + {self.write(inner, TIGHT)} \odot {self.write(inner, TIGHT)})",
                    FACTOR,
                )
            heads = {n: f"\\{n}" for n in ("exp", "tanh", "sin", "cos")}
            head = heads.get(name, rf"\operatorname{{{name}}}")
            if name == "sigmoid":
                head = r"\sigma"
            return f"{head}({self.write(inner)})", TIGHT + 1
        if p.op in ("mul", "scale"):
            left, right = (self.write(a, FACTOR) for a in p.args)
            return self.product(left, right), FACTOR
        if p.op == "inv":
            return self.write(p.args[0], TIGHT + 1) + "^{-1}", TIGHT
        if p.op == "norm2":
            inside = self.write(p.args[0])
            square = self.norm.replace("_2", "_F") if len(p.args[0].shape) == 2 else self.norm
            return square.replace("{}", inside, 1), TIGHT
        if p.op == "div":
            above, below = (self.write(a) for a in p.args)
            return rf"\frac{{{above}}}{{{below}}}", TIGHT + 1
        if p.op == "isum":
            return self.entries(*p.args), 0
        if p.op in ("pow2", "half", "norm", "gauss", "lse"):
            return self.derived(p)
        heads = {"tr": self.trace, "sum": r"\operatorname{sum}", "logdet": r"\log\det"}
        return f"{heads[p.op]}({self.write(p.args[0])})", TIGHT + 1

    def derived(self, p: Part) -> tuple[str, int]:
        """Powers, halves, lengths, exponentials and their logarithms."""
        inside = self.write(p.args[0], FACTOR if p.op in ("half", "gauss") else 0)
        if p.op == "pow2":
            return self.bracket(inside) + "^2", TIGHT
        if p.op == "half":
            return self.half + " " + inside, FACTOR
        if p.op == "gauss":
            return self.exponential.format(inside), TIGHT
        if p.op == "norm":
            return re.sub(r"(?<=[|t])(?:_2)?\^2$", "", self.norm).replace(
                "{}", inside, 1
            ), TIGHT + 1
        if p.args[0].op != "name" or "_" in p.args[0].args[0] or self.bold:
            raise NotSpelledError
        return rf"\log \sum_j e^{{{inside}_j}}", 0

    def entries(self, form: str, *args: Part) -> str:
        """A sum over entries; names stand with their indices, rows of X as x_i."""
        if any(a.op != "name" or "_" in a.args[0] for a in args) or self.bold:
            raise NotSpelledError
        two = (*args, *args)[: max(2, len(args))]
        a, b, *c = (self.name(p.args[0], len(p.shape)) for p in two)
        if form == "rows" and (a != "X" or "x" in (b, *c)):
            raise NotSpelledError
        last, turn = "".join(c), self.turn
        return {
            "dot": rf"{self.sum} {a}_i {b}_i",
            "sq": rf"{self.sum} {a}_i^2",
            "exp": rf"{self.sum} e^{{{a}_i - {b}_i}}",
            "form": rf"\sum_{{i,j}} {a}_{{ij}} {b}_i {last}_j",
            "rows": rf"{self.sum} ({last}_i - {b}{turn} x_i)^2",
        }[form]


class Numpy(Speller):
    """NumPy with vectors of one axis."""

    def own(self, p: Part) -> tuple[str, int]:
        if p.op == "name":
            return p.args[0].replace("lambda", "lam"), TIGHT + 1
        if p.op == "call":
            name, inner = p.args
            forms = {
                "sigmoid": "1/(1 + np.exp(-({})))",
                "relu": "np.maximum({}, 0)",
                "softplus": "np.logaddexp(0, {})",
                "log1p": "np.log1p(({})**2)",
            }
            level = 0 if name == "sigmoid" else TIGHT + 1
            return forms.get(name, f"np.{name}({{}})").format(self.write(inner)), level
        if p.op in ("mul", "scale"):
            return self.product(p)
        if p.op == "div":
            return "{}/{}".format(*(self.write(a, TIGHT + 1) for a in p.args)), FACTOR - 1
        if p.op == "isum":
            return self.entries(*p.args), FACTOR
        if p.op in ("half", "gauss"):
            form = self.half if p.op == "half" else "np.exp(-{})"
            return form.format(self.write(p.args[0], TIGHT)), FACTOR
        forms = {
            "pow2": "({})**2",
            "norm": self.style("np.linalg.norm({})", "np.sqrt(np.sum(({})**2))"),
            "lse": self.style("np.log(np.sum(np.exp({})))", "np.log(np.exp({}).sum())"),
            "norm2": "np.sum(({})**2)",
            "inv": "np.linalg.inv({})",
            "tr": "np.trace({})",
            "sum": "np.sum({})",
            "logdet": "np.linalg.slogdet({})[1]",
        }
        return forms[p.op].format(self.write(p.args[0])), TIGHT + 1

    @property
    def half(self) -> str:
        return self.style("0.5*{}", "{}/2", "1/2*{}")

    def entries(self, form: str, *args: Part) -> str:
        """A sum over entries, as arrays have it."""
        a, b, *c = (self.write(x, TIGHT) for x in (*args, *args)[: max(2, len(args))])
        last = "".join(c)
        return {
            "dot": f"np.sum({a}*{b})",
            "sq": f"({a}**2).sum()",
            "exp": f"np.exp({a} - {b}).sum()",
            "form": f"{b} @ {a} @ {last}",
            "rows": f"np.sum(({last} - {a} @ {b})**2)",
        }[form]

    def product(self, p: Part) -> tuple[str, int]:
        left, right = p.args
        if left.shape == () or right.shape == ():
            return f"{self.write(left, TIGHT)}*{self.write(right, TIGHT)}", FACTOR
        row = left.op == "t" and len(left.args[0].shape) == 1
        turned = right.op == "t" and len(right.args[0].shape) == 1
        if turned and len(left.shape) == 1:
            return f"np.outer({self.write(left)}, {self.write(right.args[0])})", TIGHT + 1
        a = self.write(left.args[0] if row else left, FACTOR)
        return f"{a} @ {self.write(right, TIGHT)}", FACTOR


SPELLERS: dict[str, type[Speller]] = {"text": Text, "latex": Latex, "numpy": Numpy}


@dataclass(frozen=True)
class Asked:
    """A question: the tree, the names with their shapes, how it is spelled, and the variable."""

    tree: Part
    names: dict[str, Shape]
    spelling: str
    typed: str
    by: str

    def values(self, seed: int) -> dict[str, Any]:
        """Values for the names: matrices near an identity where they are square.

        In Python lambda is spelled lam.
        """
        rng = np.random.default_rng(seed)
        found: dict[str, Any] = {}
        for name, shape in self.names.items():
            sizes = tuple(SIZES[s] for s in shape)
            found[name] = rng.normal(size=sizes) * 0.6
            if len(set(shape)) == 1 and len(shape) == 2:
                found[name] = found[name] + 3 * np.eye(sizes[0])
        return found | {n.replace("lambda", "lam"): v for n, v in found.items()}


def question(seed: int) -> Asked:
    """The question of a seed."""
    r = Random(seed)
    spelling = r.choice(("text", "latex", "numpy"))
    grower = Grower(r)
    tree = grower.scalar(r.choice((1, 2, 2, 3)))
    if r.random() < 0.3:
        tree = Part("add", (tree, grower.scalar(1)), ())
    speller = SPELLERS[spelling](r)
    used = names_in(tree)
    names = {n: s for n, s in grower.names.items() if n in used}
    arrays = [n for n, s in names.items() if s] or list(names)
    try:
        typed = speller.write(tree)
        if "x_i" in typed and typed.count("sum_") > 1:
            raise NotSpelledError  # one index for arrays of two sizes
    except NotSpelledError:
        return question(seed + FURTHER)
    return Asked(tree, names, spelling, typed, r.choice(arrays))


def names_in(p: Part) -> set[str]:
    """The variables of a tree."""
    if p.op == "name":
        return {p.args[0]}
    return {n for a in p.args if isinstance(a, Part) for n in names_in(a)}


def gradient(asked: Asked, values: dict[str, Any]) -> Any:
    """The gradient by central differences."""
    at = values[asked.by]
    found = np.zeros_like(at)
    for k in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[k] = 1e-6
        up = value(asked.tree, {**values, asked.by: at + step})
        down = value(asked.tree, {**values, asked.by: at - step})
        found[k] = (up - down) / 2e-6
    return found
