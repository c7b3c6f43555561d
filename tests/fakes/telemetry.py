"""A telemetry that remembers what it was told."""

from collections import Counter
from collections.abc import Mapping

from backstop.domain.assessment import Assessment
from backstop.domain.evidence import Slice
from backstop.domain.slo import SLO


class RecordingTelemetry:
    """Implements ports.telemetry.Telemetry."""

    def __init__(self) -> None:
        self.assessments: list[Assessment] = []
        self.slices: list[Slice] = []
        self.late_events: list[float] = []
        self.forgotten_slos: list[SLO] = []
        self.counts: Counter[str] = Counter()
        self.offsets: dict[str, float] = {}
        self.incident_counts: dict[tuple[str, str], int] = {}
        self.phases: list[tuple[str, float]] = []

    def assessed(self, assessment: Assessment, *, lag_seconds: float) -> None:
        assert lag_seconds >= 0
        self.assessments.append(assessment)

    def sealed(self, slo: SLO, evidence: Slice, seconds: float) -> None:
        self.slices.append(evidence)

    def late(self, slo: SLO, events: float) -> None:
        self.late_events.append(events)

    def dropped(self, source: str, count: int) -> None:
        self.counts[f"dropped {source}"] += count

    def forgotten(self, slo: SLO) -> None:
        self.forgotten_slos.append(slo)

    def registered(self, *, valid: int, refused: int) -> None:
        self.counts["valid"], self.counts["refused"] = valid, refused

    def clock_offset(self, source: str, seconds: float) -> None:
        self.offsets[source] = seconds

    def checkpointed(self, outcome: str, slos: int) -> None:
        self.counts[f"checkpoint {outcome}"] += slos

    def checkpoint_failing(self, *, failing: bool) -> None:
        self.counts["checkpoint failing"] = int(failing)

    def checkpoint_size(self, size_bytes: int) -> None:
        self.counts["checkpoint bytes"] = size_bytes

    def incidents(self, counts: Mapping[tuple[str, str], int]) -> None:
        self.incident_counts = dict(counts)

    def incident_took(self, phase: str, seconds: float) -> None:
        self.phases.append((phase, seconds))

    def notified(self, outcome: str) -> None:
        self.counts[f"notification {outcome}"] += 1

    def status_written(self, outcome: str) -> None:
        self.counts[outcome] += 1
