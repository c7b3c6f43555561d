"""Puts a recorded terminal into the README: `python -m tests.docs.capture FILE` (`-` reads standard input).

The text between the markers is replaced; colours and lines that a terminal would have drawn over are taken out.
"""

import argparse
import re
import sys
from pathlib import Path

from tests.cluster.paths import REPOSITORY

START, END = "<!-- demo-capture:start -->", "<!-- demo-capture:end -->"
README = REPOSITORY / "README.md"

_UP = re.compile(r"\x1b\[(\d*)[AF]")
_OTHER_SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]")
_NOT_SEEN = re.compile(r"Script (?:started|done) on |\.venv/bin/python -m tests\.")  # added by `script` and by make
PROMPT = "$ make demo"  # `tee` does not record what was typed


def as_seen(recorded: str) -> str:
    """Return what a person would see at the end: colours gone, redrawn lines replaced by what was drawn last."""
    screen: list[str] = []
    row = 0
    for raw in recorded.replace("\r\n", "\n").split("\n"):
        line = raw.rstrip("\r")
        while (up := _UP.search(line)) is not None:
            row = max(row - int(up[1] or 1), 0)
            line = line[: up.start()] + line[up.end() :]
        # A carriage return starts the line again, as progress does.
        line = _OTHER_SEQUENCES.sub("", line).rpartition("\r")[2].rstrip()
        screen[row : row + 1] = [line]
        row += 1
    lines = [line for line in screen if not _NOT_SEEN.match(line)]
    return "\n".join(lines).strip("\n")


def with_prompt(seen: str) -> str:
    """Return the capture with the command on top, if something was recorded and the command was not."""
    return seen if not seen or seen.startswith("$ ") else f"{PROMPT}\n{seen}"


def replaced(readme: str, capture: str) -> str:
    """Return the README with the capture between its markers. Raises ValueError where that cannot be done."""
    if not capture.strip():
        raise ValueError("the capture is empty; record it with: make demo 2>&1 | tee demo.txt")
    if "```" in capture:
        raise ValueError("the capture contains ```, which would end its block")
    if readme.count(START) != 1 or readme.count(END) != 1 or readme.index(START) > readme.index(END):
        raise ValueError(f"the README must have {START} once, and {END} once after it")
    before, rest = readme.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n```console\n{capture}\n```\n{END}{after}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.docs.capture", description=__doc__)
    parser.add_argument("file", help="what was recorded, or - for standard input")
    parser.add_argument("--readme", type=Path, default=README, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    try:
        recorded = sys.stdin.read() if given.file == "-" else Path(given.file).read_text(encoding="utf-8")
        text = replaced(given.readme.read_text(encoding="utf-8"), with_prompt(as_seen(recorded)))
    except (OSError, UnicodeDecodeError, ValueError) as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 1
    given.readme.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
