"""Fields that hold a moment: RFC 3339 with an offset, to the second, in the years 2000 to 2199."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from backstop.api.field_types import kind_of, problem
from backstop.vocabulary import MAX_NAME_LENGTH

_PATTERN: Final = (
    "^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$"  # what the server enforces
)
_FIX: Final = "write date, time and offset, for example 2026-12-05T02:00:00Z"


def parse_instant(text: str) -> datetime:
    """Return the moment, in UTC. Raises ValueError."""
    if not re.fullmatch(_PATTERN, text):
        raise ValueError(_FIX)
    return datetime.fromisoformat(text).astimezone(UTC)


class Moment:
    """A moment as text. The API server reads it as a timestamp, so that CEL can compare it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del schema, handler
        return {"type": "string", "format": "date-time", "maxLength": 25, "pattern": _PATTERN}

    @staticmethod
    def _check(value: Any) -> str:
        if not isinstance(value, str):
            raise problem(f"is {kind_of(value)}; {_FIX}")
        try:
            parse_instant(value)
        except ValueError:
            raise problem(f"is {value[:MAX_NAME_LENGTH]!r}; {_FIX}") from None
        return value


InstantText = Annotated[str, Moment()]
