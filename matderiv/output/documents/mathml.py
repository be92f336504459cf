r"""Formulas as presentation MathML, for pages that need no script: a walk over the layout tree.

Whatever a name is made of arrives as escaped text.
"""

from collections.abc import Sequence
from html import escape

from matderiv.language.printer import strings_in
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
    return f"<math{style}>{''.join(strings_in(nodes, _opened))}</math>"


def _opened(e: Element) -> list[str | Element]:
    if e.tag == "mspace":
        return [f'<mspace width="{e.text}"/>']
    if e.text:
        said = escape(e.text).replace("\u2061", "&#x2061;")
        return [f"<{e.tag}{e.how}>{said}</{e.tag}>"]
    opening, closing = (f"<{e.tag}{e.how}>", f"</{e.tag}>") if e.tag else ("", "")
    return [opening, *e.parts, closing]
