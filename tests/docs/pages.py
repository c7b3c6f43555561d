"""The documentation as data: pages, fenced blocks, links, code spans. Everything that a test here reads of a page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.cluster.paths import REPOSITORY

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>[\w-]*)\s*$")
_LINK = re.compile(r"\[(?P<text>[^\]\n]*)\]\((?P<target>[^()\s]+)\)")
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *$", re.MULTILINE)
_NOT_IN_SLUGS = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `line` is the line of its first text, counted from 1."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        """`docs/page.md:12`, as an editor finds it."""
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


@cache
def pages() -> tuple[Path, ...]:
    """Return every page that people read, generated ones included."""
    named = [
        REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "charts/backstop/README.md")
    ]
    return (*named, *sorted((REPOSITORY / "docs").rglob("*.md")))


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@cache
def _parsed(page: Path) -> tuple[tuple[Block, ...], str]:
    """Return the blocks of a page, and its text with their lines blanked."""
    blocks: list[Block] = []
    prose: list[str] = []
    opened: re.Match[str] | None = None
    inside: list[str] = []
    for line in text_of(page).splitlines():
        if opened is None:
            opened = _FENCE.match(line)
            prose.append("" if opened else line)
            continue
        prose.append("")
        if line.strip() == opened["ticks"]:
            text = "".join(f"{part.removeprefix(opened['indent'])}\n" for part in inside)
            blocks.append(Block(page, len(prose) - len(inside), opened["language"], text))
            opened, inside = None, []
        else:
            inside.append(line)
    if opened is not None:
        raise ValueError(f"{name_of(page)}: a fenced block is never closed")
    return tuple(blocks), "\n".join(prose)


def blocks(*languages: str) -> list[Block]:
    """Return the fenced blocks of all pages, of these languages or of any."""
    return [b for page in pages() for b in _parsed(page)[0] if not languages or b.language in languages]


def blocks_of(page: Path, *languages: str) -> list[Block]:
    return [b for b in _parsed(page)[0] if not languages or b.language in languages]


def prose(page: Path) -> str:
    """Return the text of a page without its fenced blocks; every line keeps its number."""
    return _parsed(page)[1]


def spans(page: Path) -> list[str]:
    """Return what stands between single backticks."""
    return _SPAN.findall(prose(page))


def links(page: Path) -> list[str]:
    """Return the targets of links, as written."""
    return [found["target"] for found in _LINK.finditer(_SPAN.sub("", prose(page)))]


def anchors(page: Path) -> set[str]:
    """Return the names under which the headings of a page can be linked."""
    titles = (found["title"].replace("`", "") for found in _HEADING.finditer(prose(page)))
    return {_NOT_IN_SLUGS.sub("", title.lower()).replace(" ", "-") for title in titles}


def table_rows(page: Path, heading: str) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the first table under a heading, without its head. Cells are stripped."""
    under = prose(page).split(f"\n{heading}\n", 1)
    if len(under) != 2:
        raise ValueError(f"{name_of(page)} has no heading {heading!r}")
    rows = []
    for line in under[1].splitlines():
        if line.startswith("|"):
            rows.append(tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]))
        elif rows or line.startswith("#"):
            break
    if len(rows) < 3:
        raise ValueError(f"{name_of(page)}: no table under {heading!r}")
    yield from rows[2:]
