"""When the certificate of the admission webhook is made anew, as a pure decision."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

LIFETIME: Final = timedelta(days=90)
RENEWED_AFTER: Final = timedelta(days=60)  # a month to notice that renewing fails, before anything is refused
LOOK_AHEAD: Final = timedelta(hours=1)  # one that ends so soon is as good as none
BACKDATED: Final = timedelta(hours=1)  # the clocks of API servers may be behind ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a stored certificate says. `not_before` is `BACKDATED` before it was made."""

    names: frozenset[str]
    not_before: datetime
    not_after: datetime


class Need(StrEnum):
    """Why a new one is needed."""

    NONE = "None"
    MISSING = "Missing"  # there is none, or none that can be read
    EXPIRED = "Expired"  # it has ended, or does so within the hour
    OTHER_NAMES = "OtherNames"  # it is not for the names under which the API server calls
    DUE = "Due"  # it is old enough to be replaced in peace

    @property
    def urgent(self) -> bool:
        """Nobody can be answered with what there is, so whoever notices makes one, leader or not."""
        return self in (Need.MISSING, Need.EXPIRED)


def need(certificate: Certificate | None, names: Collection[str], *, now: datetime) -> Need:
    """Return whether and why a new certificate is needed; None: there is none, or it cannot be read."""
    if certificate is None:
        return Need.MISSING
    if certificate.not_after - now <= LOOK_AHEAD:
        return Need.EXPIRED
    if not frozenset(names) <= certificate.names:
        return Need.OTHER_NAMES
    if now - certificate.not_before >= RENEWED_AFTER + BACKDATED:
        return Need.DUE
    return Need.NONE
