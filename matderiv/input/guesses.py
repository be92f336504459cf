"""What was guessed while reading, as values: each name, what it was taken for, why, what else."""

from dataclasses import dataclass

from matderiv.input.resolve import Reading
from matderiv.language.declare import guessed_axes
from matderiv.shapes import shape_text

KINDS = ("number", "vector", "matrix", "array")


@dataclass(frozen=True)
class Guess:
    """A name that nobody declared: its `kind`, `why` ("letter" or "use"), and the `alternative`.

    >>> print(Guess("b", "vector of size m", "use", 'as a number: shapes={"b": ""}'))
    b: vector of size m (guessed by its use); as a number: shapes={"b": ""}
    """

    name: str
    kind: str
    why: str
    alternative: str

    def __str__(self) -> str:
        return f"{self.name}: {self.kind} (guessed by its {self.why}); {self.alternative}"


def guesses(reading: Reading | None) -> tuple[Guess, ...]:
    """The guesses of a reading, in the order of its names.

    >>> found = guesses(read("norm2(A*x - b)^2"))
    >>> [(g.name, g.why) for g in found], found[2].kind
    ([('A', 'letter'), ('x', 'letter'), ('b', 'use')], 'vector of size m')
    """
    if reading is None:
        return ()
    found = []
    for name, v in reading.variables.items():
        if name not in reading.guessed:
            continue
        axes = min(len(v.shape), 3)
        size = f" of size {shape_text(v.shape)}" if axes == 1 else f" {shape_text(v.shape)}"
        other = ("as a vector", "n") if not axes else ("as a number", "")
        found.append(
            Guess(
                name,
                KINDS[axes] + (size if axes else ""),
                "letter" if guessed_axes(name) == axes else "use",
                f'{other[0]}: shapes={{"{name}": "{other[1]}"}}',
            )
        )
    return tuple(found)
