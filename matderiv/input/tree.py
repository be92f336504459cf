"""The source tree as a reader makes it: what was typed, before anything is known of kinds.

A sign that means different things for numbers, vectors and matrices is an operation of its own,
which `meaning` replaces when the kinds are known.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from matderiv.arguments import pairs
from matderiv.errors import ParseError, Span
from matderiv.input.builder import Scope
from matderiv.language.declare import guessed_axes
from matderiv.language.source import (
    FREE_INDEX,
    Bind,
    Call,
    Entry,
    Name,
    NamedPart,
    Node,
    Number,
    Operation,
    Source,
    String,
    changed,
    children,
    postorder,
    unsigned,
)
from matderiv.language.tokens import GREEK_NAMES

IMPLIED = frozenset("ijkn")
"""Letters below names that a sum without an index runs over, and entries are defined by."""

LABELS = ("y", "t")
"""Letters of the label of one example."""

COUNTS = frozenset("nNmM")
"""Letters that count what a sum runs over, as in `\\frac1n \\sum_i`."""

WHOLE_POWERS = frozenset("kmnptN")
"""Letters of exponents that count: X^k is a matrix times itself."""

SQUARE = "sq"
"""What the name of a square ends with: `sigmasq` is σ² where the question is by σ²."""

AT, DOT, TIMES, SLASH, FRACTION = "?at", "?dot", "?times", "?slash", "?fraction"
_SIGNS = "?power ?raised ?bars ?norm ?root ?exponential ?total ?plus"
POWER, RAISED, BARS, NORM, ROOT, EXPONENTIAL, TOTAL, PLUS = _SIGNS.split()
r"""x @ y, x·y, X × Y, a/b c, \frac, x^k, f^k(x), |X|, ‖x‖_p, \sqrt[k], e^X, \sum X, (x - k)^+."""

NORMS = {"": "norm2"} | pairs("""
    2 norm2  infty norminf  inf norminf  ∞ norminf   oo norminf       1 norm1
    F norm2  * norm_nuc     nuc norm_nuc op norm_spec spec norm_spec  Fro norm2
""")
"""What stands below bars, and the norm."""


def norm_named(node: Node) -> String | None:
    """What stands below bars for the second argument of `norm(A, 'fro')`, `norm(x, inf)`."""
    kind = getattr(node, "value", getattr(node, "name", ""))
    found = {2: "2", "fro": "F", "nuc": "nuc", "inf": "infty", "Inf": "infty"}.get(kind)
    return String(node.span, found) if found else None


def mentions(node: Node, letters: Sequence[str]) -> bool:
    """True where a subscript below a node has an index letter that no sum there binds."""
    bound = {i for n in postorder(node) if isinstance(n, Bind) for i in n.indices}
    letters = [letter for letter in letters if letter not in bound]
    for inner in postorder(node):
        subscript = inner.name.partition("_")[2] if isinstance(inner, Name) else ""
        at = inner.at if isinstance(inner, Entry) else ()
        if any(letter in subscript or letter in at for letter in letters):
            return True
    return False


def defined(name: str, value: Node, span: Span, letters: Collection[str] = IMPLIED) -> NamedPart:
    """What `d_i = ...` or `p_ik = ...` defines: an array, if the value has all these indices."""
    base, _, label = name.rpartition("_")
    entries = base and label and {*label} <= {*letters} and all(mentions(value, i) for i in label)
    if not entries:
        return NamedPart(span, name, value)
    return NamedPart(span, base, Bind(value.span, FREE_INDEX, tuple(label), value))


def by_index(source: Source) -> Source:
    """The source in which `s_t = x_t^2` defines an array where some sum runs over t.

    Raises ParseError where an index stands as a number: `a_i = 1/i`.
    """
    letters = IMPLIED.union(*(n.indices for n in source.nodes if isinstance(n, Bind)))
    parts = []
    for part in source.parts:
        whole = isinstance(part.value, Bind) and part.value.function == FREE_INDEX
        found = part if whole else defined(part.name, part.value, part.span, letters)
        value = found.value
        label = value.indices if isinstance(value, Bind) else part.name.partition("_")[2]
        for node in postorder(value):
            if isinstance(node, Name) and node.name in letters.intersection(label):
                said = f"the index {node.name} stands as a number here"
                hint = "a vector that is given, with such entries"
                raise ParseError(said, source=source.text, span=node.span, hint=hint)
        parts.append(found)
    return replace(source, parts=tuple(parts)) if parts else source


def open_indices(node: Node, around: Collection[str], known: Collection[str]) -> tuple[str, ...]:
    """The letters below names that no sum inside or around binds: those of a sum without an index.

    >>> from matderiv.input.text import parse
    >>> open_indices(parse("y_i*x_i + c_1").main, (), ())
    ('i',)
    """
    found: dict[str, None] = {}
    bound = {*around}
    for inner in postorder(node):
        if isinstance(inner, Bind):
            bound |= set(inner.indices)
        if isinstance(inner, Name) and inner.name not in known:
            base, _, label = inner.name.rpartition("_")
            if base and len(label) < 3 and set(label) <= IMPLIED:
                found |= dict.fromkeys(label)
    return tuple(i for i in found if i not in bound)


def opens_a_body(node: Node) -> bool:
    r"""True for what is below no line without brackets: `\sum_i x_i`, `\|x\|^2`, `x'Ax`."""
    while isinstance(node, Operation) and node.function in ("mul", POWER):
        node = node.operands[0]
    return isinstance(node, Bind) or getattr(node, "function", "") in (NORM, "transpose")


def is_square(node: Node) -> bool:
    r"""True for `\|x\|^2`, `(x - y)^2` and `x^\top x`, alone or with factors before them."""
    factors = children(node) if getattr(node, "function", "") == "mul" else (node,)
    squares = (POWER, NORM, "transpose")
    return any(getattr(f, "function", "") in squares for f in factors)


def is_bars(node: Node, text: str) -> bool:
    """True for the absolute value that is written |X|."""
    return isinstance(node, Call) and node.name == "abs" and text[node.span[0]] == "|"


def whole_bars(source: Source, *, whole: bool = True) -> Source:
    """The source with bars of their kind: `|X| Y`, `log(|X|) + a'x`, and a whole question `2|X|`.

    >>> from matderiv.input.text import parse
    >>> whole_bars(parse("2|X|")).main.operands[1].function
    '?bars'
    """
    found: set[Span] = set()
    waiting = [source.main]
    while waiting:
        node = waiting.pop()
        logarithm = isinstance(node, Call) and node.name in ("log", "ln")
        if is_bars(node, source.text):
            found |= {node.span} if whole else set()
        elif logarithm or getattr(node, "function", "") == "add":
            bars = [o for o in children(node) if is_bars(o, source.text)]
            plain = not logarithm and all(isinstance(children(o)[0], Name) for o in bars)
            waiting += [o for o in children(node) if not (plain and o in bars)]
        elif isinstance(node, Operation) and node.function in ("neg", "power", "mul", "div"):
            others = [o for o in node.operands if not isinstance(o, Number)]
            arrays = [o for o in others if not isinstance(o, Name) or guessed_axes(o.name)]
            bars = [o for o in arrays if is_bars(o, source.text)]
            beside = node.function == "mul" and len(arrays) > 1
            found |= {o.span for o in bars if beside}
            waiting += [] if beside else arrays

    def barred(node: Node) -> Node:
        whole = isinstance(node, Call) and node.span in found
        return Operation(node.span, BARS, children(node)) if whole else node

    return changed(source, barred) if found else source


def weights(source: Source, scope: Scope) -> Source:
    r"""The source with pi as an array where it is asked about or stands so: `P\pi`, `\pi^\top x`.

    >>> from matderiv.input.text import parse
    >>> [n.name for n in weights(parse("pi'*x"), Scope()).nodes if isinstance(n, Name)]
    ['pi_', 'x']
    """
    latex = source.spelling == "latex"
    as_array = "pi" in scope.rows or ("pi" in scope.about and latex)
    for node in source.nodes if scope.guess and not as_array else ():
        *before, last = children(node) or (node,)
        kinds = [getattr(n, "function", getattr(n, "name", "")) for n in (node, *before[-1:])]
        array = latex and kinds[0] == "mul" and (kinds[-1] == "transpose" or kinds[-1].isupper())
        as_array |= (kinds[0] == "transpose" or array) and getattr(last, "name", "") == "pi"
    if not as_array:
        return source
    return changed(source, lambda n: Name(n.span, "pi_") if getattr(n, "name", "") == "pi" else n)


def iterates(source: Source, scope: Scope) -> Source:
    r"""The source with `x^k` and `x^{k+1}` as names where k only numbers iterates: `\|x - x^k\|`.

    >>> from matderiv.input.latex.reader import parse_latex
    >>> found = iterates(parse_latex(r"\|x - x^k\|^2 + x^\top g^{k+1}", Scope()), Scope())
    >>> [n.name for n in found.nodes if isinstance(n, Name)]
    ['x', 'x_k', 'x', 'g_kp1']
    """
    bound = {i for n in source.nodes if isinstance(n, Bind) for i in n.indices}
    sizes = {n.size for n in source.nodes if isinstance(n, Bind)}
    numbers = {*scope.shapes, *scope.sizes, *scope.about, *bound, *sizes}
    kinds = {n: len(shape) for n, shape in scope.shapes.items()} | dict(source.kinds)
    square = {n for n, s in scope.shapes.items() if len(s) == 2 and s[0] == s[1]}
    defined = {part.name for part in source.parts}

    def step(node: Node) -> str:
        return _step(source, node, numbers)

    def name(node: Node) -> str:
        base = children(node)[0]
        if not isinstance(base, Name) or base.name in square | defined:
            return ""
        number = kinds.get(base.name) == 0 or bound.intersection(base.name.partition("_")[2])
        turned = base.name[:1].isupper() and step(node) == "t"
        return "" if number or turned else f"{base.name}_{step(node)}"

    def named(node: Node) -> Node:
        return Name(node.span, name(node)) if step(node) and name(node) in known else node

    known = {*scope.shapes} if not scope.guess else set[str]()
    typed = [n.name for n in source.nodes if isinstance(n, Name)]
    for letter in "ijkmnt" if scope.guess else "":
        raised = [n for n in source.nodes if step(n).startswith(letter)]
        made = {*map(name, raised)}
        alone = typed.count(letter) == len(raised) and not made & {"", *typed}
        if alone and any(_is_step(n, raised, scope) for n in source.nodes):
            known |= made
    said = tuple(f"{n} is an iterate and no power" for n in sorted(known) if scope.guess)
    return changed(replace(source, remarks=(*source.remarks, *said)), named) if known else source


def _step(source: Source, node: Node, numbers: Collection[str]) -> str:
    """The exponent k or k + 1 of a power as a label, "" where k is a number."""
    exponent = children(node)[1:] if getattr(node, "function", "") == POWER else ()
    typed = "".join(source.typed(e.span) for e in exponent).strip("{ }").replace(" ", "")
    found = re.fullmatch("([ijkmnt])([-+]?)([0-9]?)", typed)
    sign = found and found[2] and "mp"[found[2] == "+"]
    return f"{found[1]}{sign}{found[3]}" if found and found[1] not in numbers else ""


def _is_step(node: Node, raised: Collection[Node], scope: Scope) -> bool:
    r"""True for `\|x - x^k\|` of what is asked about, perhaps with other terms."""
    terms = children(children(node)[0]) if getattr(node, "function", "") == NORM else ()
    plain = {(getattr(unsigned(t), "name", ""), t is unsigned(t)) for t in terms}
    steps = ((children(unsigned(t))[0], t) for t in terms if unsigned(t) in raised)
    return any(
        (getattr(base, "name", ""), t is not unsigned(t)) in plain
        and (not scope.about or getattr(base, "name", "") in scope.about)
        for base, t in steps
    )


def labelled(source: Source, scope: Scope, rows: Collection[str]) -> Source:
    """The source with `k_+` as a name where k_i are vectors and no k stands alone."""
    kept = {*scope.about, *scope.shapes, *(part.name for part in source.parts)}

    def label(node: Node) -> str:
        inner = (*children(node), node)[0] if getattr(node, "name", "") == "relu" else node
        below = source.typed(node.span).replace("{", "").replace("}", "").endswith("_+")
        return inner.name if below and isinstance(inner, Name) and inner.name in rows else ""

    found = [label(n) for n in source.nodes if label(n)]
    typed = [n.name for n in source.nodes if isinstance(n, Name)]
    names = {n for n in found if found.count(n) == typed.count(n)} - kept
    if not names:
        return source
    said = tuple(f"{n}_+ is a name" for n in sorted(names))
    source = replace(source, remarks=(*source.remarks, *said))
    return changed(source, lambda n: Name(n.span, f"{m}_plus") if (m := label(n)) in names else n)


def squared(source: Source, scope: Scope) -> Source:
    """The source with the square that the question is by as a name of its own.

    >>> from matderiv.input.text import parse
    >>> squared(parse("sigma^4"), Scope(about=("sigmasq",))).main.operands[0].name
    'sigmasq'
    """
    asked = scope.about if scope.guess else scope.shapes
    names = {n.removesuffix(SQUARE) for n in asked if n.endswith(SQUARE)} & GREEK_NAMES
    names -= {*scope.shapes}
    if not names:
        return source

    def replaced(node: Node) -> Node:
        if isinstance(node, Name) and node.name in names:
            square = Name(node.span, node.name + SQUARE)
            return Call(node.span, "sqrt", node.span, (square,))
        if not isinstance(node, Operation) or node.function not in ("power", POWER):
            return node
        base, exponent = node.operands
        rooted = isinstance(base, Call) and base.name == "sqrt" and len(base.operands) == 1
        inner = base.operands[0] if rooted and isinstance(base, Call) else None
        if not (isinstance(inner, Name) and inner.name.removesuffix(SQUARE) in names):
            return node
        if not isinstance(exponent, Number) or exponent.value % 2:
            return node
        half = Number(exponent.span, exponent.value / 2)
        return inner if half.value == 1 else replace(node, operands=(inner, half))

    return changed(source, replaced)
