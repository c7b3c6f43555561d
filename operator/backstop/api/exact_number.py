"""Numbers of YAML that are kept exact: 14.4 becomes Decimal("14.4"), as for targets (semantics K11)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from backstop.api.field_types import kind_of, problem
from backstop.vocabulary import MAX_NAME_LENGTH


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactNumber:
    """A number with bounds, both included unless `above` says that the lower one is not."""

    lowest: float
    highest: float
    example: float
    above: bool = False  # the lower bound itself is not allowed

    @property
    def _fix(self) -> str:
        bounds = f"more than {self.lowest:g} and at most" if self.above else f"{self.lowest:g} to"
        return f"write {bounds} {self.highest:g}, for example {self.example:g}"

    def _check(self, value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            quoted = isinstance(value, str) and 0 < len(value) <= MAX_NAME_LENGTH
            raise problem(f"is {kind_of(value)}; {'leave the quotes out: ' if quoted else ''}{self._fix}")
        enough = self.lowest < value if self.above else self.lowest <= value
        if not (enough and value <= self.highest):  # NaN fails too
            raise problem(f"is out of bounds; {self._fix}")
        return Decimal(repr(value))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(
            self._check, serialization=core_schema.plain_serializer_function_ser_schema(float)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del schema, handler
        lower = "exclusiveMinimum" if self.above else "minimum"
        return {"type": "number", lower: self.lowest, "maximum": self.highest}
