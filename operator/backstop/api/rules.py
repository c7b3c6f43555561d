"""Rules between fields, stated once: the API server enforces them as CEL, we enforce them when we parse."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError

RULES_BROKEN = "rules_broken"  # type of the error whose context lists one text per broken rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule over the fields of one model. `message` states the rule and the fix."""

    message: str
    holds: Callable[[Any], bool]
    cel: str


def exactly_one_of(*names: str, example: str) -> Rule:
    """Exactly one of the fields (names as in YAML) is set."""
    listed = ", ".join(names)
    return Rule(
        message=f"exactly one of {listed} must be set; for example {example}",
        holds=lambda model: sum(name in model.given for name in names) == 1,
        cel=f"[{', '.join(f'has(self.{name})' for name in names)}].filter(set, set).size() == 1",
    )


class ApiModel(BaseModel):
    """Base of everything a resource holds: names in camelCase, unknown fields are errors, nothing is coerced."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=False,
        allow_inf_nan=False,
        use_attribute_docstrings=False,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()

    @property
    def given(self) -> frozenset[str]:
        """The fields that were written, by their names in YAML."""
        fields = type(self).model_fields
        return frozenset(fields[name].alias or name for name in self.model_fields_set)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler.resolve_ref_schema(handler(schema))
        if cls.rules:
            described["x-kubernetes-validations"] = [{"rule": r.cel, "message": r.message} for r in cls.rules]
        return described

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        broken = [rule.message for rule in self.rules if not rule.holds(self)]
        if broken:
            raise PydanticCustomError(RULES_BROKEN, "{messages}", {"messages": broken})
        return self
