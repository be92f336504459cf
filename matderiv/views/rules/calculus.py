"""Rules that find a derivative: of sums, products, quotients, inverses, and through the chain."""

from matderiv.views.rules.rule import rules

CALCULUS = rules("""
chain rule; also backpropagation, backprop
  If f depends on x through z, then ∂f/∂x = ∂f/∂z ∂z/∂x, summed over all entries of z.
  - dz = (∂z/∂x) dx and df = (∂f/∂z) dz; put the first into the second.
  - What is left beside dx is the derivative; several z give one product each, added up.
  Example: sum(tanh(W*x)) by x | view=index
  Source: Magnus & Neudecker, ch. 5.11; Parr & Howard 2018, sec. 4.5

linear map
  If z = A*x, then dz = A*dx: a linear map is its own derivative.
  - A*(x + dx) - A*x = A*dx, with nothing left over.
  - The factors beside x stay where they are; backwards the upstream meets A'.
  Example: A*x by x
  Always: A*(x + v) - A*x = A*v
  Source: Magnus & Neudecker, ch. 8.2

affine map
  If z = A*x + b, then dz = A*dx: what does not depend on x drops out.
  - (A*(x + dx) + b) - (A*x + b) = A*dx: b cancels.
  - So the derivative is that of the linear part.
  Example: norm2(A*x - b)^2 by x | b: m
  Always: (A*(x + v) + b) - (A*x + b) = A*v
  Source: Magnus & Neudecker, ch. 8.2

product
  d(A*B) = dA*B + A*dB: each factor changes in turn, the order of the factors stays.
  - (A + dA)*(B + dB) - A*B = dA*B + A*dB + dA*dB.
  - The last term is of second order and drops out.
  Example: x'*A*x by x
  Always: (A + M)*(B + N) - A*B = M*B + A*N + M*N
  Source: Magnus & Neudecker, ch. 8.2; Petersen & Pedersen 2012, (37)

entrywise product; also hadamard product
  d(u.*v) = du.*v + u.*dv, entry by entry.
  - Each entry is a product of two numbers, to which the product rule applies.
  - With v fixed, the Jacobian by u is diag(v).
  Example: sum(tanh(v.*x)) by x | v: n | x: n
  Always: u.*v = diag(v)*u
  Source: Petersen & Pedersen 2012, (38)

quotient
  d(a/b) = da/b - a*db/b^2.
  - Write a = q*b; the product rule gives da = dq*b + q*db.
  - Solve for dq and put in q = a/b.
  Example: (x'*A*x)/(x'*x) by x
  Source: Magnus & Neudecker, ch. 5

squared norm
  d(norm2(u)^2) = 2*u'*du.
  - norm2(u)^2 = u'*u, so the product rule gives du'*u + u'*du.
  - Both are the same number, because a number is its own transpose.
  Example: norm2(A*x - b)^2 by x | view=differential | b: m
  Always: norm2(u)^2 = u'*u
  Source: Petersen & Pedersen 2012, (131)

sum
  d(u + v) = du + dv; a term that is broadcast is summed over its copies backwards.
  - (u + du) + (v + dv) - (u + v) = du + dv.
  - Where x stands in several terms its shares add up.
  Example: norm2(x)^2 + a'*x by x | a: n | x: n
  Source: Magnus & Neudecker, ch. 8.2; Petersen & Pedersen 2012, (35)

inverse
  d(inv(X)) = -inv(X)*dX*inv(X).
  - inv(X)*X = I gives d(inv(X))*X + inv(X)*dX = 0 by the product rule.
  - Multiply by inv(X) from the right and solve for d(inv(X)).
  Example: a'*inv(X)*b by X | a: n | b: n | X: n,n
  Always: inv(A)*A = eye(n)
  Source: Magnus & Neudecker, ch. 8.4; Petersen & Pedersen 2012, (40)

determinant (Jacobi); also jacobi's formula, jacobi formula
  d(det(X)) = det(X)*tr(inv(X)*dX).
  - Expanded along row i, ∂det(X)/∂X_ij is the cofactor C_ij, which does not hold X_ij.
  - The matrix of cofactors is det(X)*inv(X)'.
  Example: det(X) by X | X: n,n
  Source: Magnus & Neudecker, ch. 8.3; Petersen & Pedersen 2012, (41)

log-determinant
  d(logdet(X)) = tr(inv(X)*dX).
  - d(log(t)) = dt/t with t = det(X), and d(det(X)) = det(X)*tr(inv(X)*dX).
  - det(X) cancels; tr(inv(X)*dX) is the pairing of inv(X)' with dX.
  Example: logdet(X) by X | X: n,n
  Source: Magnus & Neudecker, ch. 8.3; Petersen & Pedersen 2012, (43)

upstream; also vjp, pullback
  ∂L/∂f = G is given: f is one layer of something larger that ends in the number L.
  - Every derivative of L by something inside f is G times a derivative of f.
  - So f need not know what stands above it.
  Example: relu(W*x + b) by W | kind=vjp | W: m,n | x: n | b: m
  Source: Griewank & Walther 2008, ch. 3

collect; also multivariate chain rule, fan-out
  Shares of a value that is used in several places add up; like terms are written once.
  - df is linear in the changes of all places, and each of them is a change of x.
  - So the derivative is the sum over the places.
  Example: x'*A*x by x
  Source: Parr & Howard 2018, sec. 4.5

identity
  d(x) = dx, and ∂x_i/∂x_j = δ_ij.
  - x + dx - x = dx.
  - So the Jacobian of x by itself is the identity.
  Example: x by x
  Source: Magnus & Neudecker, ch. 5

change; also jvp, pushforward
  df is the derivative times dx: the change of f to first order.
  - f(x + dx) = f(x) + df + terms of second order in dx.
  - It is carried forwards, from x to f, with the shape of f at the end.
  Example: tanh(W*x) by x | kind=jvp
  Source: Magnus & Neudecker, ch. 5.4

constant
  The derivative of what does not depend on x is zero.
  - f(x + dx) - f(x) = 0 for every dx.
  - It has the shape that the derivative has.
  Example: sum(y) by x | y: m | x: n
  Source: Magnus & Neudecker, ch. 8.2; Petersen & Pedersen 2012, (33)
""")
