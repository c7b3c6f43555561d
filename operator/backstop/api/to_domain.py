"""The only way from a raw object to `backstop.domain.slo.SLO`: nothing behind it sees dicts, pydantic or durations.

Whatever the object is, the outcome is a domain object or problems that name a path and a fix.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from backstop.api.field_types import kind_of
from backstop.api.problems import Problem, null_problems, problems_of
from backstop.api.v1alpha1.slo import SLOSpec
from backstop.api.v1alpha1.slo_unsupported import not_supported_yet
from backstop.api.v1alpha1.slo_warnings import warnings_of
from backstop.api.v1alpha1.slo_workload import Workload as WorkloadModel
from backstop.domain import slo as domain
from backstop.domain.duration import parse_duration
from backstop.domain.errors import SpecError
from backstop.promql.parse import without_comments
from backstop.vocabulary import API_VERSION

KIND: Final = "SLO"
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_NAME: Final = 253  # of Kubernetes
_NAMED: Final = 3  # problems that a combined message spells out


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The outcome of reading an SLO: a valid spec, or problems; warnings in either case."""

    spec: SLOSpec | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()


def check_slo(body: object) -> Checked:
    """Read an SLO as people write it: `metadata` needs a name, a namespace may be missing. Raises nothing."""
    if not isinstance(body, Mapping):
        return Checked(spec=None, problems=(Problem(location=(), text=f"an object is a map, not {kind_of(body)}"),))
    problems = [*_header_problems(body), *_name_problems(body.get("metadata"))]
    spec, found = _read_spec(body)
    problems += found
    if spec is None:
        return Checked(spec=None, problems=tuple(problems))
    problems += not_supported_yet(spec, at=("spec",))
    return Checked(spec=spec, problems=tuple(problems), warnings=tuple(warnings_of(spec, at=("spec",))))


def to_domain(body: object) -> domain.SLO:
    """Return the SLO of an object as the API server holds it, with uid and generation.

    Raises SpecError. Its path is the first problem's; its text tells further ones. It is `not_supported_yet` when that
    is all that is wrong.
    """
    checked = check_slo(body)
    problems = [*checked.problems, *_identity_problems(body)]
    if checked.spec is None or problems or not isinstance(body, Mapping):
        raise _combined(problems)
    return _slo(body["metadata"], checked.spec)


def _combined(problems: list[Problem]) -> SpecError:
    ordered = sorted(problems, key=lambda problem: problem.not_supported_yet)  # stable: wrong before unsupported
    first, rest = ordered[0], ordered[1:]
    text = first.text
    if rest:
        named = "; ".join(str(problem.error()) for problem in rest[: _NAMED - 1])
        more = len(rest) - (_NAMED - 1)
        text += f" | also {named}" + (f" | and {more} more" if more > 0 else "")
    return SpecError(first.path, text, not_supported_yet=first.not_supported_yet)


def _header_problems(body: Mapping[Any, Any]) -> Iterator[Problem]:
    for key, expected in (("apiVersion", API_VERSION), ("kind", KIND)):
        if body.get(key) != expected:
            yield Problem(location=(key,), text=f"must be {expected}")
    for key in body:
        if key not in ("apiVersion", "kind", "metadata", "spec", "status"):
            location = (key,) if isinstance(key, str) else (f"{key!r:.64}",)
            yield Problem(location=location, text="is not a field here; known fields are metadata and spec")


def _name_problems(metadata: object) -> Iterator[Problem]:
    if not isinstance(metadata, Mapping):
        yield Problem(location=("metadata",), text="is missing; write for example metadata: {name: checkout}")
        return
    name = metadata.get("name")
    if not isinstance(name, str) or len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        text = f"must be lower-case letters, digits, '-' and '.', at most {_MAX_NAME}; write for example checkout"
        yield Problem(location=("metadata", "name"), text=text)
    namespace = metadata.get("namespace", "default")
    if not isinstance(namespace, str) or not namespace:
        yield Problem(location=("metadata", "namespace"), text="must be a text; write for example shop")
    labels = metadata.get("labels", {})
    if labels is not None and not (
        isinstance(labels, Mapping) and all(isinstance(k, str) and isinstance(v, str) for k, v in labels.items())
    ):
        text = 'must map texts to texts; quote numbers and booleans, for example tier: "1"'
        yield Problem(location=("metadata", "labels"), text=text)


def _identity_problems(body: object) -> Iterator[Problem]:
    metadata = body.get("metadata") if isinstance(body, Mapping) else None
    if not isinstance(metadata, Mapping):
        return  # told already
    for key in ("uid", "namespace"):
        if not (isinstance(metadata.get(key), str) and metadata[key]):
            yield Problem(location=("metadata", key), text="is missing; the API server sets it")
    generation = metadata.get("generation")
    if isinstance(generation, bool) or not isinstance(generation, int):
        yield Problem(location=("metadata", "generation"), text="is missing; the API server sets it")


def _read_spec(body: Mapping[Any, Any]) -> tuple[SLOSpec | None, list[Problem]]:
    raw, at = body.get("spec"), ("spec",)
    if not isinstance(raw, Mapping):
        what = "is missing" if raw is None else f"is {kind_of(raw)}, not a map"
        return None, [Problem(location=at, text=f"{what}; write at least target and indicator")]
    problems = null_problems(SLOSpec, raw, at=at)
    try:
        spec = SLOSpec.model_validate(raw)
    except ValidationError as error:
        return None, [*problems, *problems_of(error, SLOSpec, at=at)]
    return (None if problems else spec), problems


def _slo(metadata: Mapping[str, Any], spec: SLOSpec) -> domain.SLO:
    return domain.SLO(
        uid=domain.Uid(metadata["uid"]),
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata["generation"],
        objective=domain.Objective(target_percent=spec.target),
        windows=tuple(
            domain.RollingWindow(name=window.name, seconds=parse_duration(window.rolling))
            for window in spec.windows
            if window.rolling is not None  # calendar windows were refused before
        ),
        indicator=_indicator(spec),
        source=spec.source,
        evaluation=domain.Evaluation(
            interval_seconds=parse_duration(spec.evaluation.interval),
            no_traffic=spec.evaluation.no_traffic,
            stale_after_seconds=parse_duration(spec.evaluation.stale_after),
        ),
        service=spec.service,
        workload=_workload(spec.workload),
        labels=dict(metadata.get("labels") or {}),
    )


def _indicator(spec: SLOSpec) -> domain.Indicator:
    """Convert the one indicator. Comments are dropped: the text will stand inside of longer queries."""
    given = spec.indicator
    if (ratio := given.ratio) is not None:
        return domain.RatioIndicator(total=without_comments(ratio.total), good=_bare(ratio.good), bad=_bare(ratio.bad))
    if (latency := given.latency) is not None:
        return domain.LatencyIndicator(
            histogram=latency.histogram,
            selector=without_comments(latency.selector),
            threshold_seconds=Decimal(str(parse_duration(latency.threshold))),
        )
    if given.boolean is not None:
        return domain.BooleanIndicator(metric=without_comments(given.boolean.metric))
    if (threshold := given.threshold) is not None:
        return domain.ThresholdIndicator(
            query=without_comments(threshold.query), op=threshold.op, value=float(threshold.value)
        )
    if (query := given.query) is not None:
        return domain.QueryIndicator(total=without_comments(query.total), good=_bare(query.good), bad=_bare(query.bad))
    raise SpecError("spec.indicator", "has no kind that is supported yet", not_supported_yet=True)


def _bare(expression: str | None) -> str | None:
    return None if expression is None else without_comments(expression)


def _workload(workload: WorkloadModel | None) -> domain.Workload | None:
    if workload is None:
        return None
    if workload.service is not None:
        return domain.Workload(kind=domain.WorkloadKind.SERVICE, name=workload.service.name)
    if workload.deployment is not None:
        return domain.Workload(kind=domain.WorkloadKind.DEPLOYMENT, name=workload.deployment)
    raise SpecError("spec.workload", "names no kind that is supported yet", not_supported_yet=True)
