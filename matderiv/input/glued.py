"""Names that are written together: `Xw` beside w is X*w, and never a new constant."""

import re
from collections.abc import Collection, Sequence
from itertools import islice, pairwise, takewhile

from matderiv.errors import ParseError
from matderiv.language.calls import function_names, known_function
from matderiv.language.declare import SPELLED
from matderiv.language.source import PLACE, Name, Node
from matderiv.language.tokens import GREEK_NAMES, Token

LONGEST = 8  # letters of a run that is taken apart
_BELOW = r"[A-Z]_(?:[a-z](?=[A-Z])|[A-Z](?=[a-z]$))"  # the S_b of S_bW, the S_B of S_Bw
_UNIT = re.compile(
    rf"I_(?:[a-zA-Z](?![A-Za-z0-9_])|[dkmnpN](?=[A-Za-z]))|{_BELOW}|[A-Za-z](?:_?[0-9]+)?"
)
GREEK = GREEK_NAMES - {"Mu", "Nu", "Eta", "Tau", "Rho", "Chi"}  # capitals that look Latin
_ENTRY = rf"(?:{'|'.join(sorted(GREEK))}|[A-Za-hl-z])_(?:[0-9]+|[ijklmn]{{1,2}})"
_ENTRIES = re.compile(f"(?:{_ENTRY}){{2,}}")
_WORDS = frozenset(("pi", "eye", "where", "with", "if", "else", "otherwise", "inf", *SPELLED))


def indexed(tokens: Sequence[Token], declared: Collection[str]) -> list[Token]:
    """The tokens with p[1:2] for p(1:2), as MATLAB has parts of an array; then p(3) is p[3].

    >>> from matderiv.language.tokens import tokenize
    >>> [t.text for t in indexed(tokenize("p(1:2)/p(3)"), ("p",))][1::2]
    ['[', ':', ']', 'p', '3', '']
    """
    pairs: dict[str, list[tuple[int, int]]] = {}
    ranged, found = set[str](), [*tokens]
    for k, (name, opening) in enumerate(pairwise(tokens), 1):
        if name.text not in declared or opening.text != "(":
            continue
        after = islice(tokens, k + 1, None)
        inside = [t.text for t in takewhile(lambda t: t.text not in ("(", ")", ""), after)]
        if all(map(PLACE.fullmatch, "".join(inside).split(","))):
            pairs.setdefault(name.text, []).append((k, k + 1 + len(inside)))
            ranged |= {name.text} if ":" in inside else set()
    for start, end in (pair for name in ranged for pair in pairs[name]):
        found[start], found[end] = found[start]._replace(text="["), found[end]._replace(text="]")
    return found


def parted(
    tokens: Sequence[Token], declared: Collection[str], about: Collection[str] = (), text: str = ""
) -> list[Token]:
    """The tokens with every run of names cut into its names; the later ones have the kind "glued".

    A run is a product if it is made of names that are declared, asked about or stand alone
    elsewhere, and at most one that does not. ParseError for one that can be a name of its own.

    >>> from matderiv.language.tokens import tokenize
    >>> [t.text for t in parted(tokenize("norm2(Xw - y)^2 + w'w"), ())][2:4]
    ['X', 'w']
    >>> [t.text for t in parted(tokenize("lam*m + a"), ())]
    ['lam', '*', 'm', '+', 'a', '']
    """
    tokens = _turned(tokens, {*declared, *about})
    names = {t.text for t in tokens if t.kind in ("name", "glued")} | set(about)
    raised = {b.text for a, b in pairwise(tokens) if a.text == "^" and b.text == "T"}
    alone = {n for n in names - raised if _UNIT.fullmatch(n)} | {*declared, *about, "I"}
    called = {a.text for a, b in pairwise(tokens) if b.text == "("}
    changes = {n for n in names if n[0] == "d" and n[1:] in alone and "d" not in alone}
    declared = {*declared, *changes}
    _with_shown(alone, names - called - raised, declared)
    found: list[Token] = []
    for k, token in enumerate(tokens):
        following = tokens[k + 1].text if k + 1 < len(tokens) else ""
        named = token.kind in ("name", "glued")
        found += _pieces(token, alone, declared, following) if named else [token]
    _check_runs(text, tokens, found)
    return found


def _check_runs(text: str, tokens: Sequence[Token], found: Sequence[Token]) -> None:
    """ParseError for a run between signs of products, as in `w'*Sw*w`: one name, or S*w."""
    names = {t.text for t in tokens}
    cut = {a.span[0]: a.text for a, b in pairwise(found) if b.kind == "glued"}
    for before, run, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        capital, one = cut.get(run.span[0], "a"), run.text
        between = before.text == after.text == "*" and len(one) == 2
        if between and capital.isupper() and capital not in names and one[1].islower():
            product = "*".join(one)
            said = f"{one} can be a matrix of its own or {product}"
            hint = f'{product}, or --shape "{one}: n,n"'
            raise ParseError(said, source=text, span=run.span, hint=hint)


def _turned(tokens: Sequence[Token], known: Collection[str]) -> list[Token]:
    """The tokens with the transpose of `x^TAx` apart, and of `x^tAx` where t is nothing else."""
    pairs = list(zip(["", *(t.text for t in tokens)], tokens, strict=False))
    names = {t.text for before, t in pairs if before != "^"} | {*known}
    letters = {"T", "t"} - names
    small = [k for k, (before, t) in enumerate(pairs) if before == "^" and t.text[:1] == "t"]
    if not any(_turns(tokens, k, known) for k in small):
        letters -= {"t"}
    found: list[Token] = []
    for k, (before, token) in enumerate(pairs):
        capital = token.text[:1] == "T" and (len(token.text) < 2 or tokens[k + 1].text != "(")
        turned = before == "^" and token.text[:1] in letters and token.text not in known
        if not turned or not (capital or _turns(tokens, k, known)):
            found.append(token)
            continue
        digits = len(token.text) - len(token.text[1:].lstrip("0123456789"))
        found.append((_piece(token, 0, 1, "name"))._replace(text="T"))
        found += [_piece(token, 1, digits, "number")] if digits > 1 else []
        found += [_piece(token, digits, len(token.text), "glued")] if token.text[digits:] else []
    return found


def _turns(tokens: Sequence[Token], place: int, known: Collection[str]) -> bool:
    """True for the tAx of `x^tAx` and the t of `(y)^t(y)`, where a power would make no sense."""
    text, base, after = tokens[place].text, tokens[place - 2], tokens[place + 1]
    if text[:1] != "t" or _fixed(text, known) or place < 2:
        return False
    if base.text == ")":
        start = max((k for k in range(place - 2) if tokens[k].text == "("), default=0)
        inside = [t.text for t in tokens[start : place - 1]]
        return text == "t" and inside == [t.text for t in tokens[place + 1 :][: len(inside)]]
    letter = base.text[-1:].isalpha() and (len(base.text) == 1 or tokens[place - 3].text == "^")
    matrix = after.text == "*" and tokens[place + 2].text[:1].isupper()  # x^t*A*x
    small = base.text.islower() and (after.kind == "name" or matrix)
    return letter and base.text != "e" and (len(text) > 1 or small)


def _with_shown(alone: set[str], names: Collection[str], declared: Collection[str]) -> None:
    """Add the names that runs show: what one run shows to be a name is one in the others."""
    for _ in range(2):
        for name in names:
            known = _fixed(name, declared) or name in alone
            units = None if known else _units(name, declared)
            if units is not None and is_product(units, alone):
                alone |= set(units)


def _piece(token: Token, start: int, end: int, kind: str) -> Token:
    first = token.span[0]
    return Token(kind, token.text[start:end], (first + start, first + end))


def _pieces(
    token: Token, alone: Collection[str], declared: Collection[str], following: str
) -> list[Token]:
    """A token as it is, or cut into names."""
    text = token.text
    typed = token.span[1] - token.span[0]
    if len(text) < 2 or not text.isascii() or _fixed(text, declared):
        return [token]
    units = _units(text, declared)
    numbered = units is not None and text not in alone and is_numbered(units)
    if units is None or not (numbered or is_product(units, alone) or is_matrix_vector(units)):
        return [token]
    if following == "(" and (known_function(text) is not None or set(units) - set(alone)):
        return [token]  # lgamma(x) is a function that is not known, and no product of new names
    signs = len(text) != typed  # Greek letters are typed as one sign
    widths = [1 if signs and u in GREEK_NAMES else len(u) for u in units]
    if sum(widths) > typed:  # Iₙ
        widths = [w - ("_" in u) for w, u in zip(widths, units, strict=True)]
    if sum(widths) != typed:
        return [token]
    found, place = list[Token](), token.span[0]
    for unit, width in zip(units, widths, strict=True):
        kind = "glued" if found else token.kind
        found.append(Token(kind, unit, (place, place + width)))
        place += width
    return found


def _fixed(text: str, declared: Collection[str]) -> bool:
    """True for a word with a meaning of its own."""
    if text in declared or text in _WORDS or text in GREEK or text in function_names():
        return True
    return text[0] == "d" and text[1:] in GREEK_NAMES


def _units(text: str, declared: Collection[str]) -> list[str] | None:
    """The names a run is made of: Greek and declared ones first, then letters; None for others."""
    if _ENTRIES.fullmatch(text):  # x_iy_j
        return re.findall(f"{_ENTRY}(?={_ENTRY}|$)", text)
    words = {w for w in (*GREEK, *declared) if len(w) > 1}
    found: list[str] = []
    place = 0
    while place < len(text):
        longest = (text[place:end] for end in range(len(text), place + 1, -1))
        word = next((w for w in longest if w in words), None)
        unit = _UNIT.match(text, place)
        if word is None and unit is None:
            return None
        found.append(word or (unit[0] if unit else ""))
        place += len(found[-1])
    letters = [u for u in found if u not in words]
    return found if 1 < len(found) and len(letters) <= LONGEST else None


def is_product(units: Sequence[str], alone: Collection[str]) -> bool:
    """True for units of which one is known and not two small ones are new.

    >>> is_product("AXB", {"X"}), is_product(["l", "a", "m"], {"m", "a"}), is_product("Xw", {"X"})
    (True, False, True)
    """
    if is_weight("".join(units)):
        return False
    distinct = list(dict.fromkeys(units))
    new = [u for u in distinct if u not in alone and u not in GREEK_NAMES]
    if len(distinct) == 1:
        return units[0].isupper() or units[0] in alone  # X X, where X stands nowhere else
    if len(new) == len(distinct):
        return False
    if all(u[0].isupper() for u in new):
        return True
    mixed = any(u[0].isupper() for u in units)
    return len(new) == 1 and (mixed or len(distinct) == 2)


def is_weight(run: str) -> bool:
    """True for a capital and vectors that do not multiply, such as the weights Whh and Wxh.

    >>> is_weight("Whh"), is_weight("Wx"), is_weight("Xab")
    (True, False, False)
    """
    return bool(re.fullmatch("[A-Z][h-z]{2,}", run))


def is_matrix_vector(units: Sequence[str]) -> bool:
    """True for capitals and a small letter, such as Wx, which are a product wherever they stand.

    >>> is_matrix_vector("Wx"), is_matrix_vector("Xb1"), is_matrix_vector(["S", "W", "w"])
    (True, False, True)
    """
    *before, last = units
    single = all(len(u) == 1 and u.isupper() for u in before)
    return bool(before) and single and last > "g" and last.islower()


def is_numbered(units: Sequence[str]) -> bool:
    """True for `c_1y` and `x_iy_j`: a letter with a number below and letters, or entries alone.

    >>> is_numbered(["c_1", "y"]), is_numbered(["x_i", "x_j"]), is_numbered(["l2", "w"])
    (True, True, False)
    """
    entries = bool(_ENTRIES.fullmatch("".join(units)))
    return entries or (
        bool(re.fullmatch("[A-Za-z]_[0-9]+", units[0])) and all(len(u) == 1 for u in units[1:])
    )


def standing_alone(tokens: Sequence[Token]) -> set[str]:
    """The names that stand without a bracket behind them: before one they are factors."""
    pairs = pairwise(tokens)
    return {t.text for t, after in pairs if t.kind == "name" and after.text not in ("(", "=")}


def is_euler(base: Node, tokens: Sequence[Token], declared: Collection[str]) -> bool:
    """True for the e of `e^(-x)`, `e^-x`, `e^x`: it is raised, to no number, wherever it stands.

    >>> from matderiv.language.tokens import tokenize
    >>> e, texts = Name((0, 1), "e"), ("e^-x", "e^x + 1", "e^T*e", "e^2", "e^x*e")
    >>> [is_euler(e, tokenize(t), ()) for t in texts]
    [True, True, False, False, False]
    """
    if not isinstance(base, Name) or base.name != "e" or "e" in declared:
        return False
    padded = [*tokens, tokens[-1], tokens[-1]]
    pairs = (padded[k + 1 : k + 3] for k, t in enumerate(tokens) if t.text == "e")
    return all(
        sign.text == "^"
        and (up.text in ("(", "-") or (up.kind in ("name", "glued") and up.text != "T"))
        for sign, up in pairs
    )


def glued_remarks(tokens: Sequence[Token]) -> list[str]:
    """How runs of names were read, such as "Xw read as X*w"."""
    found: list[str] = []
    for k, token in enumerate(tokens):
        if token.kind != "glued" or (k and tokens[k - 1].kind == "glued"):
            continue
        run = [tokens[k - 1]] if tokens[k - 1].text != "T" or tokens[k - 2].text != "^" else []
        place = k
        while tokens[place].kind == "glued":
            run.append(tokens[place])
            place += 1
        if len(run) > 1:
            names = [t.text for t in run]
            found.append(f"{''.join(names)} read as {'*'.join(names)}")
    return list(dict.fromkeys(found))[:5]
