"""Expectations as they are typed: `E[x'*A*x] with x ~ N(mu, Sigma)`, in text and LaTeX."""

from collections.abc import Callable, Sequence

from matderiv.errors import ParseError
from matderiv.language.calls import known_function
from matderiv.language.source import Call, Name, Node, Number, Operation, Source, changed, postorder
from matderiv.language.tokens import TokenCursor

MEAN = "expectation"
EXAMPLE = "E[x'*A*x] with x ~ N(mu, Sigma)"
_AROUND = ("mathcal", "mathrm", "cal", "{", "}")

Normal = tuple[Name, Node, Node]
"""A name, its mean and its covariance."""


class Means(TokenCursor):
    """A cursor that reads what is averaged, and over what."""

    sum: Callable[[], Node]
    normals: tuple[Normal, ...] = ()

    @property
    def averages(self) -> bool:
        """True where something is said to have a distribution."""
        return bool(self.normals) or any(t.text == "~" for t in self.tokens)

    def mean(self, start: int, over: Sequence[Normal] = ()) -> Node:
        """The brackets behind E, whose distribution may stand at the end."""
        opening = self.take()
        body = self.sum()
        closing = self.close({"[": "]", "(": ")", "\\{": "\\}"}[opening.text], opening)
        return _over(Operation((start, closing.span[1]), MEAN, (body,)), over)

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


def _pair(node: Call) -> list[Node]:
    """The parameters of KL(N(m, S) || N(u, T)), and of nothing else."""
    inner = [o for o in node.operands if isinstance(o, Call) and len(o.operands) == 2]
    normals = [o for o in inner if known_function(o.name) == "mvnpdf"]
    found = [p for o in normals for p in o.operands]
    for k, other in ((0, 2), (2, 0)) if len(found) == 4 else ():
        found[k] = _centred(found[k], found[other])
    return found if len(found) == 4 else []


def _of_normals(node: Node) -> Node:
    if isinstance(node, Call) and known_function(node.name) == "kl" and (pair := _pair(node)):
        return Call(node.span, "kl_normal", node.name_span, tuple(pair))
    return node


def averaged_over(source: Source, normals: Sequence[Normal]) -> Source:
    """The source whose means are over the variables that have a distribution at its end.

    Raises ParseError for a mean over nothing, and for a distribution of what nobody averages.
    """

    nodes = list(postorder(source.main, *(part.value for part in source.parts)))
    if any(isinstance(n, Call) and _pair(n) for n in nodes):
        source = changed(source, _of_normals)
    operations = [n for n in nodes if isinstance(n, Operation) and n.function == MEAN]
    alone = [n for n in operations if len(n.operands) == 1]
    if bool(alone) != bool(normals):
        span = alone[0].span if alone else normals[0][0].span
        said = "nothing says what E is over" if alone else "there is no E over this"
        raise ParseError(said, source=source.text, span=span, hint=EXAMPLE)

    def whole(node: Node) -> Node:
        mean = isinstance(node, Operation) and node.function == MEAN and len(node.operands) == 1
        return _over(node, normals) if mean and isinstance(node, Operation) else node

    return changed(source, whole) if alone else source
