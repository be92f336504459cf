"""Expectations as they are typed: `E[x'*A*x] with x ~ N(mu, Sigma)`, in text and LaTeX."""

from collections.abc import Sequence

from matderiv.errors import ParseError
from matderiv.input.terms import Terms
from matderiv.language.calls import known_function
from matderiv.language.source import Call, Name, Node, Number, Operation, Source, changed, postorder

MEAN = "expectation"
MOMENTS = frozenset(("E", "Var", "Cov"))
EXAMPLE = "E[x'*A*x] with x ~ N(mu, Sigma)"
_AROUND = ("mathcal", "mathrm", "cal", "{", "}")

Normal = tuple[Name, Node, Node]
"""A name, its mean and its covariance."""


class Means(Terms):
    """A cursor that reads what is averaged, and over what."""

    normals: tuple[Normal, ...] = ()

    @property
    def averages(self) -> bool:
        """True where something is said to have a distribution."""
        return bool(self.normals) or any(t.text == "~" for t in self.tokens)

    def moment(self, name: str, start: int, over: Sequence[Normal] = ()) -> Node:
        """The brackets behind E, Var or Cov, whose distribution may stand at the end.

        A covariance is the mean of a product less the product of the means.
        """
        opening = self.take()
        parts = [self.sum()]
        if name == "Cov" and self.at(","):
            self.take()
            parts.append(self.sum())
        closing = self.close({"[": "]", "(": ")", "\\{": "\\}"}[opening.text], opening)
        span = (start, closing.span[1])

        def mean(body: Node) -> Node:
            return _over(Operation(span, MEAN, (body,)), over)

        if name == "E":
            return mean(parts[0])
        sides = parts[0], parts[-1]
        whole = mean(Call(span, "comoment", span, sides))
        apart = Call(span, "comoment", span, tuple(map(mean, sides)))
        return Operation(span, "add", (whole, Operation(span, "neg", (apart,))))

    def random(self, name: Name) -> None:
        """`~ N(mu, Sigma)` behind a name at the end of a text."""
        self.normals = (*self.normals, self.normal(name))

    def normal(self, name: Name) -> Normal:
        """`~ N(mu, Sigma)`; a mean of 0 is one of every entry."""
        self.take()
        while self.token.text in _AROUND:
            self.take()
        letter = self.take()
        while self.token.text in _AROUND:
            self.take()
        if letter.text not in ("N", "Normal", "normal") or not self.at("("):
            said = "the distributions of means are normal"
            raise self.error(said, letter.span, "x ~ N(mu, Sigma)")
        opening = self.take()
        mean = self.sum()
        mean = _centred(mean, name)
        if not self.at(",", ";", "|"):
            raise self.error("N has a mean and a covariance", opening.span, "x ~ N(mu, Sigma)")
        self.take()
        covariance = self.sum()
        self.close(")", opening)
        return name, mean, covariance


def _centred(mean: Node, like: Node) -> Node:
    """A mean of 0 with the shape of something else."""
    zero = isinstance(mean, Number) and not mean.value and not isinstance(like, Number)
    return Operation(mean.span, "mul", (mean, like)) if zero else mean


def _over(node: Operation, normals: Sequence[Normal]) -> Operation:
    for k, normal in enumerate(normals):
        body = node if k else node.operands[0]
        node = Operation(node.span, MEAN, (body, *normal))
    return node


def _divergence(node: Node) -> Node:
    """KL(N(m, S) || N(u, T)) as the mean of log N(x; m, S) - log N(x; u, T) over N(m, S)."""
    if not isinstance(node, Call) or known_function(node.name) != "kl":
        return node
    pairs = [
        o.operands
        for o in node.operands
        if isinstance(o, Call) and known_function(o.name) == "mvnpdf" and len(o.operands) == 2
    ]
    if len(pairs) != 2:
        return node
    x = Name(node.span, f"x_{node.span[0]}{node.span[1]}")
    normals = [(_centred(mean, x), covariance) for mean, covariance in pairs]
    p, q = (Call(node.span, "mvnlogpdf", node.span, (x, *normal)) for normal in normals)
    ratio = Operation(node.span, "add", (p, Operation(node.span, "neg", (q,))))
    return _over(Operation(node.span, MEAN, (ratio,)), [(x, *normals[0])])


def averaged_over(source: Source, normals: Sequence[Normal]) -> Source:
    """The source whose means are over the variables that have a distribution at its end.

    Raises ParseError for a mean over nothing, and for a distribution of what nobody averages.
    """

    operations = [n for n in source.nodes if isinstance(n, Operation) and n.function == MEAN]
    if any(isinstance(n, Call) and known_function(n.name) == "kl" for n in source.nodes):
        source = changed(source, _divergence)
    alone = [n for n in operations if len(n.operands) == 1]
    if bool(alone) != bool(normals):
        span = alone[0].span if alone else normals[0][0].span
        said = "nothing says what E is over" if alone else "there is no E over this"
        raise ParseError(said, source=source.text, span=span, hint=EXAMPLE)

    met = {n.name for mean in alone for n in postorder(mean) if isinstance(n, Name | Call)}
    for name, *_ in normals:
        if not {name.name} & {*met, *(m.partition("_")[0] for m in met)}:
            said = f"{name.name} does not stand in E[...]"
            raise ParseError(said, source=source.text, span=name.span, hint=EXAMPLE)

    def whole(node: Node) -> Node:
        mean = isinstance(node, Operation) and node.function == MEAN and len(node.operands) == 1
        return _over(node, normals) if mean and isinstance(node, Operation) else node

    return changed(source, whole) if alone else source
