"""The tree of errors. The branch tells the engine what to do.

BackstopError
├─ SpecError          the user's object or the configuration is wrong: never retried, names path and fix
├─ DependencyError    the world is not ready: tried again later
│  ├─ SourceUnreachable   no usable answer from the metrics source in time
│  │  └─ QueryTimedOut       this one query took too long; the source itself may be well
│  ├─ ClusterUnavailable  no usable answer from the Kubernetes API
│  ├─ SecretMissing       a Secret, or the entry of it that is asked for, is not there
│  └─ CheckpointUnavailable  the file of the checkpoint cannot be read or written
├─ QueryRejected      the source understood the query and refuses it: this query alone is at fault
├─ AccessDenied       the Kubernetes API forbids it: the message prints the missing rule
└─ Conflict           the object moved on since it was read: read again, decide again
"""


class BackstopError(Exception):
    """Root of all errors that Backstop raises on purpose."""


class SpecError(BackstopError):
    """A field is wrong. `path` is its property path (`spec.windows[0].rolling`), the text says what to write."""

    def __init__(self, path: str, problem: str, *, not_supported_yet: bool = False) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem
        self.not_supported_yet = not_supported_yet


class DependencyError(BackstopError):
    """The world is not ready; the same call may succeed later."""


class SourceUnreachable(DependencyError):
    """No usable answer from the metrics source: refused, timed out, 5xx, or a body that is not Prometheus's."""


class QueryTimedOut(SourceUnreachable):
    """One query took longer than its timeout allows; others of the same source may still be answered."""


class ClusterUnavailable(DependencyError):
    """No usable answer from the Kubernetes API."""


class SecretMissing(DependencyError):
    """A Secret does not exist, or has not the entry that is asked for, or that entry cannot be used."""


class CheckpointUnavailable(DependencyError):
    """The checkpoint cannot be read or written now: full, read-only, held by another process, or silent."""


class QueryRejected(BackstopError):
    """The source understood the query and refuses it (bad_data, execution error, too many samples)."""


class AccessDenied(BackstopError):
    """The Kubernetes API answered 403; the message prints the rule that is missing."""


class Conflict(BackstopError):
    """409: the object changed since it was read."""
