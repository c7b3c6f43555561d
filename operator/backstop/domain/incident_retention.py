"""Which resolved incidents are kept (semantics S6). Those that are open always are."""

from collections.abc import Iterable
from typing import Final

from backstop.domain.slo import Uid

KEPT_SECONDS: Final = 90 * 86_400.0
KEPT_COUNT: Final = 1_000  # resolved ones of a namespace, the newest


def overdue(resolved: Iterable[tuple[Uid, str, float | None]], now: float) -> list[Uid]:
    """Return which to delete of incidents by uid, namespace and time of resolution; None: it is not resolved."""
    by_namespace: dict[str, list[tuple[float, Uid]]] = {}
    for uid, namespace, at in resolved:
        if at is not None:
            by_namespace.setdefault(namespace, []).append((at, uid))
    found: list[Uid] = []
    for incidents in by_namespace.values():
        newest_first = sorted(incidents, reverse=True)
        found += [uid for index, (at, uid) in enumerate(newest_first) if index >= KEPT_COUNT or now - at > KEPT_SECONDS]
    return found
