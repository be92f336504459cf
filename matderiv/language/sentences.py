"""Sentences about a derivation: plain words, with the names and formulas in them between backticks.

What stands between backticks is in the text language. Each printer shows it in its own way: as it
is, as code, or as a formula where it is a name of the derivation.
"""

from collections.abc import Callable


def plain_words(said: str) -> str:
    """The sentence without its marks.

    >>> plain_words("`z1` is linear in `x`.")
    'z1 is linear in x.'
    """
    return marked(said, str, str)


def marked(said: str, words: Callable[[str], str], code: Callable[[str], str]) -> str:
    """The sentence with plain words and marked pieces each written by a function.

    A backtick without a second one is a character like any other.

    >>> marked("`x` is fixed", str.upper, "<{}>".format)
    '<x> IS FIXED'
    >>> marked("one ` alone", str.upper, "<{}>".format)
    'ONE ` ALONE'
    """
    pieces = said.split("`")
    if len(pieces) % 2 == 0:
        pieces[-2:] = ["`".join(pieces[-2:])]
    return "".join(code(p) if k % 2 else words(p) for k, p in enumerate(pieces))
