"""Conditions of claims in the words around them: `if $A$ is symmetric`, `for $A = I$`.

What such words say holds for the claims of their sentence, and for no others.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from matderiv.input.meaning.subscripts import split_label
from matderiv.language.declare import SQUARE_FACTS
from matderiv.verification.documents.declarations import Declared
from matderiv.verification.documents.members import fact_of, positive
from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.rewriting import PLAIN
from matderiv.verification.documents.sentences import DENIED, MATH, in_english
from matderiv.verification.documents.statements import INDEX
from matderiv.verification.quantities import LATEX_NAME, latex_name, plain

UNNAMED, NEGATIVE = "", "negative"
_SUPPOSED = r"\b(?:if|when|whenever|provided|unless|wenn|falls|sofern|si|lorsque|cuando)\b"
_GIVEN = r"\b(?:assuming|since|because|as|by|for|at|with|where|f[uü]r|bei|mit|pour|para|con)\b"
_SAID = re.compile(rf"{_SUPPOSED}|{_GIVEN}(?=\s+(?:[a-z-]+\s+){{0,3}}\$)", re.IGNORECASE)
_BEHIND = re.compile(rf"[\s,($]*(?:only\s+)?(?={_SAID.pattern})", re.IGNORECASE)
_BESIDE = re.compile(
    rf"\\(?:text\w*|mbox)\s*\{{(?=[^{{}}]*(?:{_SUPPOSED}|{_GIVEN}))", re.IGNORECASE
)
_ABOVE = re.compile(r"\\(?:overset|stackrel)\s*\{(?P<said>(?:[^{}]|\{[^{}]*\})*)\}\s*\{?\s*:?=")
_WORDS = re.compile(r"\\(?:text\w*|mbox)\s*\{([^{}]*)\}")
_EQUATION = re.compile(rf"\s*(?P<name>{LATEX_NAME})\s*=\s*(?P<value>[^=<>]{{1,40}})")
_CONSTANT = re.compile(r"[\s\d./{}+-]*|\W*(?:math\w+|boldsymbol|bm)?\W*[I01](?:_\{?\w+\}?)?\W*")
_SILENT = re.compile(
    rf"(?:\s*{LATEX_NAME}\s*,?)+(?:\\in(?![A-Za-z]).*)?|.*\\[lc]?dots.*"
    rf"|\s*[a-z]\s*(?:=|\\neq?(?![A-Za-z])|≠|[<>])\s*{INDEX}\s*"
)
_CLAIM = re.compile(
    r"\\nabla|\\partial|[∂∇]|\\frac\s*\{\s*\\?(?:d|mathrm)|'|(?<![\\A-Za-z])d[A-Za-z]"
)
_ABOUT_NAMES = re.compile(
    r"\b(?:symm?[eé]tri|diagonal|orth?ogonal|defini|positi|negati|inver[ts]|square|skew|rank"
    r"|idempot|unit\b|norm|projecti|scalar|constant|zero|equal|identit)\w*",
    re.IGNORECASE,
)
_UNDERSTOOD = frozenset(
    "is are be a an the matrix matrices vector vectors and both then we have get obtain this gives "
    "becomes it reduces simplifies to gradient derivative hessian of so simply hence also that "
    "stationary point points minimum solution optimality condition reads optimal minimizer "
    "real any all in case find yields yield last step only s follows therefore thus invertible "
    "alors donc on obtient dann gilt wir ist erhalten also entonces es symmetric symmetry skew "
    "positive definite semidefinite diagonal orthogonal square antisymmetric since because if for "
    "when with where".split()
)


@dataclass(frozen=True)
class Supposed:
    """What is said to hold for a claim: facts by name, and values in place of names.

    `whole` says that all of it was understood; otherwise no claim fails by it.
    """

    facts: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    whole: bool = True

    def about(self, variables: Collection[str], defined: Collection[str]) -> Supposed | None:
        """The same without definitions, of what is defined or occurs nowhere; None of those."""
        values = {
            name: value
            for name, value in self.values.items()
            if not {name, PLAIN + name.replace("_", "")} & {*defined}
            and (_CONSTANT.fullmatch(value) or split_label(name)[0] not in defined)
        }
        implied = {name for name in defined if self.facts.get(name) in SQUARE_FACTS}
        facts = {name: word for name, word in self.facts.items() if name not in implied}
        whole = self.whole and all(_CONSTANT.fullmatch(value) for value in values.values())
        none = (self.facts or self.values) and not (facts or values)
        return None if none else Supposed(facts, values, whole)

    def __str__(self) -> str:
        facts = [f"{name or 'the matrix'} is {word}" for name, word in self.facts.items()]
        values = [f"{name} is {value.strip()}" for name, value in self.values.items()]
        return f"where {' and '.join([*facts, *values])}"


def condition_of(p: Passage) -> Supposed | None:
    """The condition under which a formula is said to hold; None where there is none.

    >>> p = Passage.of("g = 2Ax", around=("If $A$ is symmetric and $b = 0$, ", ".", ""))
    >>> condition_of(p)
    Supposed(facts={'A': 'symmetric'}, values={'b': '0'}, whole=True)
    >>> condition_of(Passage.of("k = 1", around=("So ", " when we sum.", "")))
    """
    before, after, row = p.around
    said = [before[m.start() :] for m in [_SAID.search(before)] if m]
    said += [after[m.end() :] for m in [_BEHIND.match(after)] if m]
    said += [_sentence(m["said"]) for m in _ABOVE.finditer(row)]
    said += [_sentence(row[m.start() :]) for m in [_BESIDE.search(row)] if m]
    heard = [c for c in map(_heard, said) if c is not None]
    if not heard:
        return None
    facts = {name: word for c in heard for name, word in c.facts.items()}
    values = {name: value for c in heard for name, value in c.values.items()}
    return Supposed(facts, values, all(c.whole for c in heard))


def _sentence(latex: str) -> str:
    r"""Words in a formula as a sentence.

    >>> _sentence(r"\text{for } A = I")
    ' for  $A = I$'
    """
    parts = _WORDS.split(latex) if "\\text" in latex or "\\mbox" in latex else [latex]
    formulas = (part.strip(r" ,;.()\&") for part in parts[::2])
    parts[::2] = [f"${part}$" if re.search("[A-Za-z]", part) else "" for part in formulas]
    return " ".join(parts)


def _heard(words: str) -> Supposed | None:
    """What the words from an `if` on say, up to the claim; of reasons, what is understood."""
    facts: dict[str, str] = {}
    values: dict[str, str] = {}
    whole, end = True, len(words)
    for m in re.finditer(MATH, words):
        typed = m[0].strip("$`")
        name, fact = fact_of(plain(typed))
        equation = _EQUATION.fullmatch(typed)
        if fact:
            facts[name] = fact
        elif above := positive(re.sub(r"\\[gl]eq?(?![A-Za-z])|[≥≤<]", ">", typed)):
            below = re.search(r"\\leq?(?![A-Za-z])|[≤<]", typed)
            facts.update((name, NEGATIVE if below else fact) for name, fact in above)
        elif _SILENT.fullmatch(typed):
            continue
        elif equation and not _CLAIM.search(typed):
            values[latex_name(equation["name"])] = equation["value"]
        elif facts or values or _CLAIM.search(typed):
            end = m.start()
            break
        else:
            whole = False
    said = in_english(words[:end])
    plainly, declared = re.sub(MATH, " ", said), Declared()
    if DENIED.search(plainly) or re.search(r"\bunless\b", plainly, re.IGNORECASE):
        return Supposed(whole=False)
    declared.take_facts(" ".join(re.sub(r"\bsymmetry\b(?: of)?", "symmetric", said).split()))
    facts = {**declared.assume, **facts}
    if not (facts or values) and re.search(r"\bsym", plainly):
        facts = {UNNAMED: "symmetric"}
    unknown = {w.lower() for w in re.findall(r"[^\W\d_]+", plainly)} - _UNDERSTOOD
    if facts or values:
        return Supposed(facts, values, whole and not unknown)
    supposed = re.match(_SUPPOSED, words.strip(), re.IGNORECASE)
    doubtful = supposed and (_ABOUT_NAMES.search(plainly) or not whole)
    return Supposed(whole=False) if doubtful else None
