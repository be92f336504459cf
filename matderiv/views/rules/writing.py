"""Rules that bring a derivative into the form it is read in: traces, entries, names, layouts."""

from matderiv.views.rules.rule import rules

WRITING = rules("""
trace rotation; also cyclic trace
  tr(A*B) = tr(B*A), tr(M) = tr(M'), and a number is its own trace.
  - tr(A*B) = Σ_ij A_ij B_ji = Σ_ij B_ji A_ij = tr(B*A); the diagonal of M' is that of M.
  - So the change can be brought to the end, tr(M*dX), where the gradient M' is read off.
  Example: a'*inv(X)*b by X | view=differential | a: n | b: n | X: n,n
  Always: tr(A*B) = tr(B*A) | tr(A) = tr(A') | a'*A*b = tr(b*a'*A)
  Source: Petersen & Pedersen 2012, sec. 1.1

inner product
  sum(u.*v) = u'*v = v'*u, and sum(A.*B) = tr(A'*B).
  - Each is the sum of the products of equal entries, Σ u_i v_i or Σ_ij A_ij B_ij.
  - A number is its own transpose, so the change can be brought to the end.
  Example: x'*A*x by x | view=differential
  Always: sum(u.*v) = u'*v | u'*v = v'*u | sum(A.*B) = tr(A'*B)
  Source: Petersen & Pedersen 2012, sec. 1.1

rearrange
  u.*v = diag(u)*v.
  - Entry i of both is u_i v_i.
  - So a product by entries becomes a matrix before dx.
  Example: tanh(A*x) by x | view=differential
  Always: u.*v = diag(u)*v
  Source: Petersen & Pedersen 2012, sec. 1.1

gradient from the differential; also identification
  If df = sum(G.*dX) = tr(G'*dX) for every dX, then G is the gradient.
  - With dX zero but for a 1 at (i, j), df is ∂f/∂X_ij and sum(G.*dX) is G_ij.
  - So G has the partial derivatives as its entries, in the shape of X.
  Example: tr(A*X) by X | view=differential
  Always: sum(A.*B) = tr(A'*B)
  Source: Magnus & Neudecker, ch. 5.7 and 9

derivative from the differential
  If df = J*dx for every dx, then J is the Jacobian, J_ij = ∂f_i/∂x_j.
  - With dx zero but for a 1 at j, df is the column of ∂f_i/∂x_j, and J*dx column j of J.
  - Two matrices with equal columns are equal: the derivative is unique.
  Example: tanh(A*x) by x | view=differential
  Source: Magnus & Neudecker, ch. 5.7

vec
  vec(A*X*B) = kron(B', A)*vec(X), where vec stacks columns.
  - Column j of A*X*B is Σ_k B_kj A*(column k of X).
  - That is block row j of kron(B', A), whose blocks are B_kj*A, times vec(X).
  Example: A*X*B by X | view=differential
  Always: vec(A*B*C) = kron(C', A)*vec(B)
  Source: Magnus & Neudecker, ch. 2.4

collapse; also kronecker delta, delta
  Σ_j δ_ij T_j = T_i: a sum over a delta keeps one term.
  - δ_ij is 1 for i = j and 0 otherwise, so every other term of the sum vanishes.
  - ∂X_ij/∂X_kl = δ_ik δ_jl: entries are independent variables.
  Example: x'*A*x by x | view=index
  Always: eye(n)*x = x
  Source: Laue, Mitterreiter & Giesen, NeurIPS 2018

read as a matrix
  Σ_j A_ij B_jk is the entry (i, k) of A*B: sums over neighbours are products of matrices.
  - This is the definition of the product; A_ji in place of A_ij is A'.
  - An index that stands in three factors or is not summed gives .* and diag.
  Example: norm2(A*x - b)^2 by x | view=index | b: m
  Source: Laue, Mitterreiter & Giesen, NeurIPS 2018

name
  What stands beside a change gets a name, so that it is written once.
  - It is the derivative by what changes, by the rule for reading off a gradient.
  - A name changes no value.
  Example: attention(Q,K,V) by Q | view=differential | kind=vjp
  Source: Griewank & Walther 2008, ch. 3

substitute back
  The names that the derivation introduced are replaced by what they stand for.
  - Each name was defined by an equation, so both are the same value.
  - What is left is in the names that were given.
  Example: norm2(A*x - b)^2 by x | b: m
  Source: by the definitions of the names

substitute back and simplify
  The names are replaced by what they stand for, and the value is written in a short form.
  - Common factors are put in front, like terms added, known functions recognised.
  - The value stays: both sides of the line are evaluated before it is shown.
  Example: sum(log(1 + exp(-y.*(X*w)))) by w | y: n | X: n,d
  Source: by the definitions of the names

simplify
  The value is written in a short form.
  - Common factors are put in front, like terms added, transposes taken together.
  - The value stays: both sides of the line are evaluated before it is shown.
  Example: det(X'*A*X) by X | view=differential | A: n,n | X: n,n
  Source: by the line before

declared fact
  What is declared of a variable is used: A' = A if symmetric, sum(y) = 1 if onehot.
  - It is true by assumption, so both sides of the line are equal where it holds.
  - Numbers that do not have the property would give another derivative.
  Example: -sum(y.*log(softmax(z))) by z | y: k | z: k | y is onehot
  Source: by assumption

result
  The derivative is already in the names that were given.
  - No name was introduced on the way, or none is left.
  - So the line before is the answer.
  Example: tr(A*X) by X
  Source: by the line before

definition
  A function that is an abbreviation is written out before it is differentiated.
  - Both sides are the same function by definition.
  - So they have the same derivative.
  Example: attention(Q,K,V) by Q | kind=vjp
  Source: by the definition of the function

known function
  A long spelling of a known function is differentiated under its name.
  - For example log(1 + exp(z)) is softplus(z), for every z.
  - Equal functions have equal derivatives, and the short one loses fewer digits.
  Example: sum(log(1 + exp(-y.*(X*w)))) by w | y: n | X: n,d
  Always: log(1 + exp(u)) = softplus(u)
  Source: by the definition of the function

symmetric variable
  The derivative by a symmetric matrix is (G + G')/2 of the unconstrained one, G.
  - dX = dX', so tr(G'*dX) = tr(G*dX) = tr((G + G')/2*dX).
  - (G + G')/2 is symmetric itself; by the free entries it is G + G' - diag(diag(G)).
  Example: tr(A*X) by X | X: n,n | X is symmetric
  Always: tr(A'*(B + B')) = tr((A + A')/2*(B + B'))
  Source: Magnus & Neudecker, ch. 3

skew variable
  The derivative by a skew matrix is (G - G')/2 of the unconstrained one, G.
  - dX = -dX', so tr(G'*dX) = -tr(G*dX) = tr((G - G')'/2*dX).
  - (G - G')/2 is skew itself: the projection on skew matrices.
  Example: tr(A*X) by X | X: n,n | X is skew
  Always: tr(A'*(B - B')) = tr((A - A')'/2*(B - B'))
  Source: Magnus & Neudecker, ch. 3

diagonal variable
  The derivative by a diagonal matrix is the diagonal of the unconstrained one.
  - dX has no entries off the diagonal.
  - So only the diagonal of G meets a change.
  Example: tr(A*X*B) by X | A: n,n | B: n,n | X: n,n | X is diagonal
  Always: tr(A'*diag(u)) = tr(diag(diag(A))*diag(u))
  Source: Magnus & Neudecker, ch. 3

lower variable
  The derivative by a lower triangular matrix is the lower triangle of the free one.
  - dX has no entries above the diagonal.
  - So only the lower triangle of G meets a change.
  Example: tr(A*X) by X | X: n,n | X is lower
  Source: Magnus & Neudecker, ch. 3

upper variable
  The derivative by an upper triangular matrix is the upper triangle of the free one.
  - dX has no entries below the diagonal.
  - So only the upper triangle of G meets a change.
  Example: tr(A*X) by X | X: n,n | X is upper
  Source: Magnus & Neudecker, ch. 3

numerator layout
  In numerator layout the derivative of a number by a column is a row.
  - df = (∂f/∂x)*dx is a number, so ∂f/∂x is a row: the transpose of the gradient.
  - The values are the same; only where they stand differs.
  Example: x'*A*x by x | layout=numerator
  Source: Petersen & Pedersen 2012, sec. 2

denominator layout
  In denominator layout entry (i, j) of ∂y/∂x is ∂y_j/∂x_i.
  - It is the transpose of the Jacobian with the entries ∂y_i/∂x_j.
  - The values are the same; only where they stand differs.
  Example: A*x by x | layout=denominator
  Source: Petersen & Pedersen 2012, sec. 2
""")
