"""Valid domain objects; a test names only what it cares about."""

from decimal import Decimal
from typing import Any

from backstop.domain.slo import (
    SLO,
    Evaluation,
    Objective,
    RatioIndicator,
    RollingWindow,
    Uid,
)

HOUR = RollingWindow(name="1h", seconds=3600)


def a_slo(**changes: Any) -> SLO:
    known: dict[str, Any] = {
        "uid": Uid("uid-1"),
        "namespace": "shop",
        "name": "checkout",
        "generation": 1,
        "objective": Objective(target_percent=Decimal(99)),
        "windows": (HOUR,),
        "indicator": RatioIndicator(total="requests_total", bad='requests_total{code="500"}'),
        "source": "default",
        "evaluation": Evaluation(),
    }
    return SLO(**(known | changes))
