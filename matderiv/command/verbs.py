"""The verbs of the program with their options and examples, and the help texts made of them."""

import re
from dataclasses import dataclass
from textwrap import wrap

from matderiv.command.failures import EXIT_CODES
from matderiv.command.flags import (
    ASKED,
    CLASS,
    CODE,
    GRAPH,
    JUDGED,
    MADE,
    PAGE,
    PRINTED,
    READ,
    SHARED,
    SOLVED,
    Option,
    chosen,
)


@dataclass(frozen=True)
class Verb:
    """One thing the program does; `operands` names what stands without an option."""

    name: str
    operands: str
    says: str
    options: tuple[Option, ...]
    examples: tuple[str, ...]


_USES = """
derive EXPR VARIABLE: the derivative of an expression, checked against numbers
check EXPR VARIABLE: the comparison of the derivative with numbers, in full
verify EXPR VARIABLE ANSWER: whether a derivative found by hand is right
graph EXPR: the computational graph: values forward, gradients backward, pictures
code EXPR VARIABLES: a program for value and gradients in NumPy, PyTorch, JAX, Julia or MATLAB
solve EXPR VARIABLE: where the derivative is zero, in closed form, checked against numbers
curvature EXPR VARIABLE: whether a function is convex or concave, and why
divergence EXPR VARIABLE: the sum of all ∂f_i/∂x_i of a vector f
laplacian EXPR VARIABLE: the sum of all ∂²f/∂x_i² of a number f
taylor EXPR VARIABLE: the expansion of the second order of a number f, in a step
implicit EXPR VARIABLE: how the solution of f = 0, or of min f, changes with another name
serve [EXPR VARIABLE]: a page to type into, on this computer only, until Ctrl-C
repl: commands one after the other, without a shell's quotes
rules [NAME]: every rule and function there is, or one of them explained
explain RULE: a rule: what it says, why it is true, an example, its source
completion SHELL: what bash, zsh or fish needs to complete a command line
examples: commands to try
"""
EXAMPLES = (
    ("least squares", """derive "norm2(X*w - y)^2" w"""),
    ("logistic loss with labels 1 and -1", """derive "sum(log(1 + exp(-y.*(X*w))))" w"""),
    ("its Hessian", """derive "sum(softplus(X*w) - y.*(X*w))" w --order 2"""),
    ("a formula for a paper", """derive "norm2(X*w - y)^2" w --format latex"""),
    ("a quadratic form with a symmetric matrix", """derive "x'*A*x" x --assume "A: symmetric\""""),
    ("softmax and cross-entropy, by the logits", """derive "cross_entropy(Z, Y)" Z"""),
    ("a layer of a network, backwards", """derive "relu(W*x + b)" W --shape "b: m" --kind vjp"""),
    ("the determinant", """derive "logdet(X)" X"""),
    ("a matrix by a matrix", """derive "A*X*B" X"""),
    ("a covariance matrix in a likelihood", """derive "logdet(S) + tr(inv(S)*C)" S"""),
    ("a row instead of a column", """derive "norm2(X*w - y)^2" w --layout numerator"""),
    ("the same question in LaTeX", r"""derive "\|Xw - y\|_2^2 + \lambda\|w\|_2^2" w"""),
    ("every step, as a page for a browser", """derive "x'*A*x" x --steps --format html"""),
    ("what to do first, without the result", """derive "a'*inv(X)*b" X --hint"""),
    ("the comparison with numbers in full", """check "sum(relu(W*x))" W --seed 7"""),
    ("an answer", """verify "x'*A*x" x "2*A*x" --assume "A: symmetric\""""),
    ("in LaTeX", r"""verify "norm2(X*w - y)^2" w "\nabla_w f = 2X^\top(Xw - y)\""""),
    ("in NumPy", """verify "norm2(X*w - y)^2" w "2 * X.T @ (X @ w - y)\""""),
    ("a derivation, line by line", "verify --file derivation.tex"),
    ("with marks in its margin", "verify --file derivation.tex --format html -o marked.html"),
    ("the answers of a class", """verify "x'*A*x" x --batch answers.csv -o verdicts.csv"""),
    ("a computational graph with numbers", """graph "(x+y)*z" --at x=-2,y=5,z=-4"""),
    ("in words", """graph "sum(relu(W*x + b))" --shape "b: m" --explain"""),
    ("as a picture", """graph "norm2(W*x)^2" --at "W=[[1,2],[3,4]],x=[1,-1]" --svg -"""),
    ("a program", """code "mean(log(1 + exp(-y.*(X*w))))" w"""),
    ("for PyTorch", """code "norm2(U*V' - Y)^2" U,V --target torch"""),
    ("ridge regression", """solve "norm2(X*w - y)^2 + norm2(w)^2" w --shape "y: n\""""),
    ("with a constraint", """solve "a'*p - sum(p.*log(p))" p --subject-to "sum(p) = 1\""""),
    ("convex or not", """curvature "logsumexp(A*x + b)" x --shape "b: m\""""),
    ("a divergence", """divergence "A*softmax(x)" x --shape "A: n,n\""""),
    ("a Laplacian", """laplacian "exp(-norm2(x)^2)" x"""),
    ("an expansion", """taylor "logsumexp(x)" x --format latex"""),
    ("how a solution moves", """implicit "norm2(X*w - y)^2 + c*norm2(w)^2" w --by c"""),
    ("the page", """serve "norm2(A*x - b)^2" x --port 8000"""),
    ("all that is known", "rules"),
    ("the rule of one function", "rules inv"),
    ("why a rule of a step holds", "explain vec"),
    ("what a shell completes", "completion bash"),
    ("these", "examples"),
)
"""What a command is for, and the command without the word matderiv."""
_OPTIONS = {
    "derive": ASKED + PRINTED,
    "check": ASKED,
    "verify": JUDGED + CLASS,
    "graph": GRAPH,
    "code": ASKED + CODE,
    "solve": READ + SOLVED,
    "curvature": READ,
    **dict.fromkeys(
        ("divergence", "laplacian", "taylor"),
        READ + chosen(SOLVED, "steps format") + chosen(MADE, "target"),
    ),
    "implicit": READ + chosen(SOLVED, "steps format") + MADE,
    "serve": PAGE,
}


def _verb(name: str, operands: str, says: str) -> Verb:
    examples = tuple(f"matderiv {c}" for _, c in EXAMPLES if c.split()[0] == name)
    return Verb(name, operands, says, _OPTIONS.get(name, ()) + SHARED, examples)


VERBS = {
    found[1]: _verb(found[1], found[2].strip(), found[3])
    for found in re.finditer(r"^(\w+)(.*?): (.*)$", _USES, re.MULTILINE)
}


# Help texts --------------------------------------------------------------------------------------

WIDTH = 80

_FRONT = """\
matderiv derives matrix, vector and tensor derivatives the way a textbook writes
them, and compares every result with numbers before it shows it.

Use
  matderiv COMMAND ...

Commands
{verbs}
  matderiv COMMAND --help says more; matderiv --version gives the version.

Try
{examples}

Writing expressions (put them in double quotes)
  x'  A*x  x'*A*x     transpose and matrix product     x.*y  x./y  x.^2   entry by entry
  A^-1  A\\b           inverse, solution of A*z = b     ||x||  |x|         norm, absolute value
  sum(x)  sum(X,1)    everything, each column          z where z = W*x    named parts
  Names a to g are scalars, h to z vectors, A to Z matrices; --shape "X: n,d"
  declares something else. Sizes that are not declared follow from the expression.
  matderiv rules lists the functions.

Exit codes
{codes}
"""

FIRST = 4  # examples on the first page


def overview() -> str:
    """The first page: what it is for, what can be asked, four examples, the language."""
    uses = {f"{v.name} {v.operands}".strip(): v.says for v in VERBS.values()}
    column = max(map(len, uses)) + 4
    verbs = "\n".join(line for use in uses.items() for line in _beside(*use, column))
    examples = "\n".join(f"  matderiv {c}\n      {says}" for says, c in EXAMPLES[:FIRST])
    codes = "\n".join(f"  {code:>3}  {says}" for code, says in EXIT_CODES.items())
    return _FRONT.format(verbs=verbs, examples=examples, codes=codes).rstrip()


def page(name: str) -> str:
    """The page of one command, with its options and examples."""
    verb = VERBS[name]
    use = f"matderiv {name} {verb.operands}".rstrip()
    lines = [f"{use} [OPTIONS]", f"  {verb.says}", "", "Options"]
    for option in verb.options:
        flag = f"{option.short + ', ' if option.short else ''}{option.flag} {option.takes}".rstrip()
        lines += _beside(flag, option.says, 26)
    lines += ["", "Examples", *(f"  {e}" for e in verb.examples)]
    return "\n".join(lines)


def _beside(use: str, said: str, column: int) -> list[str]:
    """What is typed, and from a column on what it means; below it where it reaches so far."""
    says = wrap(said, WIDTH - column)
    if len(use) + 2 >= column:
        return [f"  {use}", *(" " * column + line for line in says)]
    return [f"  {use}".ljust(column) + says[0], *(" " * column + line for line in says[1:])]
