"""Types of fields: each knows how to check a value and how the schema of the CRD says the same."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from backstop.domain.duration import PATTERN as DURATION_PATTERN
from backstop.domain.duration import parse_duration
from backstop.domain.time_zone import time_zone
from backstop.promql.lint import (
    Finding,
    lint_instant_vector,
    lint_latency_histogram,
    lint_latency_selector,
    lint_selector,
    lint_window_query,
)
from backstop.vocabulary import MAX_NAME_LENGTH, MAX_PROMQL_LENGTH, MAX_TARGET_DECIMALS, MAX_TEXT_LENGTH

PROBLEM: Final = "problem"  # type of pydantic errors whose message is complete already
MAX_DURATION_LENGTH: Final = 32
RULES_KEY: Final = "x-kubernetes-validations"


def problem(text: str) -> PydanticCustomError:
    """Return the error to raise in a validator; `text` follows the field's path."""
    return PydanticCustomError(PROBLEM, "{text}", {"text": text})


def cel_seconds(value: str) -> str:
    """Return CEL for the seconds of the Prometheus duration `value`, to whole seconds.

    CEL's own `duration()` ends at hours, so years, weeks and days are read apart.
    """
    count = f"{value}.find('[0-9]+{{unit}}')"
    parts = [
        f"({count} == '' ? 0 : int({count}.replace('{{unit}}', ''))) * {{seconds}}".format(unit=unit, seconds=seconds)
        for unit, seconds in (("y", 31_536_000), ("w", 604_800), ("d", 86_400))
    ]
    clock = f"{value}.find('([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$')"
    return f"({' + '.join(parts)} + ({clock} == '' ? 0 : duration({clock}).getSeconds()))"


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationBetween:
    """A Prometheus duration with bounds, both included."""

    shortest: str
    longest: str

    def _check(self, text: str) -> str:
        try:
            seconds = parse_duration(text)
        except ValueError:
            shown = text if len(text) <= MAX_DURATION_LENGTH else f"{text[:MAX_DURATION_LENGTH]}…"
            raise problem(f"{shown!r} is not a duration; write it as 30s, 5m, 1h30m, 30d or 500ms") from None
        if not parse_duration(self.shortest) <= seconds <= parse_duration(self.longest):
            raise problem(f"is {text}; write a duration from {self.shortest} to {self.longest}")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        text = core_schema.str_schema(strict=True, min_length=1, max_length=MAX_DURATION_LENGTH)
        return core_schema.no_info_after_validator_function(self._check, text)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del schema, handler
        lowest, highest = parse_duration(self.shortest), parse_duration(self.longest)
        seconds = cel_seconds("self")
        rule = f"{seconds} <= {round(highest)}"
        if lowest >= 1:
            rule += f" && {seconds} >= {round(lowest)}"
        elif lowest > 0:  # below a second the rule would see zero, so the bound is only that something is not zero
            rule += " && self.find('[1-9]') != ''"
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_DURATION_LENGTH,
            "pattern": DURATION_PATTERN,
            RULES_KEY: [{"rule": rule, "message": f"write a duration from {self.shortest} to {self.longest}"}],
        }


@dataclass(frozen=True, slots=True)
class Linted:
    """A PromQL field: `lint` tells problems, which are errors, and warnings, which `validate` shows."""

    lint: Callable[[str], Finding]

    def _check(self, text: str) -> str:
        finding = self.lint(text)
        if finding.problem is not None:
            raise problem(finding.problem)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))


@dataclass(frozen=True, slots=True)
class Percent:
    """A percentage with few decimals, kept exact: 99.9 becomes Decimal("99.9") (semantics K11)."""

    _BETWEEN: ClassVar = "must lie between 0 and 100, both excluded; write for example 99.9"

    def _check(self, value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            hint = f"; write {value} without quotes" if isinstance(value, str) and len(value) <= MAX_NAME_LENGTH else ""
            raise problem(f"is {kind_of(value)}{hint or '; write a number, for example 99.9'}")
        if not 0 < value < 100:  # noqa: PLR2004  percent; NaN fails too
            raise problem(self._BETWEEN)
        exact = Decimal(repr(value))
        exponent = exact.normalize().as_tuple().exponent
        if isinstance(exponent, int) and -exponent > MAX_TARGET_DECIMALS:
            raise problem(f"has more than {MAX_TARGET_DECIMALS} decimals; write for example 99.999")
        return exact

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(
            self._check, serialization=core_schema.plain_serializer_function_ser_schema(float)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del schema, handler
        scaled = f"self * {10**MAX_TARGET_DECIMALS}.0"
        return {
            "type": "number",
            # 0 and 100 themselves are refused by a rule, which can say more than that they are out of bounds
            "minimum": 0,
            "maximum": 100,
            # by arithmetic: the cost of string() is unbounded to the server. A seventh decimal differs by 0.1 at least.
            RULES_KEY: [
                {"rule": "self > 0.0 && self < 100.0", "message": self._BETWEEN},
                {
                    "rule": f"{scaled} - double(int({scaled} + 0.5)) < 0.05 && "
                    f"{scaled} - double(int({scaled} + 0.5)) > -0.05",
                    "message": f"at most {MAX_TARGET_DECIMALS} decimals; write for example 99.999",
                },
            ],
        }


@dataclass(frozen=True, slots=True)
class UniqueBy:
    """A list whose entries have different values of `key` (its name in YAML and in Python): a list map."""

    key: str

    def _check(self, entries: list[Any]) -> list[Any]:
        keys = [getattr(entry, self.key) for entry in entries]
        if twice := next((key for index, key in enumerate(keys) if key in keys[:index]), None):
            raise problem(f"has {twice!r} twice; every {self.key} must be different")
        return entries

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [self.key]}


@dataclass(frozen=True, slots=True)
class Distinct:
    """A list of texts, each there once: a list set."""

    def _check(self, entries: list[str]) -> list[str]:
        if twice := next((entry for index, entry in enumerate(entries) if entry in entries[:index]), None):
            raise problem(f"has {str(twice)!r} twice; keep one")
        return entries

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | {"x-kubernetes-list-type": "set"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of an enumeration, as text. (pydantic's own check prints the wrong value, however deep that is.)"""

    values: type[StrEnum]

    def _check(self, value: Any) -> StrEnum:
        listed = f"write one of {', '.join(self.values)}"
        if not isinstance(value, str):
            raise problem(f"is {kind_of(value)}; {listed}")
        chosen = next((choice for choice in self.values if choice == value), None)
        if chosen is None:
            raise problem(f"is {value[:MAX_NAME_LENGTH]!r}; {listed}")
        return chosen

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        as_text = core_schema.plain_serializer_function_ser_schema(str)
        return core_schema.no_info_plain_validator_function(self._check, serialization=as_text)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del schema, handler
        return {"type": "string", "enum": [str(value) for value in self.values]}


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A day and a time of day as a clock on the wall shows them, to the minute: `2026-01-05T06:00`, in no zone yet."""

    _PATTERN: ClassVar = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$"
    _FIX: ClassVar = "write a wall-clock time as 2026-01-05T06:00"

    def _check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise problem(f"is {kind_of(value)}; {self._FIX}")
        try:
            local = datetime.strptime(value, "%Y-%m-%dT%H:%M")  # noqa: DTZ007  in no zone is the point
        except ValueError:
            local = None
        if local is None or value != local.isoformat(timespec="minutes"):  # 2026-1-5T6:00 would do for strptime
            raise problem(f"is {value[:MAX_NAME_LENGTH]!r}; {self._FIX}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del schema, handler
        # 30 February is an error while the rule is evaluated, which refuses the object and names the message
        rule = {"rule": "timestamp(self + ':00Z').getFullYear() >= 1", "message": self._FIX}
        return {"type": "string", "maxLength": 16, "pattern": self._PATTERN, RULES_KEY: [rule]}


def kind_of(value: object) -> str:
    """Return what a wrong value is, in the words of YAML."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a map"
        case _:
            return "of a type that YAML and JSON do not share (quote dates)"


def _known_zone(name: str) -> str:
    try:
        time_zone(name)
    except ValueError as error:
        raise problem(str(error)) from None
    return name


PercentNumber = Annotated[Decimal, Percent()]
Text = Annotated[str, Field(max_length=MAX_TEXT_LENGTH)]
ObjectName = Annotated[
    str,
    Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
]
ShortName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
ServiceName = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME_LENGTH, pattern=r"^[A-Za-z0-9]([-._/A-Za-z0-9]*[A-Za-z0-9])?$")
]
PrometheusLabel = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
LabelKey = Annotated[
    str, Field(min_length=1, max_length=317, pattern=r"^([a-z0-9.-]+/)?[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$")
]
TimeZone = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"),
    AfterValidator(_known_zone),
]
MetricName = Annotated[
    str,
    Field(min_length=1, max_length=256, pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$"),
    Linted(lint_latency_histogram),
]

_PromQL = Field(min_length=1, max_length=MAX_PROMQL_LENGTH)
Selector = Annotated[str, _PromQL, Linted(lint_selector)]
LabelMatchers = Annotated[str, _PromQL, Linted(lint_latency_selector)]
InstantQuery = Annotated[str, _PromQL, Linted(lint_instant_vector)]
WindowQuery = Annotated[str, _PromQL, Linted(lint_window_query)]
