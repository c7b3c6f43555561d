"""What the counts of an SLO mean, as a short text: kept counts may be taken up again only where it is the same.

The text must not change with a release of Backstop, or every checkpoint would be lost with it: fields are named, and
those that have their default are left out, so that a new field with a default changes nothing.
"""

import hashlib
import json
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from typing import Any

from backstop.domain.slo import SLO
from backstop.engine.sources import SourceBinding, enforced_matchers


def fingerprint(slo: SLO, binding: SourceBinding) -> str:
    """Return 32 hex digits for what is counted (`meaning`), at which server, and with which matchers enforced."""
    text = json.dumps([meaning(slo), binding.identity, enforced_matchers(slo, binding)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def meaning(slo: SLO) -> dict[str, Any]:
    """Return what decides how many good and bad events are counted: not the target, the windows, how often is asked."""
    return {
        "indicator": _plain(slo.indicator),
        "source": slo.source,
        "noTraffic": slo.evaluation.no_traffic,
        "noData": slo.evaluation.no_data,
        "timeslice": _plain(slo.timeslice),
        "groupBy": list(slo.group_by),
    }


def _plain(value: object) -> Any:
    if isinstance(value, SLO):
        return meaning(value)  # a component
    if is_dataclass(value) and not isinstance(value, type):
        told = {
            field.name: _plain(found)
            for field in fields(value)
            if (found := getattr(value, field.name)) != field.default or field.default is MISSING
        }
        return {"kind": type(value).__name__, **told}
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value
