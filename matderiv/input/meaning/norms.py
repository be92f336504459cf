"""Norms by what stands below their bars, and by the kind of what they measure."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from matderiv.errors import ParseError
from matderiv.input.meaning.evidence import INVALID, KindEvidence
from matderiv.input.tree import NORM, NORMS
from matderiv.language.source import Call, Name, Node, Number, Operation, String, children, unsigned


class Norms(KindEvidence):
    """The norms of one text; `remark` takes what is said of them."""

    remark: Callable[[str], None]
    failed: Callable[[ParseError, Node], None]

    def is_power_of_norm(self, node: Node) -> bool:
        r"""True for `\|x\|_p^p`, the sum of the powers."""
        norm, exponent, *_ = (*children(node), node, node)
        typed = norm.operands[-1] if isinstance(norm, Operation) and norm.function == NORM else None
        kind = typed.value if isinstance(typed, String) else ""
        if kind in NORMS:
            return False
        number = isinstance(exponent, Number) and str(exponent.value) == kind
        return number or (isinstance(exponent, Name) and exponent.name == kind)

    def norm_kind(self, node: Node) -> str:
        """The name of a norm by its subscript; "" for one by a letter."""
        if self.is_bars(node):
            return "norm2"
        if isinstance(node, Call):
            return node.name
        subscript = node.operands[1] if isinstance(node, Operation) else None
        return NORMS.get(subscript.value if isinstance(subscript, String) else "", "")

    def norm(self, node: Operation, values: Sequence[Node]) -> Node:
        """A norm by its subscript and by the kind of what it measures."""
        inner, subscript = values
        assert isinstance(subscript, String)
        kind, build = subscript.value, self.build
        matrix = self.axes(inner) > 1
        if self.is_number(inner) and self.guessed_below(node.operands[0]):
            self.objection(1.5 if self.by_inner_products(node.operands[0]) else 4, node)
        if kind not in NORMS:
            return self.norm_by_letter(node, inner, kind)
        bare = unsigned(node.operands[0])
        if kind in ("1", "infty") and not matrix and self.is_guess(bare):
            self.objection(INVALID if getattr(bare, "name", "x")[0].isupper() else 0, node)
        if matrix and kind == "1":
            self.remark(f"{self.source.typed(node.span)} is the sum of all absolute entries")
        if matrix and kind == "infty":
            hint = r"\|\operatorname{vec}(A)\|_\infty"
            error = build.error("this norm of a matrix has two meanings", node.span, hint)
            self.failed(error, node)
        if matrix and kind == "2" and self.guessed_below(node.operands[0]):
            self.objection(0.9, node)
        name = "norm_spec" if matrix and kind == "2" else NORMS[kind]
        return build.call(name, (inner,), node.span, subscript.span)

    def below(self, node: Node) -> Node:
        r"""What `\|x\|_p`, `\|x\|_A` and `\|x\|_{A^{-1}}` have below, as a value."""
        *_, typed = children(node)
        kind = typed.value if isinstance(typed, String) else ""
        base = kind.removesuffix("^-1")
        if kind.isdigit():
            return self.build.number(Fraction(kind), node.span)
        if any(base in getattr(n, "indices", ()) for n in self.source.nodes):
            raise self.build.error(f"the norm {kind} is not read below a sum over it", node.span)
        made = self.build.name(base, node.span)
        return made if base == kind else self.build.call("inv", (made,), node.span)

    def norm_by_letter(self, node: Operation, inner: Node, kind: str) -> Node:
        r"""`\|x\|_p` of a vector with a number p, `\|x\|_A` with a matrix A."""
        build, span, made = self.build, node.span, self.below(node)
        if self.axes(inner) == 1 and self.is_number(made):
            absolute = build.call("abs", (inner,), span)
            total = build.call("sum", (build.operation("epow", (absolute, made), span),), span)
            root = build.operation("div", (build.number(1, span), made), span)
            return build.operation("power", (total, root), span)
        if self.axes(inner) == 1 and self.axes(made) == 2:
            row = build.transpose(inner, inner.span[1])
            return build.call("sqrt", (build.chain("mul", [row, made, inner]),), span)
        raise build.error(f"the norm {kind} is not read", span, r"\|x\|_2, \|A\|_F or \|x\|_1")
