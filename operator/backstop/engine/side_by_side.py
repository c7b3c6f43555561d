"""Pieces of work that run beside each other, a bounded number at a time, and do not hold each other up."""

import asyncio
from collections.abc import Awaitable, Sequence

import structlog

from backstop.domain.errors import BackstopError

log = structlog.get_logger(__name__)


async def side_by_side(works: Sequence[Awaitable[None]], *, at_a_time: int) -> None:
    """Do all of them; in the end raise the first BackstopError, the others are logged. So is a defect of ours."""
    gate = asyncio.Semaphore(at_a_time)

    async def guarded(work: Awaitable[None]) -> None:
        async with gate:
            try:
                await work
            except BackstopError:
                raise
            except Exception:  # a defect that one of them brings to light: the others have to be done
                log.exception("work.defect")

    outcomes = await asyncio.gather(*map(guarded, works), return_exceptions=True)
    problems = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for problem in problems[1:]:
        log.warning("work.not_done", problem=str(problem))
    if problems:
        raise problems[0]
