"""The rules for functions of one number, and the one mistake everybody makes with the chain rule.

Asked: differentiate x^3, a sum, a product, sin(x^2), log(sin(x^3)^2), and x + x^2 by the chain
rule.
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Scalar rules and the chain rule")
ONE = {"x": ""}

RULES = (
    ("constant", "99", lambda x: 99 + 0 * x),
    ("constant multiple", "3*x", lambda x: 3 * x),
    ("power", "x^3", lambda x: x**3),
    ("sum", "x^2 + 3*x", lambda x: x**2 + 3 * x),
    ("difference", "x^2 - 3*x", lambda x: x**2 - 3 * x),
    ("product", "x^2*x", lambda x: x**2 * x),
    ("chain", "log(x^2)", lambda x: np.log(x**2)),
    ("linear operator", "9*(x + x^2)", lambda x: 9 * (x + x**2)),
)
found = [md.derive(f, "x", shapes=ONE) for _, f, _ in RULES]
lesson.table(
    [
        ("rule", "f", "df/dx"),
        *((rule, f"`{f}`", f"`{d}`") for (rule, f, _), d in zip(RULES, found, strict=True)),
    ],
    """Every derivative in this course is put together from a few of these.""",
    "The rules",
)
lesson.agree(
    "all of them at x = 1.3",
    [d.evaluate({"x": 1.3}) for d in found],
    [differences(f, 1.3) for _, _, f in RULES],
)

lesson.show(
    "One function inside another",
    md.derive("sin(x^2)", "x", shapes=ONE),
    says="""The recipe has four steps. Give every intermediate result a name, one operation each.
    Differentiate each operation by what it reads. Multiply along the way back. Put the
    intermediate results back in.""",
)
deep = lesson.show(
    "Four functions inside each other",
    md.derive("log(sin(x^3)^2)", "x", shapes=ONE),
    says="""The recipe does not care how deep it goes. Going backwards, every line is what arrived
    from behind (a delta) times one local derivative.""",
)
lesson.agree(
    "at x = 1.3",
    deep.evaluate({"x": 1.3}),
    6 * 1.3**2 * np.cos(1.3**3) / np.sin(1.3**3),
    "the formula of the book",
)

lesson.show(
    "Two ways to one variable: the total derivative",
    md.derive("x + x^2", "x", shapes=ONE),
    says="""Here x is read twice: directly, and inside u1. Its influence arrives on both ways,
    and the two contributions are added: this is the total derivative.""",
)
mistake = md.verify("x + x^2", "x", "2*x", shapes=ONE)
lesson.lines(
    mistake,
    """Who follows only the chain through u1 gets 2x. What matderiv says to that answer:""",
    "The forgotten way",
)
assert mistake.correct is False

nested = md.derive("sin(x + x^2)", "x", shapes=ONE)
product = md.derive("x*x^2", "x", shapes=ONE)
lesson.table(
    [
        ("f", "df/dx"),
        ("`sin(x + x^2)`", f"`{nested}`"),
        ("`x*x^2`", f"`{product}`"),
    ],
    "Two more with two ways to x:",
)
lesson.agree("sin(x + x^2) at x = 0.7", nested.evaluate({"x": 0.7}), np.cos(1.19) * 2.4, "hand")
lesson.agree("x*x^2 at x = 0.7", product.evaluate({"x": 0.7}), 3 * 0.49, "hand")
lesson.finish()
