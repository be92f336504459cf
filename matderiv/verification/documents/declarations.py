r"""What a document says about names besides its equations: A ∈ R^{m×n}, S symmetric, x: n."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from matderiv.arguments import optional_mapping
from matderiv.input.meaning.subscripts import split_label
from matderiv.language.declare import ASSUME, FACTS, SHAPES, SQUARE_FACTS, checked_name
from matderiv.language.tokens import canonical_name
from matderiv.verification.documents.members import (
    BEHIND,
    MEMBER,
    OF_ALL,
    Families,
    Member,
    covariances,
    fact_of,
    is_shape,
    listed,
    members,
    positive,
    sizes_named,
)
from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.sentences import (
    DENIED,
    DROPPED,
    FACT,
    ITEM,
    ITEMS,
    LABELS_IN,
    MATH,
    SAID_NUMBERS,
    SAID_SIZES,
    SPELLED,
    in_english,
    strongest,
    sure,
)
from matderiv.verification.documents.statements import equal_signs
from matderiv.verification.quantities import NAME, latex_name, plain

EVERY = ""  # among names of which nothing is known any more: all of them
_SIZES = (
    r"(?:\^?\s*[({](?P<inner>[^{}()]*)[)}]|\^?\s*(?P<plain>[A-Za-z0-9]+(?:\s*[×x]\s*[A-Za-z0-9]+)?)"
    r"|(?P<high>[ᵐⁿᵈᵏᵖʳᵗᵇˣ×¹²³⁴⁵⁶⁷⁸⁹⁰]+))?"
)
_MEMBER = (
    rf"(?P<fact>\b(?:{FACT})\s+)?(?<![\w^])(?P<names>{NAME}(?:\s*(?:,|,?\s*and)\s+{NAME})*)"
    rf"\s*(?:∈|\bin)\s*(?P<space>ℝ|R|S|\{{[-+]?[01],\s*\+?1\}})(?![A-Za-z(]){_SIZES}"
)
_SPACE = rf"\s*(?:∈|(?<!\\)\bin)\s*(?:ℝ|R|S)(?![A-Za-z(]){_SIZES}(?=\s+(?:(?:is|are|be)\b|{FACT}))"
_COLON = re.compile(
    rf"\s*(?:shapes?:?\s+)?({NAME}\s*:\s*[\w*,× ()]*(?:;\s*{NAME}\s*:\s*[\w*,× ()]*)*);?\s*"
)
_TAIL = re.compile(
    r"(?:[,;]\s*|\s+\(|\s+(?:with|where|for)\s+)"
    rf"(?P<entries>{NAME}\s*:(?!=)[\w*,× ;:]*)\)?\s*\.?\s*$"
)
_BEFORE = r"(?:[,;(]?\s*\b(?:with|where|for|let|given|and|here|mit|avec|où|con)\b\s*|[,;(]\s*)?"
_HIGH = str.maketrans("ᵐⁿᵈᵏᵖʳᵗᵇˣ¹²³⁴⁵⁶⁷⁸⁹⁰", "mndkprtb×1234567890")
_SAYING = re.compile(
    r"(?i)^\s*(?:because|since|as|with|where|let|given|assuming"
    r"|(?:we )?(?:assume|suppose)(?: that)?)\b"
)
_NOUNS = (
    r"[a-z0-9]+\s*(?:x|×|by)\s*[a-z0-9]+|(?:[A-Z]?[a-z]+\s+)?[Mm]atri(?:x|ces)|invertible"
    r"|real|square|nonsingular|constant|given|fixed|all|both|and|each|vectors?|labels?|targets?"
    r"|encoding|sample|covariance|kernel|weight|data"
)
_FACTS = rf"(?:{FACT})(?:\s*,?\s+(?:and\s+)?(?:{FACT}))*"
_OTHER = r"(?!(?:of|for|to|and|or|in|by|from|than|but|iff?|with|on|as|is|are|part|the|an?|any)\b)"
_KINDS = rf"(?:(?:{_NOUNS})\s+|(?:{_OTHER}[A-Za-z-]+\s+){{1,2}}matri(?:x|ces)\s+)*"
_NEXT = rf"\s+{_KINDS}(?:{LABELS_IN})?"  # $X$ and one-hot labels $Y$: a fact of Y
_AFTER = re.compile(rf"\b(?P<fact>{_FACTS}){_NEXT}(?P<names>{ITEMS})")
_BEFORE_FACT = re.compile(
    rf"(?<!\bof\s)(?P<names>{ITEMS}|\ba(?=\s+is\b))(?!(?:,| and)\s+{_FACTS}{_NEXT}{ITEM})"
    r",?\s+(?!and\s+(?:an?|the)\b)"
    rf"(?:(?:is|are|be|being|a|an|the|assumed|to|taken|as|also|{_NOUNS})\s+)*(?P<fact>{_FACTS})\b"
)
_ONE = re.compile(r"\b(?:an?|is|matrix)\b")  # of several names, only the nearest is meant
_KIND = re.compile(
    rf"\s*(?P<name>{NAME})\s*:\s*(?:(?P<m>\w+)\s*(?:,|×|x|by)\s*(?P<n>\w+)|(?P<one>\w+))?"
    rf"\s*,?\s*(?P<facts>(?:{_FACTS})?)\s*(?:matrix|vector)?\s*"
)
_SUMS = re.compile(r"\b(?:sum|add)(?:s|m?ing)?(?:\s+up)?\s+to\s+(?:one|1|unity)\b")
_TOTAL = re.compile(
    rf"\b(?:rows?|entries|elements|components)\s+of\s+(?P<names>{ITEMS})\s+{_SUMS.pattern[2:]}"
)
_IMPLIED = {
    "symmetric": ("posdef", "diagonal"),
    "simplex": ("onehot",),
    "binary": ("onehot",),
    "positive": ("posdef", "simplex"),
}
_COPULA = rf"(?:is|are|be|being)\s+(?:(?:assumed|taken|to|be|also|an?|and|{_NOUNS})\s+)*"
_FREE = re.compile(
    rf"(?P<names>{ITEMS}),?\s+(?:(?:is|are|be|being|a|an|{_NOUNS})\s+)*(?:arbitrary|general)\b"
)
_RECALLED = re.compile(  # for symmetric A we have \nabla(x^T A x) = 2Ax: any A, in this line
    rf"\b(?i:recall|remember|known|in general)\b.*\bfor\s+(?:[a-z]+\s+)*?(?:{FACT})\b"
    rf"|\b[Ff]or\s+(?:[a-z]+\s+)*?(?:{FACT})\b.*\\(?:nabla|partial)(?![A-Za-z])"
)
_UNNAMED = re.compile(
    rf"\b(?:all|both|the|these|every|each)(?:\s+(?:{_NOUNS}|of|the|two|three|our))*?"
    rf"\s+matri(?:x|ces)\s+{_COPULA}(?P<fact>{_FACTS})\b",
    re.IGNORECASE,
)
_PREDICATE = re.compile(rf"\b{_COPULA}(?P<fact>{_FACTS})\b")
_ELSEWHERE = re.compile(
    r"\b(?:only\s+)?(?:in|for)\s+(?P<where>(?:problem|exercise|question|task)s?\s*\d+)"
    r"(?:\s+only)?",
    re.IGNORECASE,
)


def _named(items: str) -> list[str]:
    r"""The names in a list; a formula gives the names before its membership sign.

    >>> _named(r"$A, B^{-1}$ and $C \in R$"), _named("A and b")
    (['A', 'B', 'C'], ['A', 'b'])
    """
    found, every = [], re.findall(ITEM, items) or [items]
    for item in [e for e in every if "=" not in e] or every:  # f = x'*A*x, A symmetric
        inside = re.sub(r"^(?:\$|`|\\\()|(?:\$|`|\\\))$", "", item)
        if item[0] in "$\\":
            listed = re.split(r"\\(?:in|succ|prec)|[∈=≻⪰>]", inside)[0].split(",")
            turned = r"\^\s*\{?\s*-\s*1\s*\}?\s*$"
            found += [latex_name(re.sub(turned, "", part).strip()) for part in listed]
        else:
            listed = re.split(r"∈|\bin\b", inside)[0].split(",")
            found += [canonical_name(n.strip()) for n in listed if re.fullmatch(NAME, n.strip())]
    return [name for name in found if name]


def _end(text: str) -> int:
    """Where a formula ends, behind which a fact stands: `f = x'*A*x, A symmetric`."""
    for found in re.finditer(r"\s*(?:[,;]|[(\[](?=[^()\[\]]*[)\]]?\W*$))\s*(?=[^=]*$)", text):
        other, before = Declared(), text[: found.start()]
        other.prose(Passage.of(text[found.end() :]))
        if other.assume | other.shapes and "=" in before and before.count("(") == before.count(")"):
            return found.start()
    return len(text)


@dataclass
class Declared:
    """Shapes and facts by name, as `verify` takes them.

    `elsewhere` are sentences about other problems, by the number of the problem, and `freed` names
    of which it is said that a fact does not hold; `unnamed` are facts of "all matrices" or the
    like, which name none, and those of sentences that do not say of which of their names.
    `supposed` are facts that a sentence denies, asks or supposes: no line is right or wrong by one.

    >>> found = Declared()
    >>> found.taken(Passage.of("f = x'*A*x with A ∈ R^{n×n}, x ∈ R^n")).text.strip()
    "f = x'*A*x"
    >>> sorted(found.shapes.items())
    [('A', 'n,n'), ('x', 'n')]
    """

    shapes: dict[str, str] = field(default_factory=dict)
    assume: dict[str, str] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)
    freed: set[str] = field(default_factory=set)
    unnamed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    families: Families = field(default_factory=Families)
    supposed: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of(shapes: Any, assume: Any) -> Declared:
        """What a caller declares; MatderivError for what is no dictionary."""
        sizes, facts = (
            {checked_name(n): v for n, v in optional_mapping(given, what, example).items()}
            for given, what, example in ((shapes, "shapes", SHAPES), (assume, "assume", ASSUME))
        )
        return Declared(sizes, facts)

    def copy(self) -> Declared:
        """The same declarations, to be added to."""
        shapes, assume, supposed = dict(self.shapes), dict(self.assume), dict(self.supposed)
        families = self.families.joined(Families())
        return replace(self, shapes=shapes, assume=assume, families=families, supposed=supposed)

    def joined(self, other: Declared) -> Declared:
        """Both, the other's where they differ."""
        kept = {n: word for n, word in self.assume.items() if not {n, EVERY} & other.freed}
        unnamed = tuple(dict.fromkeys((*self.unnamed, *other.unnamed)))
        shapes, assume = {**self.shapes, **other.shapes}, {**kept, **other.assume}
        families, supposed = self.families.joined(other.families), self.supposed | other.supposed
        return Declared(shapes, assume, unnamed=unnamed, families=families, supposed=supposed)

    def contradicts(self, other: Declared) -> bool:
        """True where a name has other sizes than there."""
        return any(other.shapes.get(name, s) != s for name, s in self.shapes.items())

    def fitting(self, names: Collection[str]) -> Declared:
        """With families as arrays, without facts that no array of the declared sizes can have.

        `names` are those that occur.
        """
        for name in [n for n, said in self.shapes.items() if not said]:
            if self.families.runs(name):  # the numbers y_i are the entries of y
                self.families.add(Member(name, ""))
                self.shapes.pop(name)
        shapes = {**self.families.shapes(names), **self.shapes}
        shapes = {n: sizes_named(said) for n, said in shapes.items()}
        shapes = {n: said for n, said in shapes.items() if is_shape(said)}
        kept = {n: word for n, word in self.assume.items() if self._fits(n, word)}
        return replace(self, shapes=shapes, assume=kept)

    def _fits(self, name: str, word: str) -> bool:
        said = self.shapes.get(name, ",").replace(" ", "").split(",")
        family = split_label(name)[0] in self.families.sizes
        return word not in SQUARE_FACTS or (not family and said[:1] == said[1:])

    def heard_at(self, title: str) -> Declared:
        """What is declared for all problems, and for the one with the number in its title."""
        found, number = self.copy(), re.search(r"\d+", title)
        if number and number[0] in self.elsewhere:
            found.take_facts(self.elsewhere[number[0]])
        return found

    def taken(self, p: Passage, *, sure: bool = True, affirmed: bool = True) -> Passage:
        """A formula without its declarations, which are kept; facts if `sure` and `affirmed`."""
        if not p.latex and (found := _COLON.fullmatch(p.text)):
            for entry in found[1].rstrip("; ").split(";"):
                self._entry(entry)
            return p[:0]
        if not p.latex and (found := _TAIL.search(p.text)):
            for entry in re.split(rf"[;,]\s*(?={NAME}\s*:)", found["entries"].rstrip("; ")):
                self._entry(entry)
            p = p[: found.start()]
        last = len(p.text) if p.latex else _end(p.text)
        if sure and last < len(p.text):
            self.prose(p[last:])
        p = p[:last]
        bare = re.sub(_SAYING, "", p.text)
        said = (plain(bare) if p.latex else bare).rstrip(" .,;:")
        name, fact = fact_of(p.text if r"\sum" in p.text else said)
        if name:  # that Q'*Q is I may be said of a matrix that is not square
            holds = fact == "symmetric" and sure and (affirmed or bare != p.text)
            (self.assume if holds else self.supposed).setdefault(name, fact)
            p = p if fact == "simplex" else p[:0]
        if sure and p:
            self._facts(p.text.partition("=")[0] if p.latex else p.text)
        if p.latex and (whole := listed(p.text)):
            self._written_out(*whole)
            return p[:0]
        if p.latex and (end := OF_ALL.search(p.text)) and equal_signs(p[: end.start()].text):
            self._belong(p.text.partition("=")[0] + end[0], sure and affirmed)
            p = p[: end.start()].stripped()
        elif p.latex:
            self._belong(p.text, sure and affirmed)
        else:
            for found in re.finditer(_MEMBER, p.text):
                self._member(found)
        rest = p.blanked(_BEFORE + (f"{MEMBER}|{BEHIND}" if p.latex else _MEMBER))
        words = re.sub(r"\b(?:let|and|with|where)\b", "", rest.text, flags=re.IGNORECASE)
        return rest.stripped() if re.search(r"\w", words) else p[:0]

    def prose(self, p: Passage) -> None:
        """What a sentence says: A is symmetric, x ∈ R^n."""
        self._facts(p.text)
        for found in re.finditer(_MEMBER, p.text):
            self._member(found)
        self._sizes(p.text)

    def _sizes(self, text: str) -> None:
        """X is n by d, y has n entries, lambda is a positive number; what is said exactly wins."""
        for pattern in SAID_SIZES:
            for found in pattern.finditer(text):
                sizes = [found[k].strip("$`\\") for k in ("m", "n") if k in found.groupdict()]
                for name in _named(found["names"]):
                    self.shapes.setdefault(name, ",".join(sizes))
        for pattern in SAID_NUMBERS:
            for found in pattern.finditer(text):
                self.shapes = {**dict.fromkeys(_named(found["names"]), ""), **self.shapes}

    def _facts(self, text: str) -> None:
        text = " ".join(in_english(re.sub(_SPACE, "", text)).split())
        for sentence in re.split(r"(?<=[.;?!])\s", text):
            if there := _ELSEWHERE.search(sentence):
                number = re.sub(r"\D", "", there["where"])
                self.elsewhere[number] = sentence[: there.start()] + sentence[there.end() :]
            elif sure(sentence) and not _RECALLED.search(sentence):
                self._forget(n for m in _FREE.finditer(sentence) for n in _named(m["names"]))
                self.take_facts(sentence)
                if unnamed := _UNNAMED.search(sentence):
                    self.unnamed = (*self.unnamed, (strongest(unnamed["fact"]), ()))
                self._mentioned(sentence)
            else:
                other, denied = Declared(), DENIED.search(re.sub(MATH, "", sentence))
                other.take_facts(re.sub(DENIED, "", sentence))
                self._forget(other.assume) if denied else self.supposed.update(other.assume)
                if not other.assume and DROPPED.search(sentence):
                    self._forget([*self.assume, EVERY])

    def _mentioned(self, sentence: str) -> None:
        """A fact in a sentence that does not say of which of its names it is one."""
        words = re.sub(MATH, "", sentence)
        facts = {strongest(m["fact"]) for m in _PREDICATE.finditer(words)}
        facts |= {"simplex"} if _SUMS.search(words) else set()
        names = tuple(n for m in re.findall(MATH, sentence) for n in _named(m))
        said = {self.assume.get(n, "") for n in names}
        for fact in sorted(facts - said) if names else ():
            if not said & {*_IMPLIED.get(fact, ())}:
                self.unnamed = (*self.unnamed, (fact, names))

    def _assumed(self, name: str, fact: str) -> None:
        """Take over a fact, unless one is known that implies it."""
        if self.assume.get(name) not in _IMPLIED.get(fact, ()):
            self.assume[name] = fact

    def _forget(self, names: Iterable[str]) -> None:
        """From here on nothing is known about these names."""
        for name in names:
            self.assume.pop(name, None)
            self.freed.add(name)

    def take_facts(self, sentence: str) -> None:
        """Facts with the names after them (`symmetric A`), or else before them."""
        taken: list[tuple[int, int]] = []
        for pattern in (_BEFORE_FACT, _AFTER):
            for found in pattern.finditer(sentence):
                start, end = found.span("fact")
                if any(start < b and a < end for a, b in taken):
                    continue
                taken.append((start, end))
                own, last = found.span("names"), pattern is _BEFORE_FACT
                between = sentence[own[1] : start] or sentence[end : own[0]]
                names = _named(found["names"])
                names = (names[-1:] if last else names[:1]) if _ONE.search(between) else names
                before = re.sub(MATH, "", sentence[: found.start("names")])
                ends = "=" in before and not re.search(r"(?:[,;:.([]|\b[a-z]{2,})\s*$", before)
                for name in names[ends and len(names) > 1 :]:  # f = x'*A*x, A symmetric
                    self._assumed(name, strongest(found["fact"]))
        totals = [n for m in _TOTAL.finditer(sentence) for n in _named(m["names"])]
        for name in [*totals, *covariances(sentence)]:
            self._assumed(name, "simplex" if name in totals else "posdef")

    def _entry(self, entry: str) -> None:
        """`A: m,n`, `A: n x n symmetric`, `A: symmetric` or `c: scalar`."""
        name, _, said = entry.partition(":")
        name, words = canonical_name(name.strip()), said.split()
        if words and all(w in FACTS for w in words):
            self.assume[name] = " ".join(words)
            return
        found = _KIND.fullmatch(entry)
        if found is None or (found["one"] and found["one"] in SPELLED):
            self.shapes[name] = said.strip()
            return
        sizes = [found[k] for k in ("m", "n", "one") if found[k]]
        self.shapes[name] = "" if sizes == ["scalar"] else ",".join(sizes)
        if found["facts"]:
            self.assume[name] = strongest(found["facts"])

    def heading(self, title: str) -> None:
        """What a heading declares: `Problem 2. A: n x n symmetric`."""
        for entry in re.split(rf"[.;]\s+|:\s+(?={NAME}\s*:)", title):
            if (found := _KIND.fullmatch(entry)) and (found["m"] or found["one"] or found["facts"]):
                self._entry(entry)
            else:
                self._facts(entry)

    def _member(self, found: re.Match[str]) -> None:
        sizes = found["inner"] or found["plain"] or (found["high"] or "").translate(_HIGH)
        sizes = re.sub(r"\s*(?:×|,)\s*|\s+x\s+", ",", sizes.strip())
        if found["space"] == "S" and "," not in sizes:
            sizes = f"{sizes},{sizes}"
        fact = "symmetric" if found["space"] == "S" else strongest(found["fact"] or "")
        for typed in re.split(r"\s*(?:,\s*and|,|and)\s+", found["names"].strip()):
            self._join(Member(canonical_name(typed), sizes, fact))

    def _join(self, member: Member) -> None:
        """The sizes of a name, or of a member of its family, and the fact that is said of it."""
        family = self.families.add(member)
        if not family:
            self.shapes[member.name] = member.sizes
        if member.fact:
            self._assumed(split_label(member.name)[0] if family else member.name, member.fact)

    def _belong(self, latex: str, sure: bool) -> None:
        """The memberships in a formula, and what is positive."""
        for name, fact in positive(latex):
            self._assumed(name, fact) if sure else self.supposed.setdefault(name, fact)
        for member in members(latex):
            self._join(member)

    def _written_out(self, member: Member, rest: str) -> None:
        """An array by its entries: y = (y_1, ..., y_n)."""
        if member.fact == "columns" and len(member.name) == 1:
            self.families.columns[member.name.lower()] = member.name
        said = next(members(f"{member.name} {rest}"), member)
        if said is not member or member.sizes:
            self.shapes[member.name] = said.sizes
