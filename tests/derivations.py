r"""Derivations by hand, right ones and ones with a planted mistake, and where each breaks."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A derivation; `breaks` is the number of its first wrong line, 0 where all are right.

    `states` are the verdicts line by line in short: g given, o right, W wrong, f follows from a
    wrong line, ? not decided; "" where only the first wrong line is told.
    """

    name: str
    lines: str
    breaks: int = 0
    code: str | None = None
    states: str = ""
    shapes: dict[str, str] = field(default_factory=dict)
    assume: dict[str, str] = field(default_factory=dict)


LEAST = {"A": "m,n", "b": "m"}
NET = {"W": "m,n", "x": "n", "b": "m", "y": "m"}

TWELVE = [
    Case(
        "least squares",
        """f = norm2(A*x - b)^2
df = 2*(A*x - b)'*d(A*x - b)
   = 2*(A*x - b)'*A*dx
   = (2*A'*(A*x - b))'*dx
∇f = 2*A'*(A*x - b)""",
        shapes=LEAST,
    ),
    Case(
        "logistic regression",
        """z = X*w
L = sum(log(1 + exp(z))) - y'*z
p = sigmoid(z)
dL = p'*dz - y'*dz
   = (p - y)'*X*dw
∂L/∂w = X'*(p - y)""",
        shapes={"X": "n,d", "w": "d", "y": "n"},
    ),
    Case(
        "log det and an inverse",
        """f = logdet(X) + tr(A*inv(X))
df = tr(inv(X)*dX) + tr(A*d(inv(X)))
   = tr(inv(X)*dX) - tr(A*inv(X)*dX*inv(X))
   = tr((inv(X) - inv(X)*A*inv(X))*dX)
grad f = (inv(X) - inv(X)*A*inv(X))'""",
        shapes={"X": "n,n", "A": "n,n"},
    ),
    Case(
        "ridge regression in LaTeX",
        r"""Let $A \in \mathbb{R}^{m \times n}$, $b \in \mathbb{R}^m$ and
$$ f(x) = \|A x - b\|_2^2 + \lambda x^\top x. $$
\begin{align*}
\mathrm{d} f &= 2 (A x - b)^\top A \, \mathrm{d} x + 2 \lambda x^\top \mathrm{d} x \\
  &= \left( 2 A^\top (A x - b) + 2 \lambda x \right)^\top \mathrm{d} x
\end{align*}
so that
\[ \nabla f = 2 A^\top (A x - b) + 2 \lambda x \]""",
    ),
    Case(
        "a layer with a hinge in LaTeX",
        r"""\begin{align*}
z &= W x + b \\
h &= \max(z, 0) \\
L &= \frac{1}{2} \|h - y\|^2 \\
\frac{\partial L}{\partial h} &= h - y \\
\delta = \frac{\partial L}{\partial z} &= \mathbf{1}\{z > 0\} \odot (h - y) \\
\frac{\partial L}{\partial W} &= \delta x^\top \\
\frac{\partial L}{\partial b} &= \delta
\end{align*}""",
        shapes=NET,
    ),
    Case(
        "a Gaussian likelihood in LaTeX",
        r"""$$ f(\Sigma) = \log \det \Sigma + \mathrm{tr}(\Sigma^{-1} S) $$
\begin{align*}
df &= \mathrm{tr}(\Sigma^{-1} d\Sigma) - \mathrm{tr}(\Sigma^{-1} d\Sigma \, \Sigma^{-1} S) \\
   &= \mathrm{tr}\left( (\Sigma^{-1} - \Sigma^{-1} S \Sigma^{-1}) d\Sigma \right) \\
\nabla_\Sigma f &= \Sigma^{-\top} - (\Sigma^{-1} S \Sigma^{-1})^\top
\end{align*}""",
        shapes={"Sigma": "n,n", "S": "n,n"},
    ),
    Case(
        "the sign of the differential of an inverse",
        """f = tr(A*inv(X)*B)
df = tr(A*d(inv(X))*B)
   = tr(A*inv(X)*dX*inv(X)*B)
   = tr(inv(X)*B*A*inv(X)*dX)
∇f = (inv(X)*B*A*inv(X))'""",
        3,
        "sign",
        "goWff",
        shapes={"X": "n,n", "A": "k,n", "B": "n,k"},
    ),
    Case(
        "a matrix product for an entrywise one",
        """z = W*x
h = tanh(z)
f = sum(h)
dh = (1 - h.^2).*dz
df = (1 - h.^2)'*dz = (1 - h.^2)'*W*dx
∇f = W*(1 - h.^2)""",
        6,
        None,
        "gggoooW",
        shapes={"W": "n,n", "x": "n"},
    ),
    Case(
        "a factor of two lost on the way",
        """f = norm2(X*w - y)^2/n
r = X*w - y
df = 2*r'*dr/n
   = 2*r'*X*dw/n
   = r'*X*dw/n
∇f = X'*r/n""",
        5,
        "factor",
        "ggooWf",
        shapes={"X": "n,d", "w": "d", "y": "n"},
    ),
    Case(
        "a transpose inside a trace in LaTeX",
        r"""$$f(X) = \mathrm{tr}(A X B)$$
\begin{align*}
df &= \mathrm{tr}(A\, dX\, B) \\
   &= \mathrm{tr}(B A\, dX) \\
\nabla f &= B A
\end{align*}""",
        5,
        "other-layout",
        "gooW",
        shapes={"A": "n,n", "B": "n,n", "X": "n,n"},
    ),
    Case(
        "a forgotten mask in LaTeX",
        r"""\begin{align}
z &= W x + b \\
L &= \sum \mathrm{relu}(z) + \tfrac{1}{2} z^\top z \\
dL &= \mathbf{1}\{z > 0\}^\top dz + z^\top dz \\
\frac{\partial L}{\partial z} &= \mathbf{1} + z \\
\nabla_b L &= \mathbf{1} + z
\end{align}""",
        5,
        None,
        "ggoWf",
        shapes=NET,
    ),
    Case(
        "a mean taken for a sum in LaTeX",
        r"""\[ L(w) = \frac{1}{n} \sum \log(1 + e^{-y \odot X w}) \]
\begin{align*}
u &= y \odot X w \\
dL &= -\frac{1}{n} \sigma(-u)^\top du \\
\nabla_w L &= -X^\top (y \odot \sigma(-u))
\end{align*}""",
        5,
        "factor",
        "ggoW",
        shapes={"X": "n,d", "w": "d", "y": "n"},
    ),
]

NASTY = [
    Case(
        "a sign that is lost and comes back",
        """f = -norm2(x - y)^2
df = -2*(x - y)'*d(x - y)
   = 2*(x - y)'*dx
∇f = -2*(x - y)""",
        3,
        "sign",
        "goWo",
        shapes={"x": "n", "y": "n"},
    ),
    Case(
        "a wrong part whose successors follow",
        """z = W*x
f = z'*z
dz = W*dx + z
df = 2*z'*dz
   = 2*z'*W*dx + 2*z'*z
∇f = W'*z""",
        3,
        None,
        "ggWofW",
        shapes={"W": "n,n", "x": "n"},
    ),
    Case(
        "a line nobody can read, and lines after it",
        """f = x'*A*x
df = x'*(A + A')*dx
   = x'*(A + )*dx
   = ((A + A')*x)'*dx
∇f = 2*A*x""",
        5,
        "symmetric-shortcut",
        "go?oW",
        shapes={"A": "n,n", "x": "n"},
    ),
    Case(
        "definitions after their use, two on the way",
        """L = norm2(h)^2/2
h = relu(z)
where z = W*x
∂L/∂h = h
∂L/∂z = h.*(z>0)
∂L/∂x = W*(h.*(z>0))""",
        6,
        "transpose",
        "gggooW",
        shapes={"W": "n,n", "x": "n"},
    ),
    Case(
        "several equations in one line",
        """f = tr(X'*A*X)
df = tr(dX'*A*X) + tr(X'*A*dX) = tr(X'*A'*dX) + tr(X'*A*dX) = tr(X'*(A - A')*dX)
∇f = (A + A')*X""",
        2,
        "sign",
        "gooWo",
        shapes={"X": "n,d", "A": "n,n"},
    ),
    Case(
        "one of two variables forgotten",
        """f = norm2(W*x + b)^2
r = W*x + b
df = 2*r'*(dW*x + db)
   = 2*r'*dW*x
∂f/∂W = 2*r*x'
∂f/∂b = 2*r""",
        4,
        None,
        "ggoWoo",
        shapes={"W": "m,n", "x": "n", "b": "m"},
    ),
    Case(
        "a wrong lemma beside a right derivation",
        """f = tr(A*X)
tr(A*X) = tr(X*A)
tr(A*X) = tr(A'*X)
df = tr(A*dX)
∇f = A'""",
        3,
        "transpose",
        "goWoo",
        shapes={"A": "n,n", "X": "n,n"},
    ),
    Case(
        "numbers, words, arrows and remarks",
        """1. Let f(x) = log(x'*x).
2) Then df = d(x'*x)/(x'*x)   (chain rule)
   => df = 2*x'dx/(x'*x), by the product rule
We conclude that ∇f(x) = 2*x/(x'*x).
Setting ∇f = 0 has no solution.""",
        shapes={"x": "n"},
        states="googo"[:2] + "oog",
    ),
    Case(
        "a symmetric variable, where tr(A' dS) is tr(A dS)",
        """f = tr(A*S)
S = S'
df = tr(A*dS)
   = tr(A'*dS)
∇f = (A + A')/2""",
        shapes={"A": "n,n", "S": "n,n"},
        states="gooo",
    ),
    Case(
        "a scalar with primes",
        """f(a) = exp(-a^2/2)
f'(a) = -a*exp(-a^2/2)
f''(a) = (a^2 - 1)*exp(-a^2/2)
f''(a) = (a^2 + 1)*exp(-a^2/2)""",
        4,
        None,
        "gooW",
    ),
    Case(
        "a further mistake after the first",
        """f = norm2(A*x)^2
df = x'*A'*A*dx
   = (A'*A*x)'*dx
   = (A*A*x)'*dx
∇f = A*A*x""",
        2,
        "factor",
        "gWfWf",
        shapes={"A": "n,n", "x": "n"},
    ),
    Case(
        "a chain rule with Jacobians",
        """y = A*x
z = tanh(y)
f = sum(z)
∂z/∂y = diag(1 - z.^2)
∂y/∂x = A
∂f/∂x = (∂y/∂x)'*(∂z/∂y)'*vector(1)
      = A*(1 - z.^2)""",
        7,
        None,
        "gggoooW",
        shapes={"A": "n,n", "x": "n"},
    ),
    Case(
        "a formula broken over lines",
        """f = x'*A*x
    + b'*x
df = dx'*A*x + x'*A*dx
     + b'*dx
∇f = (A + A')*x
     - b""",
        5,
        "sign",
        "goW",
        shapes={"A": "n,n", "x": "n", "b": "n"},
    ),
    Case(
        "no variable changes by itself",
        """f = tr(A*X)
df = tr(dA*X) + tr(A*dX)
∂f/∂X = A'""",
        shapes={"A": "m,n", "X": "n,m"},
        states="goo",
    ),
    Case(
        "a name for the gradient, used on",
        """z = X*w
L = norm2(z - y)^2/2
g = ∂L/∂z = y - z
∂L/∂w = X'*g
      = X'*(y - z)""",
        3,
        "sign",
        "ggWof",
        shapes={"X": "n,d", "w": "d", "y": "n"},
    ),
]
