"""Times as Kubernetes writes them."""

from datetime import UTC, datetime


def unix_seconds(text: object) -> float | None:
    """Return an RFC 3339 time as unix seconds; None where there is none, or something else stands in its place."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
