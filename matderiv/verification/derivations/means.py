r"""Means that nobody defines: `\bar x` beside x_i is the mean of all x_i."""

from collections.abc import Collection, Sequence

from matderiv.input.meaning.subscripts import split_label
from matderiv.verification.derivations.definitions import Definition
from matderiv.verification.documents.members import counts
from matderiv.verification.documents.statements import Statement, names_in


def means(statements: Sequence[Statement], defined: Collection[str]) -> list[Definition]:
    r"""The definitions of means: where x_i occurs in a sum over i, and how far i runs is said.

    >>> from matderiv.verification.documents.statements import statement
    >>> from matderiv.verification.documents.positions import Passage
    >>> line = Passage.of(r"f = \sum_{i=1}^{n} (x_i - \bar x)^2", latex=True)
    >>> [(d.name, d.passage.text) for d in means([statement(line)], ["f"])]
    [('x_bar', '\\frac{1}{n}\\sum_{i=1}^{n}{x}_{i}')]
    """
    sides = [p for s in statements for p in s.sides if p.latex]
    names = {n for p in sides for n in names_in(p)}
    lengths = counts(" ".join(p.text for p in sides))
    found = []
    for name in sorted(n for n in names if n.endswith("_bar") and n not in defined):
        base = name.removesuffix("_bar")
        letters = [split_label(n)[1] for n in names if split_label(n)[0] == base]
        index = next((c for c in letters if c in lengths), None)
        if index is None:
            continue
        size = lengths[index]
        typed = base if len(base) == 1 else rf"\{base}"
        text = rf"\frac{{1}}{{{size}}}\sum_{{{index}=1}}^{{{size}}}{{{typed}}}_{{{index}}}"
        place = next(p for p in sides if name in names_in(p))
        found.append(Definition(name, place[:0].with_part(0, 0, text)))
    return found
