r"""Formulas as presentation MathML, for pages that need no script: a walk over the layout tree.

Whatever a name is made of arrives as escaped text.
"""

from collections.abc import Iterator, Sequence
from html import escape

from matderiv.output.layout import Element, layout, pieces_of


def mathml(written: str, *, display: bool = False) -> str:
    r"""A formula of the LaTeX printers as one `math` element; `display` gives it the larger style.

    >>> print(mathml(r"x_{1}^{2} + \theta"))
    <math><msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup><mo>+</mo><mi>θ</mi></math>

    Raises UnreadFormula for what no printer of this program writes.
    """
    return _element(layout(written), display=display)


def breakable(written: str, before: str = "") -> list[str]:
    r"""A formula as `math` elements between which a line may be broken, each one `math` element.

    >>> [piece.count("mi") for piece in breakable("a + b", "=")]
    [2, 2]
    """
    return [_element(piece, display=True) for piece in pieces_of(written, before)]


def _element(nodes: Sequence[Element], *, display: bool) -> str:
    style = ' displaystyle="true"' if display else ""
    return f"<math{style}>{''.join(_strings(nodes))}</math>"


def _strings(nodes: Sequence[Element]) -> Iterator[str]:
    """The text of nodes, without recursion: formulas may be deep."""
    stack: list[str | Element] = list(reversed(nodes))
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            yield top
        elif top.tag == "mspace":
            yield f'<mspace width="{top.text}"/>'
        elif top.text:
            said = escape(top.text).replace("\u2061", "&#x2061;")
            yield f"<{top.tag}{top.how}>{said}</{top.tag}>"
        else:
            closing, opening = (f"</{top.tag}>", f"<{top.tag}{top.how}>") if top.tag else ("", "")
            stack += [closing, *reversed(top.parts), opening]
