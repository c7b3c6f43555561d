"""The table of values in the chart's README, made from the comments in values.yaml. `make crds` writes it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.chart.render import CHART

README = CHART / "README.md"
BEGIN, END = "<!-- values: generated from values.yaml -->", "<!-- end of values -->"
KEY = re.compile(r"^(?P<indent> *)(?P<name>[A-Za-z]+):")
LONGEST_DEFAULT = 60  # characters; a longer default is easier to read in values.yaml


@dataclass(frozen=True, slots=True)
class Row:
    """A value with a comment: its path, its default, and what the comment says."""

    path: str
    default: Any
    text: str


def rows(text: str) -> Iterator[Row]:
    """Yield a row for each commented key of a values.yaml, in its order."""
    defaults = yaml.safe_load(text)
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.removeprefix("#").strip())
            continue
        if key := KEY.match(line):
            path = [*path[: len(key["indent"]) // 2], key["name"]]
            if comment:
                yield Row(".".join(path), _lookup(defaults, path), " ".join(comment))
        comment = []


def table(text: str) -> str:
    """Return the Markdown table of a values.yaml."""
    lines = ["| Value | Default | Effect |", "|---|---|---|"]
    for row in rows(text):
        default = json.dumps(row.default, ensure_ascii=False)
        shown = f"`{default}`" if len(default) <= LONGEST_DEFAULT else "see values.yaml"
        escaped = row.text.replace("|", "\\|")
        lines.append(f"| `{row.path}` | {shown} | {escaped} |")
    return "\n".join(lines)


def rendered() -> str:
    """Return the README as it should be: what is written, with the table made anew."""
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table((CHART / 'values.yaml').read_text())}\n{END}{after}"


def _lookup(values: Any, path: list[str]) -> Any:
    for name in path:
        values = values[name]
    return values
