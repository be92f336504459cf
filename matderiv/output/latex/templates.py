"""What each function looks like in LaTeX, as pieces: text, and arguments still to be printed."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from matderiv.expr import Expr, apply, is_, number_value, ones
from matderiv.language.printer import entry_of, factors_shown, part_of, places_in
from matderiv.output.latex.names import LatexNames, escaped, inline_number, number_latex
from matderiv.shapes import is_scalar, long_axes

COMPARE, SUM, ENTRYWISE, PRODUCT, POSTFIX, ATOM = range(6)
NEXT = "\0"
"""Between two factors side by side."""

LEVELS = {
    "add": SUM,
    "neg": SUM,
    **dict.fromkeys(("hadamard", "ediv", "kron", "cross"), ENTRYWISE),
    "mul": PRODUCT,
    **dict.fromkeys(
        "div transpose power epow inv pinv sqrt logdet log_softmax fuse".split(), POSTFIX
    ),
}
RELATIONS = {"gt": ">", "lt": "<", "ge": r"\ge", "le": r"\le"}
AXES = {1: r"\mathrm{cols}", 2: r"\mathrm{rows}"}
NORMS = {"norm1": "1", "norminf": r"\infty", "norm_nuc": "*", "norm_spec": "2"}


class Item(NamedTuple):
    """A node that is to stand at some level at least."""

    node: Expr
    least: int


Piece = str | Item


class Printer:
    """The pieces of a node, given how names are written and which nodes are tall."""

    def __init__(self, names: LatexNames, tall: set[Expr]) -> None:
        self.names = names
        self.tall = tall

    def level(self, node: Expr) -> int:
        """How tightly the printed node holds together."""
        name = node.function.name
        if name == "number":
            written = self.number(node)
            return ATOM if written[-1].isdigit() else PRODUCT if "cdot" in written else POSTFIX
        if name == "variable":
            return POSTFIX if self.names.variable(node).startswith(r"\mathrm{d}") else ATOM
        return LEVELS.get(name, ATOM) if part_of(node) is None else ATOM

    def pieces(self, node: Expr) -> list[Piece]:
        """The LaTeX of a node, its arguments still to be printed."""
        name = node.function.name
        if (entry := entry_of(node) or part_of(node)) is not None:
            below = places_in(entry[1], self.names.size)
            whole = self.names.variable(entry[0]) if is_(entry[0], "variable") else "_"
            if ":" in below and "_" not in whole:
                return [f"{whole}_{{{below}}}"]
            return ["[", Item(entry[0], COMPARE), f"]_{{{below}}}"]
        if name in _SPECIAL:
            return _SPECIAL[name](self, node)
        if name in RELATIONS:
            return self.mask(self.relation(node))
        if name in NORMS:
            return self.norm(node, NORMS[name])
        if node.function.call in ("axis", "keyword-axis"):
            return self.along(node)
        return self.call(self.label(node), node)

    @staticmethod
    def number(node: Expr) -> str:
        """A number, which is not negative after `spelled`."""
        return number_latex(node.params[0])

    def bracketed(self, left: str, inside: Sequence[Piece], right: str) -> list[Piece]:
        """Brackets, growing only around something tall."""
        tall = any(isinstance(p, Item) and p.node in self.tall for p in inside)
        if tall:
            left, right = rf"\left{left}", rf"\right{right}"
        return [left, *inside, right]

    # Operators -----------------------------------------------------------------------------------

    def sum(self, node: Expr) -> list[Piece]:
        """Terms with their signs; a number beside an identity shows its matrix of ones."""
        out: list[Piece] = []
        beside = any(is_(_stem_of_multiple(t), "eye") for t in node.args)
        for k, term in enumerate(node.args):
            negative = is_(term, "neg")
            sign = ("-" if not k else " - ") if negative else (" + " if k else "")
            shown = term.args[0] if negative else term
            if beside and is_scalar(shown.shape):
                matrix = ones(*node.shape)
                shown = matrix if number_value(shown) == 1 else apply("mul", shown, matrix)
            out += [sign, Item(shown, ENTRYWISE)]
        return out

    def product(self, node: Expr) -> list[Piece]:
        """Factors side by side; an inner product before a matrix keeps its brackets."""
        factors = factors_shown(node)
        first = factors[0]
        alone = is_(first, "mul") and is_scalar(first.shape)
        out: list[Piece] = [Item(first, POSTFIX if alone else PRODUCT)]
        for left, right in pairwise(factors):
            wide = self.names.wide(_stem(left)) or self.names.wide(_stem(right))
            out += [r"\," if wide else NEXT, Item(right, POSTFIX)]
        return out

    def entrywise(self, node: Expr) -> list[Piece]:
        """Factors joined by a sign of their own."""
        name = node.function.name
        sign = {
            "hadamard": r" \odot ",
            "ediv": r" \oslash ",
            "kron": r" \otimes ",
            "cross": r" \times ",
        }[name]
        first = node.args[0]
        chain = name in ("hadamard", "ediv") and is_(first, "hadamard")
        out: list[Piece] = [Item(first, ENTRYWISE if chain else PRODUCT)]
        for factor in node.args[1:]:
            out += [sign, Item(factor, POSTFIX)]
        return out

    def quotient(self, node: Expr) -> list[Piece]:
        """A fraction."""
        above, below = node.args
        return [r"\frac{", Item(above, COMPARE), "}{", Item(below, COMPARE), "}"]

    def power(self, node: Expr) -> list[Piece]:
        """A superscript, with a circle for powers of the entries."""
        base, exponent = node.args
        circled = is_(node, "epow")
        out: list[Piece] = [Item(base, ATOM), r"^{\odot " if circled else "^{"]
        sign = is_(exponent, "neg")
        size = exponent.args[0] if sign else exponent
        out += ["-"] if sign else []
        if is_(size, "number"):
            value: Fraction = size.params[0]
            return [*out, inline_number(value), "}"]
        return [*out, Item(size, PRODUCT if circled or sign else COMPARE), "}"]

    def transpose(self, node: Expr) -> list[Piece]:
        """A transpose, joined with an inverse."""
        (x,) = node.args
        mark = self.names.transpose
        if is_(x, "inv") and mark != "'":
            return [Item(x.args[0], ATOM), mark.replace("^", "^{-", 1).replace("{-{", "{-")]
        if is_(x, "variable") and x.name.startswith("conj("):
            return [self.names.symbol(x.name[5:-1], x.shape), r"^{\mathrm{H}}"]
        return [Item(x, POSTFIX if is_(x, "variable") else ATOM), mark]

    def scripted(self, node: Expr, script: str) -> list[Piece]:
        """A superscript that is part of the function."""
        return [Item(node.args[0], ATOM), script]

    # Calls ---------------------------------------------------------------------------------------

    def label(self, node: Expr) -> str:
        r"""The command of a function: its own, or \operatorname with its name."""
        known = node.function.latex
        clash = known.removeprefix("\\") in self.names.taken  # a variable sigma
        if known.startswith("\\") and not clash:
            return known
        if node.function.label in ("max", "min", "arg"):
            return f"\\{node.function.label}"
        return rf"\operatorname{{{escaped(node.function.label)}}}"

    def call(self, label: str, node: Expr) -> list[Piece]:
        """A name and its arguments in brackets; sizes and axes are a subscript."""
        params = node.params if node.function.call in ("like", "axes", "internal") else ()
        below = self.names.sizes(params)
        if node.function.call == "axes":
            below = ",".join(map(str, params))
        if node.function.call == "pattern":
            below = pattern(node.params[0])
        head = f"{label}_{{{below}}}" if below else label
        inside: list[Piece] = []
        for k, argument in enumerate(node.args):
            inside += [", "] if k else []
            inside.append(Item(argument, COMPARE))
        if node.function.call == "numbers" and node.params:
            inside.append(", " + ", ".join(map(str, node.params)))
        return [head, *self.bracketed("(", inside, ")")] if inside else [head]

    def along(self, node: Expr) -> list[Piece]:
        """A function of everything or along an axis."""
        label, (axis,) = self.label(node), node.params
        if is_(node, "log_softmax"):
            label = r"\log\operatorname{softmax}"
        if axis is not None:
            matrix = len(node.args[0].shape) == 2
            label += f"_{{{AXES[axis] if matrix else axis}}}"
        return self.call(label, node)

    def norm(self, node: Expr, kind: str) -> list[Piece]:
        """Double bars with a subscript."""
        bars = self.bracketed(r"\lVert ", [Item(node.args[0], COMPARE)], r" \rVert")
        return [*bars, f"_{{{kind}}}"]

    def euclidean(self, node: Expr) -> list[Piece]:
        """The Euclidean norm of a vector, the Frobenius norm of a matrix."""
        return self.norm(node, "F" if len(long_axes(node.args[0].shape)) > 1 else "2")

    def absolute(self, node: Expr) -> list[Piece]:
        """Bars; around a matrix they would be a determinant."""
        if len(long_axes(node.args[0].shape)) > 1:
            return self.call(self.label(node), node)
        return self.bracketed(r"\lvert ", [Item(node.args[0], COMPARE)], r" \rvert")

    def relation(self, node: Expr) -> list[Piece]:
        """A comparison as such."""
        left, right = node.args
        return [Item(left, SUM), f" {RELATIONS[node.function.name]} ", Item(right, SUM)]

    def mask(self, test: list[Piece]) -> list[Piece]:
        """1 where a comparison holds."""
        return [r"\mathbf{1}", *self.bracketed(r"\{", test, r"\}")]

    def step(self, node: Expr) -> list[Piece]:
        """1 where positive."""
        test: list[Piece] = [Item(node.args[0], SUM), " > 0"]
        return self.mask(test)

    def where(self, node: Expr) -> list[Piece]:
        """A choice; a comparison stands in it without its mask."""
        test, a, b = node.args
        inside: list[Piece] = [Item(test, COMPARE)]
        if test.function.name in RELATIONS:
            inside = self.relation(test)
        inside += [", ", Item(a, COMPARE), ", ", Item(b, COMPARE)]
        return [r"\operatorname{where}", *self.bracketed("(", inside, ")")]

    def dot(self, node: Expr) -> list[Piece]:
        """The inner product of matrices."""
        a, b = node.args
        inside: list[Piece] = [Item(a, COMPARE), ", ", Item(b, COMPARE)]
        return self.bracketed(r"\langle ", inside, r" \rangle")

    def abstract(self, node: Expr) -> list[Piece]:
        """A function that nobody defines, and its derivatives."""
        name, order = node.params[-2:]
        head = self.names.symbol(name, ())
        if is_(node, "abstract") and node.args[0].shape:
            head = ("", r"\nabla ", r"\nabla^{2} ")[order] + head
        else:
            head += "'" * order
        return [head, *self.bracketed("(", [Item(node.args[0], COMPARE)], ")")]

    def blocks(self, node: Expr) -> list[Piece]:
        """Blocks as a matrix of matrices."""
        out: list[Piece] = [r"\begin{bmatrix} "]
        for k, cell in enumerate(node.args):
            out += [(r" \\ ", " & ")[k % node.params[0] > 0]] if k else []
            out.append(Item(cell, SUM))
        return [*out, r" \end{bmatrix}"]

    def constant(self, node: Expr) -> list[Piece]:
        """Ones, zeros, the identity and the commutation matrix, with their sizes."""
        name = node.function.name
        if name in ("duplication", "cols"):
            written = ", ".join(map(self.names.size, node.params))
            return [rf"\operatorname{{{name}}}({written})"]
        letter = {"ones": "1", "zeros": "0", "eye": "I", "commutation": "K", "unit": "e"}[name]
        sizes = self.names.sizes(node.params)
        if name == "unit":
            sizes = str(node.params[1])
        if name == "commutation":
            sizes = ",".join(map(self.names.size, node.params))
        return [rf"\mathbf{{{letter}}}_{{{sizes}}}"]


def pattern(spec: str) -> str:
    r"""An einsum pattern as a subscript: `ij,jk \to ik`."""
    left, _, right = spec.partition("->")
    operands = ",".join(map(escaped, left.split(",")))
    return rf"{operands} \to {escaped(right)}".rstrip()


def _stem_of_multiple(node: Expr) -> Expr:
    """What a term is a multiple of."""
    while is_(node, "neg", "div", "mul"):
        node = node.args[-1 if is_(node, "mul") else 0]
    return node


def _stem(node: Expr) -> Expr:
    """What a factor starts and ends with, apart from superscripts."""
    while is_(node, "transpose", "inv", "power", "epow", "pinv"):
        node = node.args[0]
    return node


_SPECIAL: dict[str, Callable[[Printer, Expr], list[Piece]]] = {
    "variable": lambda p, e: [p.names.variable(e)],
    "size": lambda p, e: [p.names.symbol(e.name, ())],
    "pi": lambda p, e: [r"\pi"],
    "tangent": lambda p, e: [rf"\mathrm{{d}}_{{{e.params[0]}}}"],
    "number": lambda p, e: [p.number(e)],
    "add": Printer.sum,
    "neg": lambda p, e: ["-", Item(e.args[0], ENTRYWISE)],
    "mul": Printer.product,
    **dict.fromkeys(("hadamard", "ediv", "kron", "cross"), Printer.entrywise),
    "div": Printer.quotient,
    "power": Printer.power,
    "epow": Printer.power,
    "transpose": Printer.transpose,
    "inv": lambda p, e: p.scripted(e, "^{-1}"),
    "pinv": lambda p, e: p.scripted(e, "^{+}"),
    "sqrt": lambda p, e: [r"\sqrt{", Item(e.args[0], COMPARE), "}"],
    "abs": Printer.absolute,
    "norm2": Printer.euclidean,
    "step": Printer.step,
    "where": Printer.where,
    "dot": Printer.dot,
    "blocks": Printer.blocks,
    "abstract": Printer.abstract,
    "abstract_map": Printer.abstract,
    "abstract_curve": Printer.abstract,
    **dict.fromkeys("eye ones zeros commutation duplication cols unit".split(), Printer.constant),
    "levicivita": lambda p, e: [r"\boldsymbol{\varepsilon}"],
}
