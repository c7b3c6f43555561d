"""The configured metrics sources, and which namespaces may use which."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from backstop.domain.errors import SpecError
from backstop.domain.slo import SLO, CompositeIndicator
from backstop.ports.metrics import MetricsSource
from backstop.promql.confine import confined_terms
from backstop.promql.parse import PromQLError
from backstop.vocabulary import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBinding:
    """A source as the administrator granted it."""

    source: MetricsSource
    allowed_namespaces: tuple[str, ...] = ("*",)  # names or globs
    enforced_matchers: Mapping[str, str] = field(default_factory=dict)  # `$namespace` stands for the SLO's
    ingestion_delay_seconds: float | None = None  # until a sample can be read; None: it takes up to a scrape interval
    identity: str = ""  # which server, and whose data there: counts of one identity are never mixed with another's


class SourceRefused(SpecError):
    """An object names a source that it cannot have."""

    def __init__(self, path: str, reason: Reason, problem: str) -> None:
        super().__init__(path, problem)
        self.reason = reason


def granted(
    name: str, namespace: str, bindings: Mapping[str, SourceBinding], *, path: str = "spec.source"
) -> SourceBinding:
    """Return the source of this name. Raises SourceRefused unless it exists and the namespace may use it."""
    binding = bindings.get(name)
    if binding is None:
        usable = sorted(each for each, b in bindings.items() if _allowed(namespace, b))
        fix = f"use one of: {', '.join(usable)}" if usable else "no source is configured for this namespace"
        raise SourceRefused(path, Reason.SOURCE_UNKNOWN, f"no source is named {name!r}; {fix}")
    if not _allowed(namespace, binding):
        raise SourceRefused(
            path,
            Reason.SOURCE_NOT_ALLOWED,
            f"source {name!r} is not allowed for namespace {namespace!r};"
            " ask the administrator to add it to sources[].allowedNamespaces, or use another source",
        )
    return binding


def check_source(slo: SLO, bindings: Mapping[str, SourceBinding]) -> None:
    """Raise SourceRefused unless the source of an SLO exists, its namespace may use it and it can be kept inside."""
    binding = granted(slo.source, slo.namespace, bindings)
    try:
        if not isinstance(slo.indicator, CompositeIndicator):
            confined_terms(slo.indicator, enforced_matchers(slo, binding), seconds=60.0)
    except PromQLError as problem:
        raise SpecError(
            "spec.indicator", f"source {slo.source!r} limits queries to their tenant: {problem}"
        ) from problem


def enforced_matchers(slo: SLO, binding: SourceBinding) -> dict[str, str]:
    """Return the matchers that a source forces on an SLO, with the SLO's namespace in place of `$namespace`."""
    return matchers_in(slo.namespace, binding)


def matchers_in(namespace: str, binding: SourceBinding) -> dict[str, str]:
    """Return the matchers that a source forces on everything that objects of a namespace ask."""
    return {label: value.replace("$namespace", namespace) for label, value in binding.enforced_matchers.items()}


def _allowed(namespace: str, binding: SourceBinding) -> bool:
    return any(fnmatchcase(namespace, pattern) for pattern in binding.allowed_namespaces)
