"""`backstop validate`: checks manifests offline, as the API server and the operator would."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
import yaml

from backstop.api.review import Outcome, Remark, Review
from backstop.api.review_composites import with_components
from backstop.api.review_policies import with_policies
from backstop.cli.files import files_option
from backstop.cli.printable import printable
from backstop.cli.remarks import echo, print_remarks, reviews_of
from backstop.vocabulary import GROUP

_EXIT_PROBLEMS: Final = 1

EXAMPLES = """\b
Examples:
  backstop validate -f slo.yaml              one file
  backstop validate -f slos/ -f more.yaml    a folder with all below it, and a file
  helm template . | backstop validate -f -   what another program prints
  backstop validate -f slos/ -o json         for programs

No cluster is asked. Checked are fields, limits, rules and PromQL, and composites and alert policies with the SLOs in
the same files; whether the source in spec.source exists is known to the operator only. Objects of other groups are
skipped.

Exit code: 0 no problem, 1 problems, 2 a file cannot be read. Warnings do not change it.
"""


@click.command("validate", epilog=EXAMPLES)
@files_option
@click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True)
def command(names: tuple[str, ...], output: str) -> None:
    """Check manifests without a cluster; tell the line and the path of every problem, and what to write instead."""
    now = datetime.now(UTC)
    reviews = with_policies(with_components(list(reviews_of(names, now=now))), now=now)
    if output == "json":
        click.echo(json.dumps(_report(reviews), indent=2, ensure_ascii=False))
    elif output == "yaml":
        click.echo(yaml.safe_dump(_report(reviews), sort_keys=False, allow_unicode=True), nl=False)
    else:
        _print_text(reviews)
    if any(review.outcome is Outcome.INVALID for review in reviews):
        sys.exit(_EXIT_PROBLEMS)


def _print_text(reviews: Sequence[Review]) -> None:
    for review in reviews:
        print_remarks(review)
        if review.outcome is Outcome.SKIPPED:
            where = f"{review.file}:{review.place.line}"
            echo(printable(f"{where}: skipped: {review.subject or 'what stands here'} is not of {GROUP}"))
    summary = _summary(reviews)
    if not summary["valid"] + summary["invalid"]:
        echo(click.style("warning", fg="yellow") + f": nothing of {GROUP} was found")
    colour = "red" if summary["invalid"] else "green"
    told = ", ".join(f"{count} {word}" for word, count in summary.items())
    echo(click.style(told, fg=colour))


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
