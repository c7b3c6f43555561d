"""Times as the API server wants them."""

from datetime import UTC, datetime


def micro_time(at: datetime) -> str:
    """Return a MicroTime: RFC 3339 in UTC with exactly six decimals, the only form that its parser takes."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
