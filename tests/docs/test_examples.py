"""What pages show is true: manifests are valid, configurations parse, Python examples print what they say."""

import doctest
from pathlib import Path
from typing import Any

import pytest
import yaml

from backstop.api.configuration import Configuration, parse_configuration
from backstop.api.to_alert_policy import check_alert_policy
from backstop.api.to_channel import check_channel
from backstop.api.to_domain import check_slo
from backstop.api.to_incident import check_incident
from backstop.api.to_maintenance import check_maintenance
from backstop.api.v1alpha1.slo import SLOSpec
from backstop.vocabulary import GROUP
from tests.chart.render import only, render
from tests.docs.pages import Block, blocks, blocks_of, name_of, pages

YAML = [block for block in blocks("yaml") if "{{" not in block.text or "{{.window}}" in block.text]
SPEC_FIELDS = {field.alias for field in SLOSpec.model_fields.values()}
CONFIGURATION_FIELDS = {field.alias for field in Configuration.model_fields.values()}
CHECKS = {
    "SLO": check_slo,
    "MaintenanceWindow": check_maintenance,
    "AlertPolicy": check_alert_policy,
    "NotificationChannel": check_channel,
    "Incident": check_incident,
}
BASE_SPEC = {"target": 99.9, "indicator": {"boolean": {"metric": "up"}}}
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.where)
def test_an_example_in_yaml_is_what_backstop_accepts(block: Block):
    for document in yaml.safe_load_all(block.text):
        assert problems_of(document) == [], block.where


def problems_of(document: Any) -> list[str]:
    """Return what is wrong with an example: an object of ours, a part of a spec, or a configuration."""
    if not isinstance(document, dict):
        return ["is no mapping"]
    if str(document.get("apiVersion", "")).startswith(f"{GROUP}/"):
        check = CHECKS.get(document.get("kind", ""), check_slo)
        return [str(problem.error()) for problem in check(document).problems]
    if document.keys() <= SPEC_FIELDS:
        whole = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "SLO", "metadata": {"name": "x"}}
        return [str(p.error()) for p in check_slo(whole | {"spec": BASE_SPEC | document}).problems]
    if "sources" in document and document.keys() <= CONFIGURATION_FIELDS and "url" in document["sources"][0]:
        parse_configuration(configuration_of(document))
    return []


def configuration_of(document: Any) -> str:
    """Return the configuration file: the example itself, or what the chart makes of one that names Secrets."""
    text = yaml.safe_dump(document)
    if "Secret:" not in text and "Secrets:" not in text:
        return text
    return str(only(render(document), "ConfigMap")["data"]["config.yaml"])


def test_there_are_examples_to_check():
    ours = [b for b in YAML if GROUP in b.text]
    assert len(ours) >= 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("apiVersion: backstop.dev/v1alpha1\nkind: SLO\nspec: {}", "metadata", id="an SLO without a name"),
        pytest.param(
            "apiVersion: backstop.dev/v1alpha1\nkind: MaintenanceWindow\nmetadata: {name: x}\nspec: {slos: {}}",
            "spec.slos",
            id="a maintenance window that selects nothing",
        ),
        pytest.param("windows: [{name: 30d, rolling: 30 days}]", "spec.windows[0].rolling", id="a part of a spec"),
    ],
)
def test_a_wrong_example_would_be_found(text, expected):
    assert any(expected in problem for problem in problems_of(yaml.safe_load(text)))


@pytest.mark.parametrize("page", [p for p in pages() if blocks_of(p, "python")], ids=name_of)
def test_examples_in_python_print_what_the_page_says(page: Path):
    names: dict[str, Any] = {}
    report: list[str] = []
    for block in blocks_of(page, "python"):
        if ">>>" not in block.text:
            compile(block.text, block.where, "exec")
            continue
        example = doctest.DocTestParser().get_doctest(block.text, names, block.where, str(page), block.line - 1)
        runner = doctest.DocTestRunner(verbose=False, optionflags=OPTIONS)
        runner.run(example, out=report.append, clear_globs=False)
        names = example.globs
    assert report == [], "\n".join(report)


def test_the_explanations_work_their_numbers_out():
    worked = {b.page.name for b in blocks("python") if ">>>" in b.text}
    assert {"error-budget.md", "budgeting.md", "windows.md", "evidence.md"} <= worked
