r"""What formulas say about names: `X \in \mathbb R^{n\times d}`, `y_i \in \{0, 1\}`.

A name with an index stands for a family: its members are the entries or the rows of one array.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from matderiv.errors import MatderivError
from matderiv.input.meaning.subscripts import split_label
from matderiv.language.declare import declared_shapes
from matderiv.language.tokens import canonical_name
from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.shorthand import by_lines, by_repeated
from matderiv.verification.documents.statements import names_in
from matderiv.verification.quantities import LATEX_NAME, NAME, latex_name

_DOTS = r"\\(?:[lc]?dots[a-z]?|vdots|ddots)(?![A-Za-z])"
_SIZED = (  # n \times d_{\text{in}}; what is typed otherwise above R is no number
    r"(?:\s*\^\s*(?:\{(?P<inner>(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}|(?P<plain>[A-Za-z0-9]))"
    r"|(?!\s*\^))"
)
_SPACE = (
    r"(?P<space>\\(?:mathbb|mathbf|mathcal|Bbb)\s*\{?\s*(?P<letter>[RS])\s*\}?|\\(?:R|Real|reals)"
    r"(?![A-Za-z]))(?P<below>_\{?\+*\}?)?"
)
_VALUES = (
    r"(?P<values>\\\{\s*(?:0\s*,\s*1|-\s*1\s*,\s*\+?\s*1|\+?\s*1\s*,\s*-\s*1|\\pm\s*1)\s*\\\})"
)
_ITEMS = rf"(?P<names>{LATEX_NAME}(?:\s*+,(?:\s|\\,)*+(?:{LATEX_NAME}|{_DOTS}))*+)"
MEMBER = (
    rf"(?<![A-Za-z\\^_]){_ITEMS}"
    rf"(?:\s|\\[,;:!])*+\\in(?![A-Za-z])(?:\s|\\[,;:!])*+(?:{_SPACE}|{_VALUES}){_SIZED}"
)
BEHIND = r"(?<=[)\]}])\s*\\in(?![A-Za-z])\s*\\(?:mathbb|R(?![A-Za-z]))[^=]*$"  # after a formula
OF_ALL = re.compile(r"\s*\\in(?![A-Za-z])\s*\\(?:mathbb|R(?![A-Za-z]))[^=,;]*$")  # of an equation
_POSITIVE = re.compile(
    rf"{_ITEMS}(?:\s|\\[,;:!])*+(?P<sign>>|\\(?:succ|succeq|succcurlyeq)(?![A-Za-z]))"
    r"\s*0\s*[.,;]?\s*"
)
_ITSELF = re.compile(
    rf"(?P<a>{LATEX_NAME})\s*=\s*(?P<b>{LATEX_NAME})\s*\^\s*\{{?\s*(?:T|\\top)\s*\}}?"
)
_COVARIANCE = re.compile(
    rf"\\mathcal\s*\{{?\s*N\s*\}}?(?:_\w)?\s*(?:\\left)?\s*\([^()]*?,\s*(?P<name>{LATEX_NAME})\s*\)"
    rf"|\bcovariances?(?:\s+matri(?:x|ces))?\s+\$(?P<said>{LATEX_NAME})\$"
)
_LISTED = re.compile(
    rf"\s*(?P<name>{LATEX_NAME})\s*:?=\s*(?:\\left|\\[bB]igg?l?)?\s*"
    rf"(?:[(\[](?P<row>[^()\[\]]*{_DOTS}.*?)(?:\\right|\\[bB]igg?r?)?[)\]]"
    rf"|\\begin\{{(?P<env>[a-z]*matrix|array)\}}(?:\{{[a-z|]*\}})?(?P<block>.*?{_DOTS}.*?)"
    r"\\end\{(?P=env)\}(?:\s*\\right\s*[)\]])?)"
    r"(?P<turned>\s*\^\s*\{?\s*(?:T|\\top|\\intercal|\\math(?:rm|sf)\s*\{?T\}?)\s*\}?)?\s*",
    re.DOTALL,
)
NUMBERED = re.compile(
    rf"(?P<letter>[a-z])\s*=\s*[01]\s*,?(?:\s|\\,)*(?:{_DOTS}|\.\.+|…)\s*,?\s*(?P<size>[A-Za-z])"
)
_SUMMED = re.compile(
    r"\\(?:sum|prod)(?:\\limits)?\s*_\s*\{\s*(?P<letter>[a-z])\s*=\s*1\s*\}\s*\^\s*\{?\s*"
    r"(?P<size>[A-Za-z])(?![A-Za-z_])"
)

_TURNED = r"\s*+(?:'|\^?\s*+\{?\s*+[⊤ᵀ]\s*+\}?|\^T|\^\{T\})\s*+"
_SYMMETRIC = re.compile(
    rf"\s*(?P<a>{NAME}){_TURNED}=\s*-?\s*(?P<b>{NAME})\s*"
    rf"|\s*(?P<c>{NAME})\s*=\s*-?\s*(?P<d>{NAME}){_TURNED}"
)

_BY_ENTRIES = re.compile(  # A_{ij} = A_{ji}
    r"\s*(?P<a>\\?[A-Za-z]+)_\{?(?P<i>[a-z])(?P<j>[a-z])\}?\s*=\s*"
    r"(?P=a)_\{?(?P=j)(?P=i)\}?\s*"
)
_ORTHOGONAL = re.compile(
    rf"\s*(?:(?P<a>{NAME}){_TURNED}\*?\s*(?P<b>{NAME})|(?P<c>[A-Z])\s*\*?\s*(?P<d>[A-Z]){_TURNED})"
    r"\s*=\s*I(?:_\w+|_\{\w+\})?\s*"
)
_TOTAL_ONE = re.compile(
    r"\s*(?:\\sum(?:\\limits)?|∑)\s*_\s*(?:\w|\{[^{}]*\})\s*(?:\^\s*(?:\w|\{[^{}]*\}))?\s*"
    rf"(?P<of>{LATEX_NAME})\s*=\s*1\s*[.,;]?\s*"
)
_BOUND = re.compile(
    r"\\(?:sum|prod)(?:\\limits)?\s*_\s*\{?\s*\(?\s*(?P<letters>[a-z](?:\s*,\s*[a-z])*)(?![A-Za-z])"
)


_FORMULA = r"\$(?P<%s>[^$]+)\$"
_ONE, _WHOLE = _FORMULA % "one", _FORMULA % "whole"
_EINSTEIN = re.compile(r"\beinstein|summation convention|repeated ind|summenkonvention", re.I)
_COLUMNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\bcolumns\s+of\s+{_WHOLE}\s+(?:are|be|hold|contain)\b[^.;$]*{_ONE}",
        rf"{_ONE}\s+(?:is|be|denotes?|for)\s+the\s+\S*\s*column\s+of\s+{_WHOLE}",
        rf"{_WHOLE}[^.;$]{{0,40}}\b(?:with|whose)\s+columns\s+[^.;$]*{_ONE}",
    )
)
_STYLE = r"(?:\\(?:mathbf|boldsymbol|bm|vec)\s*\{?\s*)?"
_A_VECTOR = rf"\s*{_STYLE}[a-z](?![A-Za-z])"
_BESIDE = (  # W^T x is of columns, W x of rows
    (rf"(?<![A-Za-z\\])%\}}?\s*\^\s*\{{?\s*\\top\s*\}}?{_A_VECTOR}", ":,%"),
    (rf"(?<![A-Za-z\\])%\}}?{_A_VECTOR}", "%,:"),
)


@dataclass(frozen=True)
class Member:
    """That a name has certain sizes ("" for a number) and a fact; `listed` is how many there are.

    The sizes of `x_i` are those of one member of the family x.
    """

    name: str
    sizes: str
    fact: str = ""
    listed: str = ""


def members(latex: str) -> Iterator[Member]:
    r"""The memberships in a formula.

    >>> list(members(r"x_1,\ldots,x_n \in \mathbb{R}^d"))
    [Member(name='x', sizes='d', fact='', listed='n')]
    >>> list(members(r"y_i\in\{-1,+1\}"))
    [Member(name='y_i', sizes='', fact='labels', listed='')]
    """
    for found in re.finditer(MEMBER, latex):
        sizes = found["inner"] or found["plain"] or ""
        sizes = re.sub(r"\s*(?:\\times(?![A-Za-z])|×|\\cdot(?![A-Za-z])|,)\s*", ",", sizes.strip())
        fact = ""
        if found["values"]:
            fact = "binary" if "0" in found["values"] else "labels"
        elif found["letter"] == "S":
            fact = "posdef" if "++" in (found["below"] or "") else "symmetric"
            sizes = sizes if "," in sizes else f"{sizes},{sizes}"
        typed = [part.strip() for part in re.split(r",(?:\s|\\,)*", found["names"].strip())]
        count = _count(typed)
        if count is not None:
            yield Member(count[0], sizes, fact, count[1])
            continue
        for name in (latex_name(part) for part in typed):
            if name:
                yield Member(name, sizes, fact)


def positive(latex: str) -> list[tuple[str, str]]:
    r"""What a formula that says nothing else says is positive: small letters, and matrices.

    >>> positive(r"\lambda > 0"), positive(r"A = A^T \succ 0"), positive(r"\Sigma > 0")
    ([('lambda', 'positive')], [('A', 'posdef')], [])
    """
    itself = _ITSELF.match(latex)
    if itself and latex_name(itself["a"]) == latex_name(itself["b"]):
        latex = itself["a"] + latex[itself.end() :]
    found = _POSITIVE.fullmatch(latex)
    typed = re.split(r",(?:\s|\\,)*", found["names"].strip()) if found else []
    names = [latex_name(part.strip()) for part in typed]
    if found and found["sign"] != ">":
        fact = "symmetric" if "eq" in found["sign"] else "posdef"
        return [(n, fact) for n in names if n[:1].isupper()]
    return [(split_label(n)[0], "positive") for n in names if n[:1].islower()]


def covariances(sentence: str) -> list[str]:
    r"""The names of covariances.

    >>> covariances(r"$x \sim \mathcal N(\mu, \Sigma)$"), covariances("with covariance $S$")
    (['Sigma'], ['S'])
    """
    found = (latex_name(m["name"] or m["said"]) for m in _COVARIANCE.finditer(sentence))
    return [name for name in found if name[:1].isupper()]


def _count(typed: list[str]) -> tuple[str, str] | None:
    r"""The family behind `x_1, \ldots, x_n`, and n."""
    dots = [k for k, part in enumerate(typed) if re.fullmatch(_DOTS, part)]
    if not dots or dots[0] + 2 != len(typed):
        return None
    base, label = split_label(latex_name(typed[-1]))
    return (base, label) if label else None


def listed(latex: str) -> tuple[Member, str] | None:
    r"""The array that a formula writes out by its entries or rows, and what is said behind it.

    `rows` is the fact of a matrix whose rows are the members, `columns` that of one whose columns
    they are.

    >>> listed(r"y = (y_1, \ldots, y_n)^T")[0]
    Member(name='y', sizes='n', fact='', listed='')
    >>> listed(r"X = [x_1^T; \ldots; x_n^T]")[0].fact
    'rows'
    """
    found = _LISTED.match(latex)
    if found is None:
        return None
    inside = found["row"] if found["row"] is not None else found["block"]
    dots = [*re.finditer(_DOTS, inside)]
    last = [*re.finditer(rf"{LATEX_NAME}", inside[dots[-1].end() :])]
    first = re.search(LATEX_NAME, inside)
    names = [latex_name(m[0]) for m in last]
    names = [n for n in names if n and split_label(n)[1]]
    name = latex_name(found["name"])
    if not names or not name or first is None or len(dots) > 2:
        return None
    size = split_label(names[-1])[1]
    rest = latex[found.end() :]
    turned = re.search(r"\^\s*\{?\s*(?:T|\\top|\\mathrm\s*\{?T|\\intercal)", inside)
    if turned or name[:1].isupper():
        return Member(name, "", "rows" if turned or found["turned"] else "columns", size), rest
    return Member(name, size), rest


def counts(text: str) -> dict[str, str]:
    r"""How far letters run: `i = 1, \dots, n` and `\sum_{i=1}^n`.

    >>> counts(r"for $i=1,\dots,n$ and \sum_{j=1}^{d} w_j")
    {'i': 'n', 'j': 'd'}
    """
    found = [*NUMBERED.finditer(text), *_SUMMED.finditer(text)]
    return {m["letter"]: m["size"] for m in found}


@dataclass
class Families:
    r"""The arrays whose members a problem speaks of, and how many members they have.

    `columns` are the arrays whose columns they are; the others are rows. `einstein` says that sums
    over repeated indices have no sign.

    >>> found = Families()
    >>> found.heard(r"$i = 1, \ldots, n$")
    >>> found.add(Member("x_i", "d")), found.add(Member("y_i", ""))
    (True, True)
    >>> found.shapes({"X", "x_i", "y"})
    {'X': 'n,d', 'y': 'n'}
    """

    counts: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, tuple[str, str]] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    columns: dict[str, str] = field(default_factory=dict)
    einstein: bool = False

    def heard(self, text: str) -> None:
        """Take over how far letters run, and whose columns names with an index are."""
        self.einstein = self.einstein or bool(_EINSTEIN.search(text))
        for found in (m for pattern in _COLUMNS for m in pattern.finditer(text)):
            names = (re.search(LATEX_NAME, found[side]) for side in ("one", "whole"))
            one, whole = (latex_name(m[0]) if m else "" for m in names)
            if whole and split_label(one)[1]:
                self.columns[split_label(one)[0]] = whole
        for letter, size in counts(text).items():
            self.counts.setdefault(letter, size)
        self.bound |= {c for m in _BOUND.finditer(text) for c in re.findall("[a-z]", m["letters"])}

    def in_arrays(self, passages: Sequence[Passage], moved: Collection[str]) -> list[Passage]:
        """Formulas with the columns of arrays, and with the sums that a convention leaves out.

        The w_j that something is derived by are rows of W if W is there too, as in `W x`.
        """
        text, known = " ".join(p.text for p in passages), {n for p in passages for n in names_in(p)}
        whole = [n.upper() for n in moved if n.upper() in known and n not in known]
        lines = {
            n.lower(): f"{n}_{{{place}}}"
            for n in whole
            for pattern, place in _BESIDE
            if re.search(pattern.replace("%", n), text)
        }
        lines |= {n: f"{array}_{{:,%}}" for n, array in self.columns.items()}
        found = by_lines(passages, lines)
        return by_repeated(found) if self.einstein else found

    def add(self, member: Member) -> bool:
        """Take over a member of a family; False for a name that stands for itself."""
        base, label = split_label(member.name)
        if member.listed:
            self.sizes[member.name] = (member.listed, member.sizes)
        elif len(label) == 1 and label.isalpha() and label.islower():
            self.sizes.setdefault(base, (f"{label}!", member.sizes))
        else:
            return False
        return True

    def runs(self, name: str) -> bool:
        """True for a name with an index that a sum runs over."""
        label = split_label(name)[1]
        return len(label) == 1 and (label in self.counts or label in self.bound)

    def joined(self, other: Families) -> Families:
        """Both, the other's where they differ."""
        sizes, bound = {**self.sizes, **other.sizes}, self.bound | other.bound
        columns = {**self.columns, **other.columns}
        einstein = self.einstein or other.einstein
        return Families({**self.counts, **other.counts}, sizes, bound, columns, einstein)

    def shapes(self, names: Collection[str]) -> dict[str, str]:
        """The sizes of the arrays; `names` are those that occur.

        A letter of which nothing says how far it runs is a label: x_t is a name of its own.
        """
        found: dict[str, str] = {}
        for base, (count, sizes) in self.sizes.items():
            if count.endswith("!"):
                label = count[:-1]
                if label not in self.counts and label not in self.bound:
                    found[f"{base}_{label}"] = sizes
                    continue
                count = self.counts.get(label, f"n_{label}")
            capital = base[:1].upper() + base[1:]
            name = capital if sizes and "," not in sizes and capital in names else base
            if "," not in sizes:
                found[name] = f"{count},{sizes}" if sizes else count
        return found


def sizes_named(said: str) -> str:
    """Sizes that are sums have names of their own: d + 1 is dp1.

    >>> sizes_named("m,(d+1)"), sizes_named("2*n")
    ('m,dp1', '2*n')
    """
    signs = str.maketrans({"+": "p", "-": "m"})
    parts = [re.sub(r"[\s()\\]", "", part) for part in said.split(",")]
    named = [p.translate(signs) if re.fullmatch(r"[A-Za-z]\w*[+-]\w+", p) else p for p in parts]
    return ",".join(named)


def fact_of(text: str) -> tuple[str, str]:
    """The name and the fact that an equation says; "" and "" for others.

    >>> fact_of("A = A'"), fact_of("QQ^T = I"), fact_of("A' = -A"), fact_of("A = B'")
    (('A', 'symmetric'), ('Q', 'orthogonal'), ('A', 'skew'), ('', ''))
    """
    if found := _SYMMETRIC.fullmatch(text):
        first, second = found["a"] or found["c"], found["b"] or found["d"]
        if first == second:
            return canonical_name(first), "skew" if "-" in text else "symmetric"
    if found := _BY_ENTRIES.fullmatch(text):
        return canonical_name(found["a"]), "symmetric"
    if found := _TOTAL_ONE.fullmatch(text):
        return split_label(latex_name(found["of"]))[0], "simplex"
    found = _ORTHOGONAL.fullmatch(text)
    first, second = (found["a"] or found["c"], found["b"] or found["d"]) if found else ("", "-")
    return (canonical_name(first), "orthogonal") if first == second else ("", "")


def is_shape(said: str) -> bool:
    """True for sizes that are read."""
    with suppress(MatderivError):
        declared_shapes({"x": said})
        return True
    return False


def stems(names: Iterable[str]) -> set[str]:
    """Names without their indices."""
    return {split_label(name)[0] for name in names} - {""}


def leaves(name: str, defined: Mapping[str, set[str]]) -> set[str]:
    """The names without a definition behind a name."""
    inner = {stem: names for n, names in defined.items() for stem in stems([n])}
    found, left = {name}, [name]
    while left:
        new = stems(inner.get(left.pop(), ())) - found
        found |= new
        left += new
    return found - inner.keys()
