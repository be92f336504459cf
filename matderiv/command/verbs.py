"""The verbs of the program with their options and examples."""

import re
from dataclasses import dataclass

from matderiv.command.flags import (
    ASKED,
    CLASS,
    CODE,
    GRAPH,
    PAGE,
    PRINTED,
    READ,
    SHARED,
    SOLVED,
    Option,
    chosen,
    read_from,
    unstructured,
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
serve [EXPR VARIABLE]: a page to type into, on this computer only, until Ctrl-C
repl: commands one after the other, without a shell's quotes
rules [NAME]: every rule and function there is, or one of them explained
explain RULE: a rule: what it says, why it is true, an example, its source
completion SHELL: what bash, zsh or fish needs to complete a command line
examples: commands to try
"""
_EXAMPLES = r"""
matderiv derive "x'*A*x" x
matderiv derive "norm2(A*x - b)^2" x --shape "b: m" --order 2
matderiv derive "logdet(X)" X --assume "X: symmetric" --format latex
matderiv derive "\|Xw - y\|_2^2 + \lambda\|w\|_2^2" w
matderiv derive "tanh(W*x + b)" W --shape "b: m" --kind vjp
matderiv check "sum(relu(W*x))" W --seed 7
matderiv verify "norm2(A*x - b)^2" x "2*A'*(A*x - b)"
matderiv verify --file derivation.tex
matderiv verify --file derivation.tex --format html -o marked.html
matderiv verify "x'*A*x" x --batch answers.csv -o verdicts.csv
matderiv verify "x'*A*x" x "2*A*x" --assume "A: symmetric"
matderiv verify "norm2(X*w - y)^2" w "\nabla_w f = 2X^\top(Xw - y)"
matderiv verify "norm2(X*w - y)^2" w "2 * X.T @ (X @ w - y)"
matderiv graph "(x+y)*z" --at x=-2,y=5,z=-4
matderiv graph "sum(relu(W*x + b))" --shape "b: m" --explain
matderiv graph "norm2(W*x)^2" --at "W=[[1,2],[3,4]],x=[1,-1]" --svg -
matderiv code "mean(log(1 + exp(-y.*(X*w))))" w
matderiv code "norm2(U*V' - Y)^2" U,V --target torch
matderiv solve "norm2(X*w - y)^2 + norm2(w)^2" w --shape "y: n"
matderiv solve "a'*p - sum(p.*log(p))" p --subject-to "sum(p) = 1"
matderiv curvature "logsumexp(A*x + b)" x --shape "b: m"
matderiv divergence "A*softmax(x)" x --shape "A: n,n"
matderiv laplacian "exp(-norm2(x)^2)" x
matderiv taylor "logsumexp(x)" x --format latex
matderiv serve
matderiv serve "norm2(A*x - b)^2" x --port 8000
matderiv rules
matderiv rules logdet
matderiv explain "affine map"
matderiv explain inv
matderiv completion bash
matderiv completion fish
matderiv examples
"""
_OPTIONS = {
    "derive": ASKED + PRINTED,
    "check": ASKED,
    "verify": read_from(unstructured(ASKED)) + CLASS,
    "graph": GRAPH,
    "code": ASKED + CODE,
    "solve": READ + SOLVED,
    "curvature": READ,
    **dict.fromkeys(("divergence", "laplacian", "taylor"), READ + chosen(SOLVED, "format")),
    "serve": PAGE,
}


def _verb(name: str, operands: str, says: str) -> Verb:
    examples = tuple(re.findall(rf"matderiv {name}\b.*", _EXAMPLES))
    return Verb(name, operands, says, _OPTIONS.get(name, ()) + SHARED, examples)


VERBS = {
    found[1]: _verb(found[1], found[2].strip(), found[3])
    for found in re.finditer(r"^(\w+)(.*?): (.*)$", _USES, re.MULTILINE)
}
