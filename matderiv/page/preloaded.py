"""Everything that the first answer needs, loaded once before processes are made from it."""

from matderiv.page.replies import reply

reply({"ask": "derive", "f": "norm2(A*x - b)^2 + sum(log(1 + exp(-x)))", "by": "x"})
