"""Backstop's own metrics, in a registry of their own. Cardinality is bounded by the number of SLOs and windows."""

import os
from collections.abc import Mapping
from datetime import datetime

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from backstop.adapters.telemetry.slo_collector import SloCollector
from backstop.domain.alert_policy import Severity
from backstop.domain.assessment import Assessment
from backstop.domain.evidence import Slice
from backstop.domain.slo import SLO
from backstop.vocabulary import IncidentState, Metric

# From seconds to days: how long a person takes, and how long an outage lasts.
_INCIDENT_BUCKETS = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0, 604800.0)
_LAG_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


def _gauge(registry: CollectorRegistry, metric: Metric, text: str, labels: tuple[str, ...] = ()) -> Gauge:
    return Gauge(metric.value, text, labels, registry=registry)


class PrometheusTelemetry:
    """Implements ports.telemetry.Telemetry."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._slos = SloCollector()
        registry.register(self._slos)
        self._lag = Histogram(
            Metric.EVALUATION_LAG_SECONDS.value, "From due time to result", buckets=_LAG_BUCKETS, registry=registry
        )
        self._evaluations = Counter(
            Metric.EVALUATIONS_TOTAL.removesuffix("_total"),
            "Evaluations by outcome",
            ("source", "outcome"),
            registry=registry,
        )
        self._queries = Counter(
            Metric.QUERIES_TOTAL.removesuffix("_total"), "Queries by outcome", ("source", "outcome"), registry=registry
        )
        self._query_seconds = Histogram(
            Metric.QUERY_SECONDS.value, "Duration of queries", ("source",), buckets=_LAG_BUCKETS, registry=registry
        )
        self._in_flight = _gauge(registry, Metric.QUERIES_IN_FLIGHT, "Queries asked and not answered", ("source",))
        self._limit = _gauge(registry, Metric.QUERY_CONCURRENCY, "Most queries at a time", ("source",))
        self._timeout = _gauge(registry, Metric.QUERY_TIMEOUT_SECONDS, "Bound of every query", ("source",))
        self._offset = _gauge(registry, Metric.CLOCK_OFFSET_SECONDS, "Source clock minus local clock", ("source",))
        self._writes = Counter(
            Metric.STATUS_WRITES_TOTAL.removesuffix("_total"), "Status writes", ("outcome",), registry=registry
        )
        self._notifications = Counter(
            Metric.NOTIFICATIONS_TOTAL.removesuffix("_total"), "Attempts to send", ("outcome",), registry=registry
        )
        self._registered = _gauge(registry, Metric.REGISTERED_SLOS, "SLOs by validity", ("validity",))
        self._leader = _gauge(registry, Metric.LEADER, "1 on the replica that writes")
        self._reviews = Counter(
            Metric.ADMISSION_REVIEWS_TOTAL.removesuffix("_total"), "Objects judged", ("outcome",), registry=registry
        )
        self._certificate = _gauge(
            registry, Metric.WEBHOOK_CERTIFICATE_EXPIRY, "When the webhook's certificate ends, in unix seconds"
        )
        self._config = _gauge(registry, Metric.CONFIG_VALID, "0 while the last good configuration is in force")
        self._checkpoints = Counter(
            Metric.CHECKPOINTS_TOTAL.removesuffix("_total"), "SLOs by outcome", ("outcome",), registry=registry
        )
        self._checkpoint_failing = _gauge(registry, Metric.CHECKPOINT_FAILING, "1 while it cannot be used")
        self._checkpoint_bytes = _gauge(registry, Metric.CHECKPOINT_BYTES, "Size of the checkpoint's file")
        self._checkpoints_set_aside = Counter(
            Metric.CHECKPOINT_SET_ASIDE_TOTAL.removesuffix("_total"),
            "Files that could not be used",
            ("why",),
            registry=registry,
        )
        self._incidents = _gauge(registry, Metric.INCIDENTS, "Incidents", ("severity", "state"))
        self._incident_seconds = Histogram(
            Metric.INCIDENT_SECONDS.value,
            "How long resolved incidents took",
            ("phase",),
            buckets=_INCIDENT_BUCKETS,
            registry=registry,
        )
        self._watch_restarts = Counter(
            Metric.WATCH_RESTARTS_TOTAL.removesuffix("_total"), "Restarts of the watching thread", registry=registry
        )
        rss = _gauge(registry, Metric.PROCESS_RSS_BYTES, "Resident memory of this process")
        process = psutil.Process(os.getpid())
        rss.set_function(lambda: float(process.memory_info().rss))

    def render(self) -> bytes:
        """Return the text exposition of all metrics. May be called from another thread."""
        return generate_latest(self.registry)

    def assessed(self, assessment: Assessment, *, lag_seconds: float) -> None:
        self._slos.assessed(assessment)
        self._lag.observe(lag_seconds)
        outcome = "evaluated" if assessment.data.available else "unknown"
        self._evaluations.labels(assessment.slo.source, outcome).inc()

    def sealed(self, slo: SLO, evidence: Slice, seconds: float) -> None:
        self._slos.sealed(slo, evidence, seconds)

    def late(self, slo: SLO, events: float) -> None:
        self._slos.late(slo, events)

    def dropped(self, source: str, count: int) -> None:
        self._evaluations.labels(source, "dropped").inc(count)

    def forgotten(self, slo: SLO) -> None:
        self._slos.forget(slo)

    def registered(self, *, valid: int, refused: int) -> None:
        self._registered.labels("valid").set(valid)
        self._registered.labels("refused").set(refused)

    def clock_offset(self, source: str, seconds: float) -> None:
        self._offset.labels(source).set(seconds)

    def incidents(self, counts: Mapping[tuple[str, str], int]) -> None:
        for severity in Severity:
            for state in IncidentState:
                self._incidents.labels(severity.value, state.value).set(counts.get((severity.value, state.value), 0))

    def incident_took(self, phase: str, seconds: float) -> None:
        self._incident_seconds.labels(phase).observe(seconds)

    def notified(self, outcome: str) -> None:
        self._notifications.labels(outcome).inc()

    def reviewed(self, outcome: str) -> None:
        """Count an object that was to be judged at apply: allowed, refused, failed or busy."""
        self._reviews.labels(outcome).inc()

    def webhook_certificate(self, not_after: datetime) -> None:
        """Take when the certificate in use ends."""
        self._certificate.set(not_after.timestamp())

    def status_written(self, outcome: str) -> None:
        self._writes.labels(outcome).inc()

    def checkpointed(self, outcome: str, slos: int) -> None:
        self._checkpoints.labels(outcome).inc(slos)

    def checkpoint_failing(self, *, failing: bool) -> None:
        self._checkpoint_failing.set(1.0 if failing else 0.0)

    def checkpoint_size(self, size_bytes: int) -> None:
        self._checkpoint_bytes.set(size_bytes)

    def checkpoint_set_aside(self, why: str) -> None:
        """Count a file that was damaged or newer. May be called from another thread."""
        self._checkpoints_set_aside.labels(why).inc()

    def leads(self, *, leader: bool) -> None:
        """Show whether this replica writes."""
        self._leader.set(1.0 if leader else 0.0)

    def configuration(self, *, valid: bool) -> None:
        """Show whether the configuration file as it stands is in force."""
        self._config.set(1.0 if valid else 0.0)

    def watch_restarted(self) -> None:
        """Count a restart of the watching thread."""
        self._watch_restarts.inc()

    def source_bounds(self, source: str, *, concurrency: int, timeout_seconds: float) -> None:
        """Show the bounds of a source."""
        self._limit.labels(source).set(concurrency)
        self._timeout.labels(source).set(timeout_seconds)

    def query_started(self, source: str) -> None:
        """Count a query on its way."""
        self._in_flight.labels(source).inc()

    def query_ended(self, source: str, outcome: str, seconds: float) -> None:
        """Count a query that was answered or given up."""
        self._in_flight.labels(source).dec()
        self._queries.labels(source, outcome).inc()
        self._query_seconds.labels(source).observe(seconds)
