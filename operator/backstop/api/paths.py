"""Property paths as people write them: `spec.windows[0].rolling`."""

import json
import re
from collections.abc import Iterable
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_MAX_SEGMENT: Final = 64  # a hostile key must not fill a condition

Location = tuple[str | int, ...]


def show_path(location: Iterable[str | int]) -> str:
    """Return the path of a location. Keys that are not plain words are quoted and shortened."""
    path = ""
    for segment in location:
        if isinstance(segment, int):
            path += f"[{segment}]"
        elif _PLAIN.fullmatch(segment):
            path += f".{segment}" if path else segment
        else:
            short = segment if len(segment) <= _MAX_SEGMENT else f"{segment[:_MAX_SEGMENT]}…"
            path += f"[{json.dumps(short)}]"
    return path
