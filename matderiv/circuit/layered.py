"""Boxes in columns: a layered drawing of a directed graph, from left to right.

Every edge goes from one column to the next; longer ones pass through the columns between on a place
of their own, so that no edge runs through a box. Source: Sugiyama, Tagawa & Toda 1981; the places
in a column are a least-squares fit with an order (Barlow et al. 1972, pool adjacent violators).
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

SWEEPS = 12
ACROSS, DOWN = 40.0, 14.0  # what is free between columns, and between boxes in one
LANE = 10.0  # the height that is kept free for an edge that passes a column
STEADY = 8.0  # how much more the boxes in the middle hold their place than those that begin a path

Point = tuple[float, float]
Link = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """The centre of every box, and for every link the points that it passes, column by column.

    The points of a link come in pairs: straight from the first to the second, a curve to the next.
    """

    centres: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def layered(sizes: Sequence[Point], links: Sequence[Link]) -> Layout:
    """Places for boxes of the given sizes (width, height); links go from earlier to later boxes.

    >>> found = layered([(20, 10)] * 3, [(0, 2), (1, 2)])
    >>> found.centres
    ((10.0, 5.0), (10.0, 29.0), (70.0, 17.0))
    """
    graph = _Columns(sizes, links)
    graph.reduce_crossings()
    ys = graph.heights()
    top = min((y - h / 2 for y, h in zip(ys, graph.tall, strict=True)), default=0.0)
    bottom = max((y + h / 2 for y, h in zip(ys, graph.tall, strict=True)), default=0.0)
    ys = [y - top for y in ys]
    lefts, widths, x = [], [], 0.0
    for column in graph.columns:
        width = max((sizes[v][0] for v in column if v < len(sizes)), default=0.0)
        lefts.append(x)
        widths.append(width)
        x += width + ACROSS
    centres = tuple(
        (lefts[graph.rank[v]] + widths[graph.rank[v]] / 2, ys[v]) for v in range(len(sizes))
    )
    routes = []
    for k, (source, target) in enumerate(links):
        (sx, sy), (tx, ty) = centres[source], centres[target]
        points = [(sx, sy), (lefts[graph.rank[source]] + widths[graph.rank[source]], sy)]
        for v in graph.paths[k]:
            r = graph.rank[v]
            points += [(lefts[r], ys[v]), (lefts[r] + widths[r], ys[v])]
        routes.append((*points, (lefts[graph.rank[target]], ty), (tx, ty)))
    return Layout(centres, tuple(routes), max(0.0, x - ACROSS), bottom - top)


class _Columns:
    """Boxes and the places of passing edges, in columns, with an order in each column."""

    def __init__(self, sizes: Sequence[Point], links: Sequence[Link]) -> None:
        count = len(sizes)
        self.tall = [h for _, h in sizes]
        self.rank = _ranks(count, links)
        self.above: list[list[int]] = [[] for _ in range(count)]
        self.below: list[list[int]] = [[] for _ in range(count)]
        self.paths: list[list[int]] = []
        lanes: dict[tuple[int, int], int] = {}
        for source, target in links:
            path = [
                self._lane(source, r, lanes)
                for r in range(self.rank[source] + 1, self.rank[target])
            ]
            self.paths.append(path)
            for a, b in zip([source, *path], [*path, target], strict=True):
                if b not in self.below[a]:
                    self.below[a].append(b)
                    self.above[b].append(a)
        self.steady = [STEADY if above else 1.0 for above in self.above]
        self.columns: list[list[int]] = [[] for _ in range(max(self.rank, default=-1) + 1)]
        for v in self._reading_order():
            self.columns[self.rank[v]].append(v)

    def _lane(self, source: int, rank: int, lanes: dict[tuple[int, int], int]) -> int:
        """The place where edges from a box pass a column; edges of one box share it."""
        if (source, rank) not in lanes:
            lanes[source, rank] = len(self.tall)
            self.tall.append(LANE)
            self.rank.append(rank)
            self.above.append([])
            self.below.append([])
        return lanes[source, rank]

    def _reading_order(self) -> list[int]:
        """Depth first from the last boxes back to what they are made of."""
        order: list[int] = []
        seen: set[int] = set()
        stack = [v for v in range(len(self.tall)) if not self.below[v]][::-1]
        while stack:
            v = stack.pop()
            if v not in seen:
                seen.add(v)
                order.append(v)
                stack += reversed(self.above[v])
        return order

    def reduce_crossings(self) -> None:
        """Order each column by the middle of its neighbours, to and fro; keep the best order."""
        best, fewest = [list(c) for c in self.columns], self.crossings()
        for sweep in range(SWEEPS):
            if not fewest:
                break
            forward = sweep % 2 == 0
            sides = self.above if forward else self.below
            for r in range(len(self.columns)) if forward else reversed(range(len(self.columns))):
                place = {v: k for c in self.columns for k, v in enumerate(c)}
                old = {v: k for k, v in enumerate(self.columns[r])}
                self.columns[r].sort(key=lambda v: _middle([place[u] for u in sides[v]], old[v]))
            found = self.crossings()
            if found < fewest:
                best, fewest = [list(c) for c in self.columns], found
        self.columns = best

    def crossings(self) -> int:
        """How many pairs of edges cross between neighbouring columns."""
        total = 0
        for column, after in zip(self.columns, self.columns[1:], strict=False):
            place = {v: k for k, v in enumerate(after)}
            ends: list[int] = []
            for v in column:
                here = sorted(place[u] for u in self.below[v])
                total += sum(len(ends) - bisect_right(ends, e) for e in here)
                for e in here:
                    insort(ends, e)
        return total

    def heights(self) -> list[float]:
        """The middle of every place: near its neighbours, in order, nothing on top of another."""
        ys = [0.0] * len(self.tall)
        for column in self.columns:
            self._settle(column, ys, [0.0] * len(column))
        for sweep in range(2 * SWEEPS):
            order = self.columns if sweep % 2 == 0 else self.columns[::-1]
            for column in order:
                wanted = []
                for v in column:
                    near = self.above[v] + self.below[v]
                    if sweep >= 2 * SWEEPS - 2:
                        near = (self.below if sweep % 2 else self.above)[v] or near
                    pull = sum(self.steady[u] for u in near)
                    wanted.append(
                        sum(self.steady[u] * ys[u] for u in near) / pull if near else ys[v]
                    )
                self._settle(column, ys, wanted)
        return ys

    def _settle(self, column: Sequence[int], ys: list[float], wanted: Sequence[float]) -> None:
        """As near to the wanted places as the order and the distances allow, in squares."""
        offsets, total = [], 0.0
        for k, v in enumerate(column):
            if k:
                total += (self.tall[column[k - 1]] + self.tall[v]) / 2 + DOWN
            offsets.append(total)
        blocks: list[
            tuple[float, float, int]
        ] = []  # the shift of some places, their pull, how many
        for v, want, offset in zip(column, wanted, offsets, strict=True):
            mean, pull, size = want - offset, self.steady[v], 1
            while blocks and blocks[-1][0] > mean:
                other, more, many = blocks.pop()
                mean = (mean * pull + other * more) / (pull + more)
                pull, size = pull + more, size + many
            blocks.append((mean, pull, size))
        shifts = [mean for mean, _, size in blocks for _ in range(size)]
        for v, shift, offset in zip(column, shifts, offsets, strict=True):
            ys[v] = shift + offset


def _middle(places: Sequence[int], own: int) -> float:
    return sum(places) / len(places) if places else float(own)


def _ranks(count: int, links: Sequence[Link]) -> list[int]:
    """The column of every box: after all it is made of; inputs stand just before their use."""
    rank = [0] * count
    used: list[list[int]] = [[] for _ in range(count)]
    starts = [True] * count
    for source, target in sorted(links, key=lambda link: link[1]):
        rank[target] = max(rank[target], rank[source] + 1)
        used[source].append(target)
        starts[target] = False
    for v in range(count):
        if starts[v] and used[v]:
            rank[v] = min(rank[t] for t in used[v]) - 1
    return rank
