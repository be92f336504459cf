"""What notebooks get: HTML of verdicts, checks and passes, and the magics %%derive and %%verify.

`%load_ext matderiv` registers the magics. The cell is the expression of `%%derive w`, and the
answer, or a derivation of several lines, of `%%verify "x'*A*x" x`; the line takes the options of
the command line.
"""

from collections.abc import Iterable, Sequence
from functools import singledispatch
from html import escape
from typing import Any

from matderiv.command.options import Request, read_arguments
from matderiv.command.question import conventions, declared, derived, understood
from matderiv.command.repl import words_of
from matderiv.doors.graph import Pass
from matderiv.doors.verify import verify
from matderiv.errors import MatderivError, visible
from matderiv.lazy import Shown, np
from matderiv.numeric.report import CheckReport
from matderiv.output.documents.html import inside_page, mathml
from matderiv.output.documents.marked_sheets import OPEN, RIGHT, WRONG, colour_of
from matderiv.output.latex.formula import formula
from matderiv.output.latex.names import LatexNames
from matderiv.verification.derivations.findings import StepsVerdict
from matderiv.verification.derivations.lines import verify_steps
from matderiv.verification.verdict import Verdict

MARKS = {True: RIGHT, False: WRONG, None: OPEN}
MOST = 8  # entries along an axis; longer arrays are shown by their shape


@singledispatch
def notebook_html(found: Shown) -> str:
    """A value as one `div`; TypeError for one of a kind without a page.

    >>> from matderiv import verify
    >>> "2*A*x" in notebook_html(verify("x'*A*x", "x", "2*A*x", assume={"A": "symmetric"}))
    False
    """
    raise TypeError(f"nothing shows a {type(found).__name__}")


@notebook_html.register
def _verdict(found: Verdict) -> str:
    code = f" ({found.diagnosis})" if found.diagnosis else ""
    body = [_coloured("p", f"{found.verdict}{code}", MARKS[found.correct])]
    body += [_said(found.message)] if found.message else []
    if found.corrected is not None:
        right = formula(found.corrected, LatexNames(roots=[found.corrected]))
        body.append(f'<p class="formula">{mathml(right, display=True)}</p>')
    body += [] if found.counterexample is None else [_said(str(found.counterexample))]
    return _noted(body, found.notes)


@notebook_html.register
def _lines(found: StepsVerdict) -> str:
    rows = [(str(v.number), v.mark, v.text, v.message) for v in found.lines]
    body = [_said(found.title)] if found.title else []
    return _noted(
        [*body, "<table>", *(_line(*row) for row in rows), "</table>", _said(found.conclusion)],
        found.notes,
    )


def _noted(body: Sequence[str], notes: Iterable[str]) -> str:
    return inside_page([*body, *(_said(f"Note: {note}") for note in notes)])


def _line(number: str, mark: str, text: str, message: str) -> str:
    below = _coloured("p", message, mark) if message else ""
    shown = f"<td>{_coloured('span', mark, mark)}</td><td><code>{_safe(text)}</code>{below}</td>"
    return f"<tr><td>{number}</td>{shown}</tr>"


@notebook_html.register
def _report(found: CheckReport) -> str:
    colour = {"verified": RIGHT, "disproved": WRONG}.get(found.verdict, OPEN)
    return _noted([_coloured("p", found.verdict, colour), _said(str(found))], found.notes)


@notebook_html.register
def _pass(found: Pass) -> str:
    head = "".join(f"<th>{title}</th>" for title in ("node", "value", "gradient"))
    rows = [
        f"<tr><td>{_safe(name)}</td><td>{_array(value)}</td>"
        f"<td>{_array(found.gradients.get(name))}</td></tr>"
        for name, value in found.values.items()
    ]
    body = ["<table>", f"<tr>{head}</tr>", *rows, "</table>"]
    return _noted(body, (*found.notes, *found.gaps))


def _array(value: object) -> str:
    if value is None:
        return ""
    array = np.asarray(value)
    if max(array.shape, default=0) > MOST or array.ndim > 2:
        return f"{' × '.join(map(str, array.shape))}"
    return f"<code>{escape(np.array2string(array, precision=6))}</code>"


def _coloured(tag: str, said: str, mark: str) -> str:
    return f'<{tag} style="color:{colour_of(mark)}"><strong>{_safe(said)}</strong></{tag}>'


def _said(said: str) -> str:
    return f'<p style="white-space:pre-wrap">{_safe(said)}</p>'


def _safe(said: str) -> str:
    return escape(visible(said))


# Magics -------------------------------------------------------------------------------------------


def derive_magic(line: str, cell: str) -> Any:
    r"""What `%%derive w --shape "y: n"` gives for a cell with an expression: derivations.

    With --steps their steps. Raises MatderivError.

    >>> print(derive_magic("x", "x'*A*x"))
    (A + A')*x
    """
    request = _request("derive", [cell.strip(), *_words(line)])
    found = derived(request, understood(request))
    if request.steps:
        told = found.steps(request.steps)
        return told[0] if len(told) == 1 else told
    return found[0] if len(found) == 1 else found


def verify_magic(line: str, cell: str) -> Any:
    r"""What `%%verify "x'*A*x" x` gives for a cell with an answer, or with several lines.

    Several lines are a derivation, for which the line may be empty. Raises MatderivError.

    >>> verify_magic('x\'*A*x x --assume "A: symmetric"', "2*A*x").verdict
    'proved'
    """
    claimed = cell.strip()
    if "\n" not in claimed:
        request = _request("verify", [*_words(line), "--", claimed])
        *asked, answer = request.operands
        question = understood(Request("verify", tuple(asked), request.values))
        how: dict[str, Any] = {**question.declared, **conventions(request)}
        return verify(question.text, question.wrt, answer, **how)
    request = _request("verify", _words(line))
    f, by, *_ = (*request.operands, None, None)
    return verify_steps(claimed, f, by, **declared(request))


def _request(verb: str, words: list[str]) -> Request:
    request = read_arguments([verb, *words])
    if request.verb != verb:
        raise MatderivError(f"%%{verb} has no help here", hint=f"!matderiv {verb} --help")
    return request


def _words(line: str) -> list[str]:
    words = words_of(line)
    if line.strip() and not words:
        raise MatderivError("a quote is open in this line", hint='"A: n,n"')
    return words


def register(shell: Any) -> None:
    """Give a notebook the magics."""
    for name, magic in (("derive", derive_magic), ("verify", verify_magic)):
        shell.register_magic_function(magic, "cell", name)
