"""Problems and warnings about manifests, a line each: file, line, object, path, what to write instead."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from backstop.api.manifests import START
from backstop.api.review import Outcome, Remark, Review, Reviewer
from backstop.cli.files import texts
from backstop.cli.printable import printable


def reviews_of(names: Sequence[str], *, now: datetime | None) -> Iterator[Review]:
    """Yield the review of every object in the files, folders and standard input that are named. Raises CannotRun."""
    reviewer = Reviewer(now=now)
    for file, text, found in texts(names):
        if text is None:
            remark = Remark(path="", text="is not UTF-8 text", place=START)
            yield Review(file=file, place=START, outcome=Outcome.INVALID, problems=(remark,))
        else:
            yield from reviewer.review(file, text, found=found)


def print_remarks(review: Review, *, err: bool = False) -> None:
    """Print the problems of an object, then its warnings; to standard error where output is for programs."""
    for remark in review.problems:
        _line(review, remark, click.style("error", fg="red", bold=True), err=err)
    for remark in review.warnings:
        _line(review, remark, click.style("warning", fg="yellow"), err=err)


def echo(text: str, *, err: bool = False) -> None:
    """Print a line that may be coloured."""
    # click drops colours where the output is no terminal; NO_COLOR (no-color.org) drops them everywhere
    click.echo(text, err=err, color=False if os.environ.get("NO_COLOR") else None)


def _line(review: Review, remark: Remark, label: str, *, err: bool) -> None:
    where = f"{review.file}:{remark.place.line}"
    about = ": ".join(part for part in (review.subject, remark.path) if part)
    text = f"{printable(where)}: {label}: {printable(about)}{': ' if about else ''}{printable(remark.text)}"
    echo(text, err=err)
