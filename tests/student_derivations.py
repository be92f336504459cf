r"""Derivations as students hand them in: ten right ones, and ten with one subtle mistake.

`wrong` is the line of the mistake, 0 where there is none; lines that follow from it may be marked
as such, and no line but it is wrong on its own account.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sheet:
    """A document, the kind of its file, and the number of its wrong line."""

    name: str
    suffix: str
    text: str
    wrong: int = 0


RIGHT = [
    Sheet(
        "least squares with its normal equations",
        "md",
        r"""## Exercise 1

Let $X \in \mathbb{R}^{n \times d}$, $y \in \mathbb{R}^n$ and $f(w) = \|Xw - y\|_2^2$.

We compute, writing $r = Xw - y$,

$$
\begin{aligned}
df &= 2 r^\top dr, \\
   &= 2 r^\top X \, dw .
\end{aligned}
$$

Hence $\nabla f(w) = 2 X^\top (Xw - y)$. Setting the gradient to zero,

$$ 2X^\top(Xw - y) = 0 \;\Rightarrow\; X^\top X w = X^\top y, $$

so the minimiser is $w^* = (X^\top X)^{-1} X^\top y$.
""",
    ),
    Sheet(
        "ridge regression in one align",
        "tex",
        r"""\begin{document}
\section*{Problem 2}
Let $A \in \mathbb{R}^{m \times n}$ and $b \in \mathbb{R}^m$. Consider
\[ f(x) = \tfrac12 \|Ax - b\|^2 + \tfrac{\lambda}{2} \|x\|^2 . \]
\begin{align*}
\nabla f &= A^\top (Ax - b) + \lambda x, \\
\nabla^2 f &= A^\top A + \lambda I.
\end{align*}
The first-order condition gives
\begin{align}
A^\top A x + \lambda x &= A^\top b, \\
\hat{x} &= (A^\top A + \lambda I)^{-1} A^\top b.
\end{align}
\end{document}
""",
    ),
    Sheet(
        "logistic regression in plain text",
        "txt",
        """X: n,d; y: n; w: d
Let z = X*w and p = sigmoid(z).
L = sum(softplus(z)) - y'*z
Then dL = p'*dz - y'*dz = (p - y)'*dz, where dz = X*dw,
so ∂L/∂w = X'*(p - y).
Therefore the Hessian = X'*diag(p.*(1 - p))*X.
""",
    ),
    Sheet(
        "a quadratic form with facts in words",
        "md",
        r"""# Problem 3

Here $A$ and $B$ are symmetric, and $f(x) = x^\top (A + B) x$.

$df = 2x^\top (A+B)\,dx \implies \boxed{\nabla f = 2(A + B)x}, \qquad \nabla^2 f = 2(A+B)$.
""",
    ),
    Sheet(
        "a program with its gradients",
        "md",
        """# Backpropagation by hand

X: n,d; W: d,k; T: n,k

```python
Z = X @ W          # scores
L = 0.5 * np.sum((Z - T)**2)
dZ = Z - T
dW = X.T @ dZ
dX = dZ @ W.T
```
""",
    ),
    Sheet(
        "a Gaussian and its covariance",
        "tex",
        r"""For $\Sigma \in \mathbb{R}^{n\times n}$ positive definite we have
$f(\Sigma) = \log\det\Sigma + \mathrm{tr}(\Sigma^{-1}S)$ with a symmetric matrix $S$.
\begin{align*}
\mathrm{d}f &= \mathrm{tr}(\Sigma^{-1}\mathrm{d}\Sigma)
  - \mathrm{tr}(\Sigma^{-1}\,\mathrm{d}\Sigma\,\Sigma^{-1}S)
  && \text{(since $d\Sigma^{-1} = -\Sigma^{-1} d\Sigma \Sigma^{-1}$)} \\
&= \mathrm{tr}\bigl((\Sigma^{-1} - \Sigma^{-1}S\Sigma^{-1})\,\mathrm{d}\Sigma\bigr).
\end{align*}
""",
    ),
    Sheet(
        "weights in Greek",
        "md",
        r"""Let $J(\theta) = \frac{1}{2}\|X\theta - y\|^2$. Then

$$\nabla_\theta J = X^\top (X\theta - y).$$

With $\theta$ fixed otherwise, $g(\beta) = a^\top \beta$.

## Part b

$g(\beta) = a^\top \beta$, and so $\nabla g = a$.
""",
    ),
    Sheet(
        "several problems, numbered lines",
        "txt",
        """Problem 1
f = x'*A*x, A: n,n
(1) df = dx'*A*x + x'*A*dx
(2) = x'*(A' + A)*dx;
(3) => ∇f = (A + A')*x.

Problem 2. S: n x n symmetric
f = x'*S*x
∇f = 2*S*x.

Problem 3
f(x) = log(g(x)), where g(x) = 1 + x'*x
∇f(x) = ∇g(x)/g(x) = 2*x/(1 + x'*x)
""",
    ),
    Sheet(
        "labels, cases and remarks in prose",
        "md",
        r"""Data: $x_i$ with labels $y_i \in \{-1, 1\}$. For $n = 1$ nothing changes.

We minimise $f(w) = \sum \log(1 + e^{-y \odot Xw})$, where $X \in \mathbb{R}^{n\times d}$.

$$
\begin{gather*}
\nabla f = -X^\top (y \odot \sigma(-m)), \quad \text{where } m = y \odot Xw.
\end{gather*}
$$

The term $\sigma(-m)$ is the probability of an error.
""",
    ),
    Sheet(
        "a two layer network with words",
        "tex",
        r"""\section{Exercise 4}
Let $W \in \mathbb{R}^{m\times n}$, $x \in \mathbb{R}^n$, $b, y \in \mathbb{R}^m$.
\begin{align*}
z &= Wx + b, \label{eq:z}\\
h &= \tanh(z), \\
L &= \tfrac12\|h - y\|^2.
\end{align*}
By the chain rule,
\begin{align*}
\frac{\partial L}{\partial z} &= (h - y) \odot (1 - h \odot h), \\
\therefore \frac{\partial L}{\partial W} &= \frac{\partial L}{\partial z}\, x^\top,
 \quad\text{and}\quad \frac{\partial L}{\partial b} = \frac{\partial L}{\partial z}.
\end{align*}
""",
    ),
]

WRONG = [
    Sheet(
        "a factor in a gradient that is set to zero",
        "txt",
        """f = x'*A*x - 2*b'*x
with A: n x n symmetric; b: n
∇f = 2*A*x - b = 0
=> x = inv(A)*b/2
""",
        3,
    ),
    Sheet(
        "a rearrangement that loses a term",
        "md",
        r"""Let $X \in \mathbb{R}^{n \times d}$, $y \in \mathbb{R}^n$, $\lambda > 0$.

$f(w) = \|Xw - y\|^2 + \lambda \|w\|^2$

$$\nabla f = 2X^\top(Xw - y) + 2\lambda w = 0$$

$$X^\top X w = X^\top y$$

$$w = (X^\top X)^{-1} X^\top y$$
""",
        7,
    ),
    Sheet(
        "a solution with a transpose too few",
        "tex",
        r"""Let $A \in \mathbb{R}^{n\times n}$, $b \in \mathbb{R}^n$, $f(x) = \frac12\|Ax - b\|^2$.
\begin{align*}
\nabla f &= A^\top(Ax - b) \stackrel{!}{=} 0, \\
A^\top A x &= A^\top b, \\
x^* &= (A^\top A)^{-1} A b.
\end{align*}
""",
        5,
    ),
    Sheet(
        "the second of two statements in one row",
        "md",
        r"""$f(x) = x^\top A x$

$$\nabla f = (A + A^\top)x, \qquad \nabla^2 f = 2A.$$
""",
        3,
    ),
    Sheet(
        "a Hessian called H",
        "txt",
        """f = norm2(X*w - y)^2; X: n,d; y: n; w: d
∂f/∂w = 2*X'*(X*w - y),
H = X'*X.
""",
        3,
    ),
    Sheet(
        "a gradient with a name",
        "md",
        r"""Let $f(x) = \|Ax - b\|^2$ with $A \in \mathbb{R}^{m\times n}$, $b \in \mathbb{R}^m$.

With $r = Ax - b$ we get the gradient $g = 2 A^\top (b - Ax)$,
""",
        3,
    ),
    Sheet(
        "symmetry that nobody granted",
        "md",
        r"""# 1

Let $B$ be a symmetric matrix and $f(x) = x^\top A x + x^\top B x$.

Thus $df = x^\top (A + A^\top)\,dx + 2x^\top B\,dx$, hence $\nabla f = 2Ax + 2Bx$.
""",
        5,
    ),
    Sheet(
        "a mean taken for a sum, after a where",
        "txt",
        """Problem 7.  X: n,d; y: n; w: d
f = mean((X*w - y).^2)
df = 2/n*r'*dr where r = X*w - y
   = 2/n*r'*X*dw,
so that ∇f = 2*X'*r.
""",
        5,
    ),
    Sheet(
        "a program with a transpose too few",
        "md",
        """```python
Z = X @ W
H = np.tanh(Z)
L = np.sum(H * T)
dH = T
dZ = dH * (1 - H)**2
dW = X.T @ dZ
```
""",
        6,
    ),
    Sheet(
        "a sign in a trace, the second problem",
        "tex",
        r"""\section*{Problem 1}
$f(X) = \mathrm{tr}(AX)$, therefore $\nabla f = A^\top$.
\section*{Problem 2}
\[ f(X) = \mathrm{tr}(A X^{-1} B) \]
\begin{align*}
df &= \mathrm{tr}(A\, d(X^{-1})\, B) \\
   &= -\mathrm{tr}(A X^{-1} \, dX \, X^{-1} B), \\
\Rightarrow \nabla f &= -(X^{-1} A B X^{-1})^\top.
\end{align*}
""",
        8,
    ),
]
