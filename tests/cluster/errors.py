"""What can go wrong in the test bed, told so that a person knows the next step.

ClusterError            a step failed; carries the log to read and what to do
├─ NotPossible          this kind of cluster cannot run here, with the reason
└─ DownloadFailed       a release file could not be had, or was not what its checksum promises
"""

from pathlib import Path

LAST_LINES = 15  # enough for a Go panic's first frames or a Kubernetes component's last complaint


class ClusterError(Exception):
    """A step of the test bed failed. `log` is the file to read; `hint` is what to do next."""

    def __init__(self, message: str, *, log: Path | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.log = log
        self.hint = hint

    def report(self) -> str:
        """Return message, hint and the end of the log, for the terminal or a test's failure."""
        lines = [self.message]
        if self.hint:
            lines.append(f"  what to do: {self.hint}")
        if self.log is not None:
            lines.append(f"  log: {self.log}")
            lines += [f"    | {line}" for line in last_lines(self.log)]
        return "\n".join(lines)


class NotPossible(ClusterError):
    """This kind of cluster cannot run on this machine."""


class DownloadFailed(ClusterError):
    """A release file could not be downloaded or verified. Nothing of it is kept."""


def last_lines(log: Path, count: int = LAST_LINES) -> list[str]:
    """Return the last `count` lines of a log; empty when there is no log yet."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 64 * 1024))
        return file.read().decode(errors="replace").splitlines()[-count:]
