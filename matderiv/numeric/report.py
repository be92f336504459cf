"""What a numeric check found, as values that print in one line."""

from dataclasses import dataclass

from matderiv.lazy import Shown
from matderiv.numeric.sampling import Point


@dataclass(frozen=True)
class WorstEntry:
    """The entry where claim and truth differ most (an index, or a direction), and the sizes."""

    index: tuple[int, ...] | None
    claimed: float
    numeric: float
    sizes: tuple[tuple[str, int], ...]
    point: Point

    def __str__(self) -> str:
        where = ", ".join(f"{n} = {s}" for n, s in self.sizes)
        at = "a direction" if self.index is None else "the value"
        if self.index:
            at = f"entry ({', '.join(str(k + 1) for k in self.index)})"
        return f"{at}: claimed {self.claimed:.6g}, numeric {self.numeric:.6g}" + (
            f" ({where})" if where else ""
        )


@dataclass(frozen=True, repr=False)
class CheckReport(Shown):
    """The outcome of a numeric check; `str` is one line.

    `error` is the worst relative error of the sharpest method used, `central_error` that of
    central differences.
    """

    verdict: str
    error: float
    central_error: float
    method: str
    points: int
    seed: int
    worst: WorstEntry | None = None
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when verified."""
        return self.verdict == "verified"

    @property
    def sentence(self) -> str:
        """How it was checked, for the reader of a page; or why that decided nothing."""
        if self.ok and self.points:
            many = f"{self.points} random point{'s' * (self.points != 1)}"
            return f"verified with values of f at {many} (seed {self.seed}): {self.method}"
        reasons = self.method if self.ok else "; ".join(self.notes[:2])
        return f"{self.verdict}: {reasons}" if reasons else self.verdict

    def __repr__(self) -> str:
        said = str(self)
        return (
            f"<CheckReport {said if said.startswith(self.verdict) else f'{self.verdict}, {said}'}>"
        )

    def __str__(self) -> str:
        if not self.points:
            return ": ".join([self.verdict, *self.notes[:1]]) + f" (seed {self.seed})"
        parts = [] if self.ok else [self.verdict]
        if self.worst is not None and not self.ok:
            parts.append(str(self.worst))
        parts.append(f"{self.points} point{'s' * (self.points != 1)}")
        errors = f"{self.central_error:.1g} (central differences)"
        if "complex step" in self.method:
            errors = f"{self.error:.1g} (complex step), " + errors
        parts.append(f"worst relative error {errors}")
        return ", ".join([*parts, f"seed {self.seed}"])
