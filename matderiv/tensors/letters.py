"""The letters that indices are written with: i, j, k, ..., without names that are in use."""

from collections.abc import Collection

LETTERS = "ijklmnpqrstuvwabcdefgh"


def index_letters(count: int, taken: Collection[str]) -> list[str]:
    """So many names for indices, none of which is taken; i22, i23, ... after the alphabet.

    >>> index_letters(3, {"k", "x"})
    ['i', 'j', 'l']
    """
    found = [c for c in LETTERS if c not in taken][:count]
    k = len(LETTERS)
    while len(found) < count:
        if f"i{k}" not in taken:
            found.append(f"i{k}")
        k += 1
    return found
