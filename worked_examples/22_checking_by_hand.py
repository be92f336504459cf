"""Is my derivation right? Checking what was derived by hand, and finding the mistake.

Asked: six derivatives found by hand. Which are right, and what is wrong with the others?
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Checking a derivation by hand")

lesson.say(
    """Three tests find nearly every mistake, and you can do them with a pencil. Do the shapes
    fit? Is it right for 1 × 1 matrices? Is it right for the numbers of one example? `md.verify`
    does the same and more: it proves an answer right by an identity test with exact numbers, or
    it finds numbers where the answer is wrong, and then looks for the smallest change that
    makes it right."""
)

SQUARES = ("norm2(X*w - y)^2", "w", {"X": "n,d", "w": "d", "y": "n"})
ANSWERS = (
    (*SQUARES, "2*X'*(X*w - y)"),
    (*SQUARES, "X'*(X*w - y)"),
    (*SQUARES, "2*X*(X*w - y)"),
    (*SQUARES, "2*X'*(y - X*w)"),
    ("x'*A*x", "x", {"A": "n,n"}, "2*A*x"),
    ("tr(A*X)", "X", {"A": "n,n", "X": "n,n"}, "A"),
    ("sum(sigmoid(X*w))", "w", {"X": "n,d", "w": "d"}, "X'*sigmoid(X*w)"),
    ("x/norm2(x)", "x", {}, "eye(n)/norm2(x)"),
)
verdicts = [md.verify(f, wrt, answer, shapes=shapes) for f, wrt, shapes, answer in ANSWERS]
lesson.table(
    [
        ("f", "answer", "verdict", "diagnosis"),
        *(
            (f"`{f}`", f"`{answer}`", v.verdict, v.diagnosis or "")
            for (f, _, _, answer), v in zip(ANSWERS, verdicts, strict=True)
        ),
    ],
    heading="Answers and verdicts",
)
lesson.lines("\n\n".join(map(str, verdicts)), "In full sentences, with numbers to check by hand:")
assert [v.correct for v in verdicts] == [True] + [False] * 7

lesson.say(
    """An answer may be right only under an assumption. 2*A*x is right for a symmetric A, and if
    that is said, it is proved.""",
    "Right under an assumption",
)
assumed = md.verify("x'*A*x", "x", "2*A*x", assume={"A": "symmetric"})
lesson.lines(assumed)
assert assumed.correct

BY_HAND = """f = norm2(z)^2
z = X*w - y
df = 2*z'*dz
   = 2*z'*X*dw
∇f = 2*X*z"""
steps = md.verify_steps(BY_HAND, shapes=SQUARES[2])
lesson.lines(
    steps,
    """`md.verify_steps` reads a whole derivation. Here everything is right up to the last line.""",
    "Line by line",
)
assert steps.first_wrong is not None
assert steps.first_wrong.number == 5

lesson.say(
    """Look at the counterexample yourself. It can be drawn again with the seed that is printed, and
    plain differences of f agree with the value that is called true.""",
    "Do not believe it, check it",
)
wrong = verdicts[1].counterexample
assert wrong is not None
X, w, y = (np.asarray(wrong.values[name]) for name in "Xwy")
gradient = differences(lambda v: np.sum((X @ v - y) ** 2), w)
entry = tuple(k - 1 for k in wrong.entry or ())
lesson.agree("the true entry of the counterexample", wrong.truth, gradient[entry])
lesson.agree("what the answer says", wrong.claimed, (X.T @ (X @ w - y))[entry], "hand")
lesson.finish()
