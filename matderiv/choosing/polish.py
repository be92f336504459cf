"""Last touches on a finished result: signs drawn into differences, 1 - sigmoid(z) as sigmoid(-z).

These would hide common factors from the sums if they were done on the way.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from matderiv.choosing.factoring import Search
from matderiv.choosing.items import numbers_apart
from matderiv.choosing.placed import part_of_both, stacked
from matderiv.choosing.sums import new_search, raise_tensor
from matderiv.choosing.terms import MAX_SPREAD
from matderiv.expr import Expr, apply, contains, fold, is_, number, number_value, rebuild, walk
from matderiv.functions.elementwise import OPPOSITE
from matderiv.reducing.elimination import centred
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import Index, Tensor
from matderiv.words.chains import transposed
from matderiv.words.folds import respelled_by, spellings
from matderiv.words.monomials import scaled
from matderiv.words.signs import is_one, negated, signed, total

_PRODUCTS = ("mul", "hadamard", "div", "ediv")
_LINEAR = ("transpose", "sum", "mean", "diag", "tr", "triu", "tril")
_SPELLINGS = spellings(
    (("max", ("abs", "x")), ("norminf", "x")),
    (("sqrt", ("var", "x")), ("std", "x")),
    (("div ediv", ("exp", "x"), ("sum", ("exp", "x"))), ("softmax", "x")),
)


def polished(e: Expr, keep: Collection[Expr], fractions: bool = True) -> Expr:
    """The result with its last touches; nodes in `keep`, as typed by the user, stay as they are.

    Without `fractions` quotients are not brought over one denominator.
    """
    done: dict[Expr, Expr] = {}
    met = [a for node in walk(e) if node not in keep for a in node.args]
    uses = Counter(a.args[0] if a in keep and is_(a, "transpose") else a for a in met)
    shared: set[Expr] = set()
    for node in walk(e):
        new = node
        if node not in keep:
            new = rebuild(node, tuple([done[a] for a in node.args]))
            for names, touch in _TOUCHES:
                if new.function.name in names and (fractions or touch is not _one_fraction):
                    new = touch(new)
            new = _sign_inside(new, shared)
        done[node] = new
        if uses[node] > 1:
            shared.add(new)
    minus, z = _complement(done[e])
    if z is None or e in keep:
        return done[e]
    opposite = apply("sigmoid", negated(z))
    return opposite if minus > 0 else negated(opposite)


def _named(e: Expr) -> Expr:
    """mean((x - mean(x)).^2) becomes var(x), sqrt(var(x)) std(x), exp(x)/sum(exp(x)) softmax(x).

    >>> text(_named(read("exp(x)/sum(exp(x))").expr)), text(_named(read("exp(x)/sum(x)").expr))
    ('softmax(x)', 'exp(x)/sum(x)')

    >>> text(_named(read("mean((x - mean(x)).^2)").expr)), text(_named(read("sqrt(var(x))").expr))
    ('var(x)', 'std(x)')
    >>> text(_named(read("mean((x - mean(y)).^2)").expr))
    'mean((x - mean(y)).^2)'
    >>> text(_named(read("max(abs(x))").expr)), text(_named(read("max(x)").expr))
    ('norminf(x)', 'max(x)')
    >>> text(_named(read("A.*triu(ones(n,n))").expr))
    'triu(A)'
    """
    if (found := respelled_by(e, _SPELLINGS)) is not None:
        return found
    masks = [a for a in e.args if is_(a, "tril", "triu") and is_one(a.args[0])]
    if is_(e, "hadamard") and len(masks) == 1 and all(a.shape == e.shape for a in e.args):
        rest = [a for a in e.args if a is not masks[0]]
        inner = apply("hadamard", *rest)
        return apply(masks[0].function.name, inner)
    if is_(e, "mean") and is_(e.args[0], "epow") and number_value(e.args[0].args[1]) == 2:
        difference = e.args[0].args[0]
        if centred(difference, e.params[0]):
            return apply("var", difference.args[0], params=e.params)
    return e


def _signs_out(e: Expr) -> Expr:
    """a - (-b) becomes a + b, and a + (-b).*c becomes a - b.*c.

    >>> y, u = (read(t, shapes={"y": "n", "x": "n"}).expr for t in ("y", "-(2*x)"))
    >>> text(_signs_out(y - u)), text(_signs_out(y + u * y)), text(_signs_out(y + y))
    ('y + 2*x', 'y - 2*x.*y', 'y + y')
    """
    inside = (a.args[0] if is_(a, "neg") else a for a in e.args)
    return total(e.args) if any(signed(a)[0] < 0 for a in inside) else e


def with_differences(e: Expr) -> Expr:
    """The same with the signs of terms between them, however deep a sum stands."""

    def visit(node: Expr, args: tuple[Expr, ...]) -> Expr:
        new = rebuild(node, args)
        return _signs_out(new) if is_(new, "add") else new

    return fold(e, visit)


def _one_transpose(e: Expr) -> Expr:
    """A'*X'*B' becomes (B*X*A)' for three factors and more, X'*softmax(Z)'*G (softmax(Z)*X)'*G.

    Two transposed variables stay as they are: A'*B'*x reads as well as (B*A)'*x.

    >>> [text(_one_transpose(read(t).expr)) for t in ("A'*X'*B'", "X'*tanh(Z)'*G", "A'*B'*x")]
    ["(B*X*A)'", "(tanh(Z)*X)'*G", "A'*B'*x"]
    """
    sign, core = signed(e)
    word = list(core.args) if is_(core, "mul") else []
    for k in range(len(word)):
        run = _transposed_run(word[k:])
        whole = len(run) >= 3 and k + len(run) == len(word) and not any(a.shape for a in word[:k])
        if whole or (len(run) >= 2 and any(not is_(a, "variable", "inv") for a in run)):
            turned = apply("transpose", apply("mul", *reversed(run)))
            parts = [*word[:k], turned, *word[k + len(run) :]]
            new = apply("mul", *parts)
            return negated(new) if sign < 0 else new
    return e


def _both_ways(e: Expr) -> Expr:
    """S + S' of a sum S with symmetric terms: A + l*eye(n) gives A + A' + 2*l*eye(n).

    >>> typed = ("A + c*eye(n) + (A + c*eye(n))'", "A + B + (A + B)'")
    >>> [text(_both_ways(read(t, shapes={"A": "n,n"}).expr)) for t in typed]
    ["A + A' + 2*c*eye(n)", "A + B + (A + B)'"]
    """
    for turned in e.args:
        terms = turned.args[0].args if is_(turned, "transpose") else ()
        twice = [a for a in terms if transposed(a) is a]
        if twice and is_(turned.args[0], "add") and set(terms) <= set(e.args):
            once = [a for a in terms if a not in twice]
            others = [a for a in e.args if a is not turned and a not in terms]
            apart = map(numbers_apart, twice)
            both = [scaled(2 * c, numbers, word) for c, numbers, word in apart]
            return total([*others, *once, *map(transposed, once), *both])
    return e


def _transposed_run(word: Sequence[Expr]) -> list[Expr]:
    """The transposed matrices at the beginning of a product, without their transposes."""
    run = []
    for a in word:
        if not is_(a, "transpose") or len(a.shape) != 2 or 1 in a.shape:
            break
        run.append(a.args[0])
    return run


def _one_fraction(e: Expr) -> Expr:
    """(1 - y)./(1 - p) - y./p becomes (p - y)./(p.*(1 - p)), where terms cancel above the line.

    >>> typed = ("(1 - y)./(1 - x) - y./x", "1./x + y./(1 - x)")
    >>> [text(_one_fraction(read(t).expr)) for t in typed]
    ['(x - y)./(x.*(1 - x))', '1./x + y./(1 - x)']
    """
    quotients = [a for a in e.args if is_(signed(a)[1], "div", "ediv")]
    if len(quotients) < 2 or len(e.args) > MAX_SPREAD:
        return e
    search = new_search()
    search.fractions = True
    new = _collected(e.args, e, search, broadcast=len(e.shape) < 2)
    return new if new is not None and new.weight < e.weight else e


_TESTS = ("gt", "ge", "lt", "le")


def _shorter_test(e: Expr) -> Expr:
    """step(A*x + a - B*x - b) becomes step((A - B)*x + a - b), a*z > (a - 1)*z becomes z > 0.

    >>> [text(_shorter_test(read(t).expr)) for t in ("step(A*x + z - B*x)", "step(A*x)")]
    ['step((A - B)*x + z)', 'step(A*x)']
    >>> shapes = {"a": ""}
    >>> typed = ("(a*(y - x) > (a - 1)*(y - x))", "(a*x > y)")
    >>> [text(_shorter_test(read(t, shapes=shapes).expr)) for t in typed]
    ['(y>x)', '(a*x>y)']
    """
    if is_(e, "step") and is_(e.args[0], "add"):
        inner = _collected(e.args[0].args, e)
        return apply("step", inner) if inner is not None and inner.weight < e.args[0].weight else e
    if not is_(e, "step") and not any(number_value(a) is not None for a in e.args):
        first, second = e.args
        inner = _collected((first, negated(second)), e)
        if inner is not None and inner.weight < min(first.weight, second.weight):
            return apply(e.function.name, *_two_sides(inner))
    return e


def _collected(
    terms: Sequence[Expr], e: Expr, search: Search | None = None, broadcast: bool = True
) -> Expr | None:
    """The sum of terms of one shape, like ones added up; None if their shapes differ.

    Nor where an axis is left that joins two others, which has no name in the language.
    """
    if len(e.shape) > 2 or 1 in e.shape or any(a.shape != e.shape for a in terms):
        return None
    axes = tuple(Index(s) for s in e.shape)
    tensor = Tensor(axes, tuple(open_product(a, axes) for a in terms))
    found = raise_tensor(tensor, broadcast, search)
    return None if contains(found, "fuse") else found


def _two_sides(difference: Expr) -> tuple[Expr, Expr]:
    """The positive and the negative terms of a difference, to be compared with each other."""
    parts = [signed(a) for a in (difference.args if is_(difference, "add") else (difference,))]
    above, below = ([t for sign, t in parts if sign == side] for side in (1, -1))
    return total(above) if above else number(0), total(below) if below else number(0)


def _one_branch(e: Expr) -> Expr:
    """where(t, a, a - 1) becomes a - (the opposite of t), where the branches differ by a number.

    >>> shapes = {"a": ""}
    >>> typed = ("where(x>y,a,a - 1)", "where(x>y,2*x,x)", "where(x>y,2,1)")
    >>> [text(_one_branch(read(t, shapes=shapes).expr)) for t in typed]
    ['a - (x<=y)', 'where(x>y,2*x,x)', 'where(x>y,2,1)']
    """
    if not is_(e.args[0], *_TESTS) or e.args[1].shape != e.args[2].shape:
        return e
    test, first, second = e.args
    if not is_(first, "add") and not is_(second, "add"):
        return e
    step = _collected((second, negated(first)), first)
    value = number_value(step) if step is not None else None
    if value is None:
        return e
    mask = apply(OPPOSITE[test.function.name], *test.args)
    new = total([first, scaled(value, {}, [mask])])
    return new if new.weight < e.weight and new.shape == e.shape else e


def _complements(e: Expr) -> Expr:
    """1 - sigmoid(z) becomes sigmoid(-z), sigmoid(z) - 1 -sigmoid(-z), if that is no longer.

    In a product with sigmoid(z) it stays, s.*(1 - s) reads best; there z loses its sign instead.

    >>> text(_complements(read("A*(1 - sigmoid(z))").expr))
    'A*sigmoid(-z)'
    >>> text(_complements(read("sigmoid(z).*(1 - sigmoid(z))").expr))
    'sigmoid(z).*(1 - sigmoid(z))'
    """
    args, sign = list(e.args), 1
    siblings = {f for a in e.args for f in (a, *(a.args if is_(a, "mul", "hadamard") else ()))}
    for k, a in enumerate(args):
        minus, z = _complement(a)
        if z is None:
            continue
        if apply("sigmoid", z) not in siblings:
            opposite = apply("sigmoid", _sign_inside(negated(z), ()))
            if opposite.weight + (minus < 0) <= a.weight:
                args[k], sign = opposite, sign * minus
        elif minus > 0 and signed(z)[0] < 0 and apply("sigmoid", z) in args:
            core = apply("sigmoid", negated(z))
            args[args.index(apply("sigmoid", z))], args[k] = core, 1 - core
    new = rebuild(e, tuple(args))
    return new if sign > 0 else negated(new)


def _complement(e: Expr) -> tuple[int, Expr | None]:
    """(1, z) for 1 - sigmoid(z), (-1, z) for sigmoid(z) - 1."""
    if is_(e, "add") and len(e.args) == 2:
        for sign, (one, s) in ((1, e.args), (-1, e.args[::-1])):
            (a, one), (b, s) = signed(one), signed(s)
            if is_one(one) and is_(s, "sigmoid") and (a, b) == (sign, -sign):
                return sign, s.args[0]
    return 1, None


def _sign_inside(e: Expr, shared: Collection[Expr]) -> Expr:
    """-2*A*(x - y) becomes 2*A*(y - x), unless x - y is met elsewhere too.

    >>> e = read("-2*A*(x - y)").expr
    >>> text(_sign_inside(e, ())), text(_sign_inside(e, {e.args[-1]}))
    ('2*A*(y - x)', '-2*A*(x - y)')
    >>> [text(_sign_inside(read(t).expr, ())) for t in ("-sum(x - y)", "-cross(x,y)", "-sum(x)")]
    ['sum(y - x)', 'cross(y,x)', '-sum(x)']
    """
    sign, core = signed(e)
    if sign < 0 and is_(core, "cross"):
        return rebuild(core, core.args[::-1])
    if sign < 0 and is_(core, *_LINEAR) and len(core.args) == 1:
        inner = _flipped(apply("mul", 1, core), shared, set())
        return inner.args[1] if inner is not None else e
    if sign > 0 or not is_(core, *_PRODUCTS):
        return e
    flipped = _flipped(core, shared, set())
    return flipped if flipped is not None else e


def _negated_sum(e: Expr, shared: Collection[Expr], failed: set[Expr]) -> Expr:
    """A sum with its sign changed, term by term inside the brackets where that is possible."""
    inside = [_flipped(a, shared, failed) if is_(a, "mul", "div") else None for a in e.args]
    if all(a is not None for a in inside):
        return apply("add", *(a for a in inside if a is not None))
    return negated(e)


def _one_minus(e: Expr) -> bool:
    """True for 1 - u, which reads better than u - 1."""
    return is_one(e.args[0]) and all(signed(a)[0] < 0 for a in e.args[1:])


def _flipped(core: Expr, shared: Collection[Expr], failed: set[Expr]) -> Expr | None:
    """A product with the sign of its first bracket changed; None if that is longer.

    `failed` are products without such a bracket, which are looked through once.
    """
    if core in failed:
        return None
    for k, a in enumerate(core.args):
        inner = a.args[0] if is_(a, *_LINEAR) else a
        new = None
        if is_(inner, "add") and inner not in shared and not _one_minus(inner):
            new = _negated_sum(inner, shared, failed)
        if new is None and is_(inner, *_PRODUCTS) and (k == 0 or inner is not a or inner.shape):
            new = _flipped(inner, shared, failed)
        if new is not None and signed(new)[0] > 0 and new.weight <= inner.weight:
            new = new if inner is a else rebuild(a, (new,))
            return apply(core.function.name, *core.args[:k], new, *core.args[k + 1 :])
        if is_(core, "div", "ediv"):
            break
    failed.add(core)
    return None


_TOUCHES: tuple[tuple[tuple[str, ...], Callable[[Expr], Expr]], ...] = (
    (("hadamard", "mean", "max", "sqrt", "div", "ediv"), _named),
    *((("add",), touch) for touch in (_signs_out, _one_fraction, stacked, _both_ways)),
    (("mul", "neg"), part_of_both),
    (("step", *_TESTS), _shorter_test),
    (("where",), _one_branch),
    (("mul",), _one_transpose),
    ((*_PRODUCTS, "diag", "transpose"), _complements),
)
"""What is done to a node of a finished result, in this order, and to which functions."""
