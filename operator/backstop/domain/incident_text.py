"""Texts of others inside an incident: bounded in what they take when they are stored, and never more than text.

The API server stores JSON in which `<`, `>`, `&` and control characters become six bytes (Go's encoder). Limits are
therefore counted in stored bytes, not in characters: an object stays small whatever labels and people say (S6).
"""

import unicodedata
from typing import Final

MAX_TITLE: Final = 400  # stored bytes
MAX_ENTRY: Final = 1_500  # of one entry of the timeline, what somebody noted included
MAX_MESSAGE: Final = 600  # of an alert
MAX_PERSON: Final = 300  # of a user name

_CUT: Final = "…"
# How many bytes more a character takes than in UTF-8.
_DEARER: Final = {'"': 1, "\\": 1, "<": 5, ">": 5, "&": 5}
_CONTROL: Final = {"\u2028": 3, "\u2029": 3} | {chr(code): 5 for code in range(32)}


def clean(text: str) -> str:
    """Return a text in one line, without control characters and without halves of surrogate pairs."""
    if text.isascii() and text.isprintable():
        return text.strip()
    whole = text.encode("utf-8", "replace").decode()
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") else c for c in whole).strip()


def stored_bytes(text: str) -> int:
    """Return how many bytes a text takes within stored JSON, at most."""
    plain = len(text.encode("utf-8", "surrogatepass"))
    dearer = _DEARER if text.isprintable() else _DEARER | _CONTROL
    return plain + sum(text.count(character) * more for character, more in dearer.items())


def cut(text: str, most: int) -> str:
    """Return a clean text that takes at most `most` stored bytes; what is cut ends in `…`."""
    cleaned = clean(text[: most + 1])
    shortened = len(text) > most + 1
    if not shortened and stored_bytes(cleaned) <= most:
        return cleaned
    left = most - len(_CUT.encode())
    kept: list[str] = []
    for character in cleaned:
        left -= _cost(character)
        if left < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + _CUT


def _cost(character: str) -> int:
    plain = len(character.encode("utf-8", "surrogatepass"))
    return plain + (_DEARER.get(character) or _CONTROL.get(character, 0))
