"""Homework in LaTeX: several derivations on one sheet.

Asked: hand in three derivations with your name on top. `--out FOLDER` writes the file that
compiles.
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Homework in LaTeX")
SIZES = {"X": "n,d", "w": "d", "y": "n"}
RIDGE = "norm2(X*w - y)^2 + c*norm2(w)^2"

ridge = md.derive(RIDGE, "w", shapes={**SIZES, "c": ""})
trace = md.derive("tr(X'*A*X)", "X", shapes={"X": "n,d", "A": "n,n"})
poisson = md.derive("sum(exp(X*w)) - y'*X*w", "w", shapes=SIZES)

homework = md.Sheet(
    "Matrix calculus, sheet 2",
    [
        md.Part("Exercise 1: ridge regression", ridge, "differential"),
        md.Part("Exercise 2: a trace", trace, "index", says="The product rule, entry by entry."),
        md.Part("Exercise 3: Poisson regression", poisson, "chain"),
    ],
    author="A. Student",
)

lesson.say(
    """A sheet is a title, a name and parts. Each part has a heading and a derivation, told in
    the view you choose. The same sheet gives LaTeX, HTML, Markdown or text, depending on the
    name of the file: `homework.write("sheet2.tex")`."""
)
lesson.lines("\n".join(homework.latex().splitlines()[5:15]), "A piece of the LaTeX:")
lesson.say(
    """`D.latex()` is the formula alone, for a text of your own, and `D.latex("chain",
    standalone=True)` one derivation as a file."""
)
lesson.table(
    [
        ("exercise", "formula in LaTeX"),
        *((str(k), f"`{d.latex()}`") for k, d in enumerate((ridge, trace, poisson), 1)),
    ]
)
for part in homework.parts:
    lesson.show(part.heading, part.derivation, part.view)

rng = np.random.default_rng(10)
X, w, y = rng.standard_normal((4, 2)), rng.standard_normal(2), rng.standard_normal(4)
A = rng.standard_normal((4, 4))
values = {"X": X, "w": w, "y": y, "c": 0.5, "A": A}
lesson.agree(
    "exercise 1",
    ridge.evaluate(values),
    differences(lambda v: np.sum((X @ v - y) ** 2) + 0.5 * v @ v, w),
)
lesson.agree("exercise 2", trace.evaluate(values), differences(lambda v: np.trace(v.T @ A @ v), X))
lesson.agree(
    "exercise 3",
    poisson.evaluate(values),
    differences(lambda v: np.sum(np.exp(X @ v)) - y @ X @ v, w),
)
if lesson.folder is not None:
    lesson.folder.mkdir(parents=True, exist_ok=True)
    print("wrote", homework.write(lesson.folder / "homework.tex"))
lesson.finish()
