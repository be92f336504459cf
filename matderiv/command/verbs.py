"""The verbs of the program with their options and examples."""

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
    read_from,
    unstructured,
)


@dataclass(frozen=True)
class Verb:
    """One thing the program does; `operands` names what stands without an option."""

    name: str
    operands: str
    says: str
    options: tuple[Option, ...] = ()
    examples: tuple[str, ...] = ()


VERBS = {
    v.name: v
    for v in (
        Verb(
            "derive",
            "EXPR VARIABLE",
            "the derivative of an expression, checked against numbers",
            ASKED + PRINTED + SHARED,
            (
                """matderiv derive "x'*A*x" x""",
                """matderiv derive "norm2(A*x - b)^2" x --shape "b: m" --order 2""",
                """matderiv derive "logdet(X)" X --assume "X: symmetric" --format latex""",
                r"""matderiv derive "\|Xw - y\|_2^2 + \lambda\|w\|_2^2" w""",
                """matderiv derive "tanh(W*x + b)" W --shape "b: m" --kind vjp""",
            ),
        ),
        Verb(
            "check",
            "EXPR VARIABLE",
            "the comparison of the derivative with numbers, in full",
            ASKED + SHARED,
            ("""matderiv check "sum(relu(W*x))" W --seed 7""",),
        ),
        Verb(
            "verify",
            "EXPR VARIABLE ANSWER",
            "whether a derivative found by hand is right",
            (*read_from(unstructured(ASKED)), *CLASS, *SHARED),
            (
                '''matderiv verify "norm2(A*x - b)^2" x "2*A'*(A*x - b)"''',
                "matderiv verify --file derivation.tex",
                "matderiv verify --file derivation.tex --format html -o marked.html",
                """matderiv verify "x'*A*x" x --batch answers.csv -o verdicts.csv""",
                """matderiv verify "x'*A*x" x "2*A*x" --assume "A: symmetric\"""",
                r'''matderiv verify "norm2(X*w - y)^2" w "\nabla_w f = 2X^\top(Xw - y)"''',
                """matderiv verify "norm2(X*w - y)^2" w "2 * X.T @ (X @ w - y)\"""",
            ),
        ),
        Verb(
            "graph",
            "EXPR",
            "the computational graph: values forward, gradients backward, pictures",
            GRAPH + SHARED,
            (
                """matderiv graph "(x+y)*z" --at x=-2,y=5,z=-4""",
                """matderiv graph "sum(relu(W*x + b))" --shape "b: m" --explain""",
                """matderiv graph "norm2(W*x)^2" --at "W=[[1,2],[3,4]],x=[1,-1]" --svg -""",
            ),
        ),
        Verb(
            "code",
            "EXPR VARIABLES",
            "a program for value and gradients in NumPy, PyTorch, JAX, Julia or MATLAB",
            ASKED + CODE + SHARED,
            (
                """matderiv code "mean(log(1 + exp(-y.*(X*w))))" w""",
                """matderiv code "norm2(U*V' - Y)^2" U,V --target torch""",
            ),
        ),
        Verb(
            "solve",
            "EXPR VARIABLE",
            "where the derivative is zero, in closed form, checked against numbers",
            READ + SOLVED + SHARED,
            (
                """matderiv solve "norm2(X*w - y)^2 + norm2(w)^2" w --shape "y: n\"""",
                """matderiv solve "a'*p - sum(p.*log(p))" p --subject-to "sum(p) = 1\"""",
            ),
        ),
        Verb(
            "curvature",
            "EXPR VARIABLE",
            "whether a function is convex or concave, and why",
            READ + SHARED,
            ("""matderiv curvature "logsumexp(A*x + b)" x --shape "b: m\"""",),
        ),
        Verb(
            "serve",
            "[EXPR VARIABLE]",
            "a page to type into, on this computer only, until Ctrl-C",
            PAGE + SHARED,
            ("matderiv serve", """matderiv serve "norm2(A*x - b)^2" x --port 8000"""),
        ),
        Verb("repl", "", "commands one after the other, without a shell's quotes", SHARED),
        Verb(
            "rules",
            "[NAME]",
            "every rule and function there is, or the rule of one function",
            SHARED,
            ("matderiv rules", "matderiv rules logdet"),
        ),
        Verb(
            "explain",
            "RULE",
            "a rule: what it says, why it is true, an example, its source",
            SHARED,
            ('matderiv explain "affine map"', "matderiv explain inv"),
        ),
        Verb(
            "completion",
            "SHELL",
            "what bash, zsh or fish needs to complete a command line",
            SHARED,
            ("matderiv completion bash", "matderiv completion fish"),
        ),
        Verb("examples", "", "commands to try", SHARED, ("matderiv examples",)),
    )
}
