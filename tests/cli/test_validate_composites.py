from typing import Any

import pytest

from tests.cli.validating import an_slo, validated

PATH = "spec.indicator.composite.components[0].slo"


def test_a_composite_and_its_components_in_the_same_files_are_well_in_any_order() -> None:
    assert validated(an_slo("whole", "a", "b"), an_slo("a"), an_slo("b")) == (0, [])
    without = an_slo("a"), an_slo("whole", "a")
    for one in without:
        del one["metadata"]["namespace"]
    assert validated(*without) == (0, [])


def test_a_component_that_is_not_in_the_files_is_a_warning_since_the_cluster_may_have_it() -> None:
    code, lines = validated(an_slo("whole", "a", "elsewhere"), an_slo("a"), an_slo("elsewhere", namespace="other"))
    assert code == 0
    text = "no SLO is named 'elsewhere' in these files; the namespace must have one"
    assert lines == [f"<stdin>:12: warning: SLO shop/whole: spec.indicator.composite.components[1].slo: {text}"]


def test_a_component_that_is_wrong_is_told_at_the_composite_as_well() -> None:
    code, lines = validated(an_slo("whole", "a"), an_slo("a", target=100))
    assert code == 1
    assert f"warning: SLO shop/whole: {PATH}: SLO 'a' is refused itself, and this one with it" in lines[0]
    assert "error: SLO shop/a: spec.target: " in lines[1]


@pytest.mark.parametrize(
    ("objects", "messages"),
    [
        pytest.param([an_slo("a", "a")], ["SLO shop/a: {}: leads back to itself: a → a"], id="itself"),
        pytest.param(
            [an_slo("a", "b"), an_slo("b", "a")],
            ["SLO shop/a: {}: leads back to itself: a → b → a", "SLO shop/b: {}: leads back to itself: b → a → b"],
            id="one another",
        ),
        pytest.param(
            [an_slo("a", "b"), an_slo("b", "c"), an_slo("c", "x"), an_slo("x")],
            ["SLO shop/a: {}: composites are nested more than 2 deep: a → b → c"],
            id="too deep",
        ),
        pytest.param(
            [an_slo("a", "x"), an_slo("x", source="other")],
            ["SLO shop/a: {}: SLO 'x' reads source 'other' and 'a' reads 'default'"],
            id="another source",
        ),
    ],
)
def test_composites_that_cannot_be_are_problems(objects: list[dict[str, Any]], messages: list[str]) -> None:
    code, lines = validated(*objects)
    assert code == 1
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert f"error: {message.format(PATH)}" in line


def test_odd_metadata_of_a_composite_ends_nothing() -> None:
    odd = an_slo("whole", "a")
    odd["metadata"] |= {"uid": 5, "generation": "x", "labels": {"a": "b"}}
    assert validated(odd, an_slo("a"))[0] in (0, 1)
