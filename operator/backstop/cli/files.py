"""Manifests that commands are given with `-f`: files, folders, standard input."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from backstop.cli.errors import CannotRun

_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
_STDIN: Final = "-"

files_option = click.option(
    "-f",
    "--filename",
    "names",
    multiple=True,
    required=True,
    metavar="FILE|DIR|-",
    help="A file, a folder, or - for standard input; may be repeated.",
)


def texts(names: Sequence[str]) -> Iterator[tuple[str, str | None, bool]]:
    """Yield every file once, with its text (None when that is not UTF-8), and whether it was found in a folder."""
    seen: set[Path] = set()
    for name in names:
        if name == _STDIN:
            yield "<stdin>", _decoded(sys.stdin.buffer.read()), False
            continue
        for path in _files(Path(name)):
            if (real := path.resolve()) not in seen:
                seen.add(real)
                try:
                    content = path.read_bytes()
                except OSError as error:
                    raise CannotRun(f"{path}: {error.strerror}") from error
                yield str(path), _decoded(content), path != Path(name)


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _files(path: Path) -> Iterator[Path]:
    """Yield a file, or the manifests below a folder in the order of their names; hidden ones are left out."""
    if not path.is_dir():
        yield path
        return
    found = False
    for folder, folders, files in os.walk(path, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in _SUFFIXES:
                found = True
                yield Path(folder) / name
    if not found:
        raise CannotRun(f"{path}: no file in it ends in {', '.join(sorted(_SUFFIXES))}")


def _refuse(error: OSError) -> None:
    raise CannotRun(f"{error.filename}: {error.strerror}") from error
