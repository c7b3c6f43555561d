"""What the engine tells about itself, as numbers."""

from collections.abc import Mapping
from typing import Protocol

from backstop.domain.assessment import Assessment
from backstop.domain.evidence import Slice
from backstop.domain.slo import SLO


class Telemetry(Protocol):
    """Counts and gauges. Calls never raise and never block."""

    def assessed(self, assessment: Assessment, *, lag_seconds: float) -> None:
        """Show the numbers of an SLO; lag is due time to stored result."""
        ...

    def sealed(self, slo: SLO, evidence: Slice, seconds: float) -> None:
        """Count the events of a sealed slice, or its unknown time."""
        ...

    def late(self, slo: SLO, events: float) -> None:
        """Count events that were found in a sealed slice when it was read again."""
        ...

    def dropped(self, source: str, count: int) -> None:
        """Count evaluations that were due while the source was still busy with earlier ones."""
        ...

    def forgotten(self, slo: SLO) -> None:
        """Remove every series of an SLO that is gone."""
        ...

    def registered(self, *, valid: int, refused: int) -> None:
        """Show how many SLOs there are."""
        ...

    def clock_offset(self, source: str, seconds: float) -> None:
        """Show source clock minus local clock."""
        ...

    def checkpointed(self, outcome: str, slos: int) -> None:
        """Count SLOs that were saved, failed, restored, changed or damaged (the outcomes of a checkpoint)."""
        ...

    def checkpoint_failing(self, *, failing: bool) -> None:
        """Show whether the checkpoint can be read and written."""
        ...

    def checkpoint_size(self, size_bytes: int) -> None:
        """Show how large the checkpoint is."""
        ...

    def incidents(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Show how many incidents there are by severity and state; what is not named is zero."""
        ...

    def incident_took(self, phase: str, seconds: float) -> None:
        """Take how long a phase of a resolved incident took: detect, acknowledge, mitigate or resolve."""
        ...

    def notified(self, outcome: str) -> None:
        """Count an attempt to send a message: sent, retried, failed or abandoned."""
        ...

    def status_written(self, outcome: str) -> None:
        """Count a status write: applied, forbidden or failed."""
        ...
