"""Keeps a defect that one object brings to light from ending the evaluation of all others."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from backstop.engine.tracked import Tracked

log = structlog.get_logger(__name__)


@contextmanager
def contained(tracked: Tracked, *, unless: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Run work on one SLO. What it raises, `unless` it is expected, is logged with its trace and noted on the SLO.

    Only for work that concerns one object alone: an operator that ended here would meet the same object at every start.
    """
    try:
        yield
    except unless:
        raise
    except Exception as defect:
        log.exception("slo.defect", slo=tracked.slo.key)
        tracked.fault = f"{type(defect).__name__}: {defect}"
