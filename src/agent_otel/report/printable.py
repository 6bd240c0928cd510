"""Names that programs gave, made fit for one line of a terminal or a log."""

from __future__ import annotations


def printable(name: str) -> str:
    """The name with line ends, control and escape characters as spaces, and these joined.

    Nothing that a recorded program names may steer the terminal.
    """
    if name.isprintable():
        return name
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
