"""SLOs in files, as commands without a cluster evaluate them."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backstop.api.review import Outcome, Review
from backstop.api.to_domain import to_domain
from backstop.cli.errors import CannotRun
from backstop.cli.remarks import echo, print_remarks, reviews_of
from backstop.domain.interval import Interval
from backstop.domain.slo import SLO, Uid

_NAMESPACE: Final = "default"  # of objects that name none, as for kubectl


@dataclass(frozen=True, slots=True, kw_only=True)
class SloFiles:
    """What the files hold."""

    slos: tuple[SLO, ...]
    refused: int  # objects with problems, which were told

    def exclusions(self, start: float, end: float) -> dict[Uid, tuple[Interval, ...]]:
        """Return the time that no budget counts in a replay between two instants, unix seconds."""
        return {}


def read_slos(names: Sequence[str]) -> SloFiles:
    """Read SLOs, and print the problems of those that are refused on standard error.

    Raises CannotRun when a file cannot be read, or no SLO is left.
    """
    reviews = list(reviews_of(names))
    for review in reviews:
        print_remarks(review, err=True)
    valid = [review for review in reviews if review.outcome is Outcome.VALID]
    refused = sum(review.outcome is Outcome.INVALID for review in reviews)
    slos = tuple(to_domain(_as_in_a_cluster(review)) for review in valid if review.kind == "SLO")
    if not slos:
        raise CannotRun("every SLO in the files is refused" if refused else "no SLO is in the files that -f names")
    return SloFiles(slos=slos, refused=refused)


def finish(files: SloFiles, faults: Mapping[str, str]) -> None:
    """Tell what went wrong with some of the SLOs, and end the command with 1 if anything did."""
    for slo, fault in faults.items():
        echo(f"Error: Backstop failed on SLO {slo} ({fault}); that is a defect of Backstop", err=True)
    if files.refused or faults:
        sys.exit(1)


def _as_in_a_cluster(review: Review) -> dict[str, Any]:
    """Return an object with what an API server adds, as far as it lacks that."""
    body: Mapping[str, Any] = review.body if isinstance(review.body, Mapping) else {}
    metadata = body["metadata"]
    namespace = metadata.get("namespace") or _NAMESPACE
    given = {"uid": f"{review.kind}/{namespace}/{metadata['name']}", "generation": 1} | metadata
    return {**body, "metadata": given | {"namespace": namespace}}
