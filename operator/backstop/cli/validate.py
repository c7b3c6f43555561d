"""`backstop validate`: checks manifests offline, as the API server and the operator would."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
import yaml

from backstop.api.manifests import START
from backstop.api.review import Outcome, Remark, Review, Reviewer
from backstop.vocabulary import GROUP

_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
_STDIN: Final = "-"
_EXIT_PROBLEMS: Final = 1
_EXIT_UNREADABLE: Final = 2

EXAMPLES = """\b
Examples:
  backstop validate -f slo.yaml              one file
  backstop validate -f slos/ -f more.yaml    a folder with all below it, and a file
  helm template . | backstop validate -f -   what another program prints
  backstop validate -f slos/ -o json         for programs

No cluster is asked. Checked are fields, limits, rules and PromQL; whether the source in spec.source exists is known to
the operator only. Objects of other groups are skipped.

Exit code: 0 no problem, 1 problems, 2 a file cannot be read. Warnings do not change it.
"""


class _CannotRead(click.ClickException):
    exit_code = _EXIT_UNREADABLE


@click.command("validate", epilog=EXAMPLES)
@click.option(
    "-f",
    "--filename",
    "names",
    multiple=True,
    required=True,
    metavar="FILE|DIR|-",
    help="A file, a folder, or - for standard input; may be repeated.",
)
@click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True)
def command(names: tuple[str, ...], output: str) -> None:
    """Check manifests without a cluster; tell the line and the path of every problem, and what to write instead."""
    reviews = list(_review(names))
    if output == "json":
        click.echo(json.dumps(_report(reviews), indent=2, ensure_ascii=False))
    elif output == "yaml":
        click.echo(yaml.safe_dump(_report(reviews), sort_keys=False, allow_unicode=True), nl=False)
    else:
        _print_text(reviews)
    if any(review.outcome is Outcome.INVALID for review in reviews):
        sys.exit(_EXIT_PROBLEMS)


def _review(names: Sequence[str]) -> Iterator[Review]:
    reviewer = Reviewer()
    for file, text, found in _texts(names):
        if text is None:
            remark = Remark(path="", text="is not UTF-8 text", place=START)
            yield Review(file=file, place=START, outcome=Outcome.INVALID, problems=(remark,))
        else:
            yield from reviewer.review(file, text, found=found)


def _texts(names: Sequence[str]) -> Iterator[tuple[str, str | None, bool]]:
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
                    raise _CannotRead(f"{path}: {error.strerror}") from error
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
        raise _CannotRead(f"{path}: no file in it ends in {', '.join(sorted(_SUFFIXES))}")


def _refuse(error: OSError) -> None:
    raise _CannotRead(f"{error.filename}: {error.strerror}") from error


def _print_text(reviews: Sequence[Review]) -> None:
    for review in reviews:
        for remark in review.problems:
            _line(review, remark, click.style("error", fg="red", bold=True))
        for remark in review.warnings:
            _line(review, remark, click.style("warning", fg="yellow"))
        if review.outcome is Outcome.SKIPPED:
            where = f"{review.file}:{review.place.line}"
            _echo(_printable(f"{where}: skipped: {review.subject or 'what stands here'} is not of {GROUP}"))
    summary = _summary(reviews)
    if not summary["valid"] + summary["invalid"]:
        _echo(click.style("warning", fg="yellow") + f": nothing of {GROUP} was found")
    colour = "red" if summary["invalid"] else "green"
    told = ", ".join(f"{count} {word}" for word, count in summary.items())
    _echo(click.style(told, fg=colour))


def _line(review: Review, remark: Remark, label: str) -> None:
    where = f"{review.file}:{remark.place.line}"
    about = ": ".join(part for part in (review.subject, remark.path) if part)
    _echo(f"{_printable(where)}: {label}: {_printable(about)}{': ' if about else ''}{_printable(remark.text)}")


def _printable(text: str) -> str:
    """Escape control characters: what a file says must not steer the terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _echo(text: str) -> None:
    # click drops colours where the output is no terminal; NO_COLOR (no-color.org) drops them everywhere
    click.echo(text, color=False if os.environ.get("NO_COLOR") else None)


def _summary(reviews: Sequence[Review]) -> dict[str, int]:
    outcomes = Counter(review.outcome for review in reviews)
    return {str(outcome): outcomes[outcome] for outcome in Outcome} | {
        "warnings": sum(len(review.warnings) for review in reviews)
    }


def _report(reviews: Sequence[Review]) -> dict[str, Any]:
    return {"summary": _summary(reviews), "results": [_result(review) for review in reviews]}


def _result(review: Review) -> dict[str, Any]:
    named = {"kind": review.kind, "namespace": review.namespace, "name": review.name}
    return {
        "file": review.file,
        "line": review.place.line,
        **{key: value for key, value in named.items() if value},
        "outcome": str(review.outcome),
        "problems": [_remark(remark) for remark in review.problems],
        "warnings": [_remark(remark) for remark in review.warnings],
    }


def _remark(remark: Remark) -> dict[str, Any]:
    return {
        "path": remark.path,
        "line": remark.place.line,
        "column": remark.place.column,
        "message": remark.text,
        **({"notSupportedYet": True} if remark.not_supported_yet else {}),
    }
