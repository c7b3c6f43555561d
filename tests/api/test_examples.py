"""Examples are promises: every value that a message or a page tells people to write is accepted."""

import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from backstop.api.crd import KINDS
from backstop.api.objects import Checked
from backstop.api.rules import ApiModel
from backstop.api.to_alert_policy import check_alert_policy
from backstop.api.to_channel import check_channel
from backstop.api.to_domain import check_slo
from backstop.api.to_maintenance import check_maintenance
from tests.generators.registry import REPOSITORY


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models inside of a type, and those inside of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    elif isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is not None:
        for part in typing.get_args(annotation):
            yield from models(part)


def adapter_of(field: FieldInfo) -> TypeAdapter[Any]:
    """What checks a value of a field."""
    return TypeAdapter(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation)


MODELS = {model.__name__: model for kind in KINDS for root in (kind.spec, kind.status) for model in models(root)}
FIELDS = [
    pytest.param(field, id=f"{model.__name__}.{name}")
    for model in MODELS.values()
    for name, field in model.model_fields.items()
]


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_has_an_example_that_is_accepted(field: FieldInfo) -> None:
    assert field.examples
    for example in field.examples:
        adapter_of(field).validate_python(example)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_default_would_be_accepted_when_written(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        if not field.is_required() and field.get_default(call_default_factory=True) is not None:
            adapter = adapter_of(field)
            written = adapter.dump_python(
                field.get_default(call_default_factory=True), mode="json", by_alias=True, exclude_none=True
            )
            assert adapter.validate_python(written) == field.get_default(call_default_factory=True), name


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_rule_says_what_to_write(model: type[BaseModel]) -> None:
    assert issubclass(model, ApiModel)
    for rule in model.rules:
        assert re.search(r"must be|belongs to", rule.message)
        assert re.search(r"for example|leave .* out", rule.message)


@pytest.mark.parametrize(
    ("page", "check"),
    [
        ("slo.md", check_slo),
        ("maintenance-window.md", check_maintenance),
        ("alert-policy.md", check_alert_policy),
        ("notification-channel.md", check_channel),
    ],
)
def test_the_example_of_a_reference_page_is_valid(page: str, check: Callable[[object], Checked[Any]]) -> None:
    text = (REPOSITORY / "docs" / "reference" / page).read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    checked = check(yaml.safe_load(example))
    assert (checked.problems, checked.warnings) == ((), ())
