"""An error as the page shows it: where it is, and corrections that can be pressed."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from matderiv.errors import MatderivError, visible
from matderiv.input.asking import read_question

MOST = 3  # corrections offered
_PROSE = re.compile(r"[A-Za-z]{2,} (and|the|a|is|with|each|as|one) ")
LONGEST = 2000  # characters of a formula that is corrected


def fault(error: MatderivError, request: Mapping[str, Any]) -> dict[str, Any]:
    """What is wrong, in which field, between which characters, and texts that would be read.

    >>> request = {"f": "tr(reul(X))"}
    >>> found = ParseError("unknown function reul", source="tr(reul(X))", span=(3, 7), hint="relu")
    >>> fault(found, request)["tries"]
    [{'label': 'relu', 'text': 'tr(relu(X))'}]
    """
    fields = [n for n in ("f", "by", "answer") if error.source and request.get(n) == error.source]
    field = fields[0] if fields else ""
    return {
        "code": error.code,
        "message": visible(error.message),
        "details": [visible(line) for line in error.details],
        "hint": visible(error.hint or ""),
        "field": field,
        "span": list(error.span) if field and error.span is not None else None,
        "tries": list(_tries(error, request)) if field == "f" else [],
    }


def _tries(error: MatderivError, request: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The hints that make the text readable, each tried before it is offered."""
    source, span = error.source or "", error.span or (0, 0)
    if not error.hint or len(source) > LONGEST:
        return
    found: set[str] = set()
    for said in _said(error.hint):
        for text in (source[: span[0]] + said + source[span[1] :], said, source + said):
            new = text not in found and text != source and text.isprintable()
            if new and _is_read(text, request):
                found.add(text)
                yield {"label": said, "text": text}
                break
        if len(found) == MOST:
            return


def _said(hint: str) -> Iterator[str]:
    """The formulas in a hint: `relu, relu6`, `x*y for a product`, `add )`."""
    plain = re.sub(r" \([a-z ]+\)", "", hint.removeprefix("add ").removesuffix(" for a product"))
    if _PROSE.search(plain):
        return
    yield plain
    for part in re.split(r", or |, (?![^(\[]*[)\]])| or | for |; ", plain):
        if part != plain:
            yield part


def _is_read(text: str, request: Mapping[str, Any]) -> bool:
    with suppress(MatderivError):
        shapes, assume = request.get("shapes") or {}, request.get("assume") or {}
        read_question(text, shapes=shapes, assume=assume)
        return True
    return False
