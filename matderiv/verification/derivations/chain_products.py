r"""Products of derivatives by the chain rule: `\partial L/\partial z \; \partial z/\partial W`."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping

from matderiv.expr import Expr, variables
from matderiv.verification.quantities import (
    DERIVATIVE,
    LATEX_NAME,
    Quantity,
    Sign,
    latex_name,
    signs,
)

_BETWEEN = re.compile(r"(?:\s|\\[,;:!]|\\(?:cdot|times)(?![A-Za-z])|[*·])*")


def chained_signs(
    text: str, latex: bool, whole: Callable[[str], bool], numbers: Collection[str] = ()
) -> list[Sign]:
    r"""The derivatives in a formula; a product of two by the chain rule is one.

    `whole` is true of names of arrays: products of derivatives by entries are products of numbers,
    and so are those of a sum over several paths.
    A prime derives what has a name in `numbers`.

    >>> found = chained_signs("dL/dz * dz/dW * x'", False, lambda name: True)
    >>> [(s.quantity.of, s.quantity.by) for s in found]
    [('L', 'W')]
    """
    every = signs(text, latex)
    found: list[Sign] = []
    through: dict[Quantity, set[str]] = {}
    for sign in every:
        last = found[-1] if found else None
        between = "" if last is None else text[last.span[1] : sign.span[0]]
        q = None if last is None or not _BETWEEN.fullmatch(between) else _through(last, sign)
        if last is not None and q is not None and whole(middle := _middle(last, sign)):
            found[-1] = Sign((last.span[0], sign.span[1]), q, chained=True)
            through.setdefault(q, set()).add(middle)
        else:
            found.append(sign)
    paths = {q for q, names in through.items() if len(names) > 1}
    if paths:
        kept = [s for s in found if not (s.chained and s.quantity in paths)]
        inside = [s for s in every if not any(k.span[0] <= s.span[0] < k.span[1] for k in kept)]
        found = [*kept, *inside]
    taken = [s.span for s in found]
    primes = [*_primed_names(text, latex, numbers), *(_primed(text) if latex else ())]
    found += [s for s in primes if not any(a < s.span[1] and s.span[0] < b for a, b in taken)]
    return sorted(found, key=lambda s: s.span)


def by_prime(e: Expr) -> str:
    """The only variable of a number in brackets with a prime; "" where the prime transposes."""
    own = variables(e)
    return own[0].name if len(own) == 1 and not e.shape and not own[0].shape else ""


def slopes(values: Mapping[str, Expr], names: Collection[str]) -> set[str]:
    """The names of numbers that are functions of one number, whose prime is their derivative."""
    return {name for name, e in values.items() if name not in names and by_prime(e)}


def _primed_names(text: str, latex: bool, numbers: Collection[str]) -> Iterator[Sign]:
    """The names with a prime in `u'v + uv'`, of those that are numbers."""
    typed = rf"(?P<of>{LATEX_NAME})'(?!['(])|\\[A-Za-z]+" if latex else r"(?P<of>\w+)'(?!['(])"
    for found in re.finditer(typed, text) if numbers else ():
        start, end = found.span("of")
        name = latex_name(found["of"]) if latex and found["of"] else text[start:end]
        while not latex and name not in numbers and name[:1] in numbers:  # uv' is u times v'
            start, name = start + 1, name[1:]
        if name in numbers:
            made = Quantity(DERIVATIVE, primed=True)
            yield Sign((start, found.end()), made, (start, end))


def _primed(text: str) -> Iterator[Sign]:
    r"""The brackets with a prime, `\left(\frac{1}{x}\right)'`, which derives them or transposes."""
    for prime in re.finditer(r"(?:\\right\s*)?\)\s*'(?!')", text):
        close = text.rindex(")", *prime.span())
        depth, start = 1, close
        while start > 0 and depth:
            start -= 1
            depth += (text[start] == ")") - (text[start] == "(")
        head = text[:start].removesuffix(r"\left").rstrip()
        if not depth and not re.search(r"[A-Za-z0-9})\]']$", head):
            span = (len(text[:start].removesuffix(r"\left")), prime.end())
            yield Sign(span, Quantity(DERIVATIVE, primed=True), (span[0], close + 1))


def _through(a: Sign, b: Sign) -> Quantity | None:
    """The derivative that a product of two is: ∂L/∂z ∂z/∂x, in either order."""
    if a.operand or b.operand or a.below or b.below or a.quantity.order + b.quantity.order > 2:
        return None
    for outer, inner in ((a.quantity, b.quantity), (b.quantity, a.quantity)):
        if outer.by and outer.by == inner.of and outer.of and inner.by and inner.by != outer.of:
            return Quantity(DERIVATIVE, outer.of, inner.by)
    return None


def _middle(a: Sign, b: Sign) -> str:
    """The name that two derivatives share."""
    return a.quantity.by if a.quantity.by == b.quantity.of else b.quantity.by
