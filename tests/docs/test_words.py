"""The words of the pages are the words of the code: metrics, reasons, states, commands, limits."""

import importlib
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import click
import pytest

from backstop import vocabulary
from backstop.api.v1alpha1 import slo_indicator, slo_window, slo_workload
from backstop.cli.main import main
from backstop.domain import slo as domain
from backstop.domain.duration import PATTERN, parse_duration
from backstop.engine.planner import MARKER
from backstop.vocabulary import Condition, EventReason, Metric, Reason, State
from tests.cluster.paths import REPOSITORY
from tests.docs.pages import blocks_of, name_of, pages, spans, table_rows, text_of

METRIC = re.compile(r"\bbackstop_[a-z_]+\b")
SUFFIX = re.compile(r"_(?:bucket|sum|count)$")
CAMEL = re.compile(r"^[A-Z][a-z]+(?:[A-Z][a-z]*)+$")
MAKE = re.compile(r"(?:^|[\s;&(=$])make ([a-z][a-z-]*)")
BACKSTOP = re.compile(r"(?:^|[|;&$] ?|\.venv/bin/|exec )backstop ([a-z][a-z-]*)([^|;&`\n]*)", re.MULTILINE)
MODULE = re.compile(r"python -m (tests\.[\w.]+)")
SHELLS = ("console", "bash", "sh", "shell")

# Words of others, and of what is still to come, that look like ours.
KUBERNETES = {
    "ClusterRole", "ClusterRoleBinding", "ConfigMap", "CronJob", "CustomResourceDefinition", "DaemonSet",
    "EndpointSlice",
    "ExternalName", "NetworkPolicy", "PodDisruptionBudget", "PrometheusRule", "RoleBinding", "ServiceAccount",
    "ServiceMonitor", "StatefulSet", "HTTPRoute", "OOMKilled", "CrashLoopBackOff", "ContainerCreating", "ErrImagePull",
    "IfNotPresent", "PriorityClass", "PodMonitor",
}  # fmt: skip
PLANNED = {
    "ActionClass", "AlertPolicy", "HistoryIncomplete", "MaintenanceWindow", "NotificationChannel", "RunbookRun",
}  # fmt: skip
PYTHON = {"TaskGroup", "Any", "Decimal", "PrometheusConnect"}


def enumerations() -> Iterator[type[StrEnum]]:
    for module in (vocabulary, domain, slo_indicator, slo_window, slo_workload):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, StrEnum):
                yield value


def classes_of_the_code() -> set[str]:
    found = set()
    for file in (REPOSITORY / "operator" / "backstop").rglob("*.py"):
        found |= set(re.findall(r"^class (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE))
    return found


KNOWN_WORDS = (
    {value for enumeration in enumerations() for value in enumeration}
    | classes_of_the_code()
    | KUBERNETES
    | PLANNED
    | PYTHON
)


def commands_of(page: Path) -> str:
    """Return what a page tells people to type: shell blocks without their continuation, and code spans."""
    shell = "\n".join(block.text.replace("\\\n", " ") for block in blocks_of(page, *SHELLS))
    return "\n".join([shell, *spans(page)])


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_metric_that_a_page_names_is_exported(page: Path):
    named = {SUFFIX.sub("", name) for name in METRIC.findall(text_of(page))} - {MARKER}
    known = {SUFFIX.sub("", str(metric)) for metric in Metric}
    assert sorted(named - known) == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_reason_state_and_kind_that_a_page_names_exists(page: Path):
    known = KNOWN_WORDS | set(re.findall(r"\balert: (\w+)", text_of(page)))
    assert sorted({span for span in spans(page) if CAMEL.match(span)} - known) == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_make_target_that_a_page_names_exists(page: Path):
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert sorted(set(MAKE.findall(commands_of(page))) - targets) == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_command_that_a_page_names_exists_with_its_options(page: Path):
    unknown = []
    for name, rest in BACKSTOP.findall(commands_of(page)):
        command = main.get_command(click.Context(main), name)
        if command is None:
            unknown.append(f"backstop {name}")
            continue
        if isinstance(command, click.Group) and rest.split():
            inner, group = rest.split()[0], command
            command = group.get_command(click.Context(group), inner)
            if command is None:
                unknown.append(f"backstop {name} {inner}")
                continue
        options = {text for parameter in command.params for text in (*parameter.opts, "--help", "-h")}
        used = set(re.findall(r"(?<!\S)(--?[a-zA-Z][\w-]*)", rest))
        unknown += [f"backstop {name} {option}" for option in sorted(used - options)]
    assert unknown == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_module_that_a_page_starts_exists(page: Path):
    for name in MODULE.findall(commands_of(page)):
        path = REPOSITORY / name.replace(".", "/")
        assert (path / "__main__.py").is_file() or path.with_suffix(".py").is_file(), name


def test_every_reason_of_an_slo_is_explained_with_what_to_do():
    page = REPOSITORY / "docs" / "explanation" / "evidence.md"
    explained = [row[0].strip("`") for row in table_rows(page, "## Reasons, and what to do")]
    assert sorted(explained) == sorted(Reason)
    assert [row for row in table_rows(page, "## Reasons, and what to do") if len(row) != 3 or not all(row)] == []


def test_no_reason_is_left_that_nothing_gives():
    code = "".join(file.read_text(encoding="utf-8") for file in (REPOSITORY / "operator").rglob("*.py"))
    assert [reason for reason in Reason if not re.search(rf"\bReason\.{reason.name}\b", code)] == []


@pytest.mark.parametrize("enumeration", [State, Condition, EventReason], ids=lambda e: e.__name__)
def test_every_state_condition_and_event_is_spoken_of(enumeration):
    told = "\n".join(text_of(page) for page in pages() if "reference" not in page.parts)
    assert [value for value in enumeration if f"`{value}`" not in told] == []


def test_numbers_on_the_architecture_page_are_those_of_the_code():
    rows = list(table_rows(REPOSITORY / "docs" / "architecture.md", "## Numbers"))
    wrong = [(what, shown) for what, shown, where in rows if not same(shown, value_at(where.strip("`")))]
    assert wrong == []
    assert len(rows) >= 10


def value_at(dotted: str) -> object:
    """Return `module.NAME` or `module.Class.field` below the package backstop."""
    module, name = f"backstop.{dotted}".rsplit(".", 1)
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError:
        module, owner = module.rsplit(".", 1)
        return getattr(importlib.import_module(module), owner).__dataclass_fields__[name].default


def same(shown: str, value: object) -> bool:
    """Tell whether `15 s`, `5 %`, `32` or `35d` is that value; shares are shown in percent."""
    text = shown.replace(" ", "").replace(",", "")
    if text.endswith("%"):
        return float(text[:-1]) in (float(value) * 100, float(value))  # type: ignore[arg-type]
    return (parse_duration(text) if re.match(PATTERN, text) else float(text)) == value


@pytest.mark.parametrize(
    ("shown", "value", "expected"),
    [("15 s", 15.0, True), ("5 %", 0.05, True), ("48,000", 48_000, True), ("6 h", 21_600, True), ("2 s", 3.0, False)],
)
def test_a_number_that_is_not_that_of_the_code_would_be_found(shown, value, expected):
    assert same(shown, value) is expected
