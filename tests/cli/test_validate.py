import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.api.slo_bodies import REFUSED_WITH_ONE_TEXT
from tests.cli.validating import BAD, GOOD, validate

FOREIGN = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"


def test_a_valid_file_ends_with_0(tmp_path: Path) -> None:
    (tmp_path / "slo.yaml").write_text(GOOD)
    result = validate("-f", tmp_path / "slo.yaml")
    assert (result.exit_code, result.stdout) == (0, "1 valid, 0 invalid, 0 skipped, 0 warnings\n")


@pytest.mark.parametrize(("body", "path", "text"), REFUSED_WITH_ONE_TEXT.values(), ids=REFUSED_WITH_ONE_TEXT)
def test_a_rule_is_told_in_the_words_of_the_api_server(body: dict[str, Any], path: str, text: str) -> None:
    result = validate("-f", "-", stdin=yaml.safe_dump(body))
    assert result.exit_code == 1
    assert f"error: SLO shop/checkout: {path}: {text}" in result.stdout


def test_a_maintenance_window_is_judged_by_the_present_when_it_says_nothing_of_its_creation() -> None:
    window = """\
apiVersion: backstop.dev/v1alpha1
kind: MaintenanceWindow
metadata: {name: upgrade, namespace: shop}
spec:
  slos: {names: [checkout]}
  start: 2001-01-01T00:00:00Z
  duration: 2h
  freezeDeploys: true
"""
    result = validate("-f", "-", stdin=window)
    assert result.exit_code == 1
    where = "error: MaintenanceWindow shop/upgrade: spec"
    assert f"<stdin>:6: {where}.start: reaches back more than 30d before the object was made" in result.stdout
    assert f"<stdin>:8: {where}.freezeDeploys: is not supported yet; leave it out" in result.stdout


HOPELESS = [
    pytest.param("target: 99.9", "target: .nan", "spec.target: must lie between 0 and 100", id="NaN"),
    pytest.param("target: 99.9", "target: .inf", "spec.target: must lie between 0 and 100", id="infinity"),
    pytest.param(
        "total: requests_total", f"total: {'a' * 10_000}", "spec.indicator.ratio.total: ", id="10,000 characters"
    ),
    pytest.param(
        "target: 99.9",
        "target: 99.9\n  windows: [{name: m, calendar: {unit: Month, timeZone: Mars/Olympus}}]",
        "spec.windows[0].calendar.timeZone: ",
        id="a zone that does not exist",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "said"), HOPELESS)
def test_what_can_never_be_evaluated_is_refused_with_its_path_in_a_line_one_can_read(
    right: str, wrong: str, said: str
) -> None:
    result = validate("-f", "-", stdin=GOOD.replace(right, wrong))
    assert result.exit_code == 1
    line = next(line for line in result.stdout.splitlines() if said in line)
    assert len(line) < 400


def test_a_problem_has_file_line_object_path_and_fix_and_ends_with_1(tmp_path: Path) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(BAD)
    result = validate("-f", file)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{file}:7: error: SLO search: spec.target: must lie between 0 and 100, both excluded; write for example 99.9",
        (
            f"{file}:12: error: SLO search: spec.windows[1].rolling: '1 week' is not a duration;"
            " write it as 30s, 5m, 1h30m, 30d or 500ms"
        ),
        "0 valid, 1 invalid, 0 skipped, 0 warnings",
    ]


def test_a_missing_field_is_told_at_the_line_of_what_is_around_it(tmp_path: Path) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(GOOD.replace("  target: 99.9\n", ""))
    assert f"{file}:4: error: SLO shop/checkout: spec.target: is missing" in validate("-f", file).stdout


def test_an_unknown_field_is_told_at_its_own_line(tmp_path: Path) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(GOOD.replace("  target: 99.9\n", "  target: 99.9\n  sorce: x\n"))
    assert f"{file}:6: error: SLO shop/checkout: spec.sorce: is not a field here; did you mean source?" in (
        validate("-f", file).stdout
    )


def test_several_documents_of_several_kinds_are_told_apart() -> None:
    result = validate("-f", "-", stdin=f"---\n{GOOD}---\n{FOREIGN}---\n{BAD}")
    assert result.exit_code == 1
    assert "<stdin>:10: skipped: Deployment web is not of backstop.dev" in result.stdout
    assert "<stdin>:20: error: SLO search: spec.target" in result.stdout
    assert result.stdout.endswith("1 valid, 1 invalid, 1 skipped, 0 warnings\n")


def test_json_works_too_also_indented_by_tabs() -> None:
    text = json.dumps(yaml.safe_load(BAD), indent="\t")
    result = validate("-f", "-", stdin=text)
    assert "<stdin>:8: error: SLO search: spec.target" in result.stdout


def test_a_list_is_read_as_the_objects_in_it() -> None:
    items = [yaml.safe_load(GOOD), yaml.safe_load(BAD)]
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}, sort_keys=False)
    result = validate("-f", "-", stdin=text)
    line = next(n for n, content in enumerate(text.splitlines(), 1) if "target: 100" in content)
    assert f"<stdin>:{line}: error: SLO search: spec.target" in result.stdout
    assert result.stdout.endswith("1 valid, 1 invalid, 0 skipped, 0 warnings\n")


def test_a_folder_is_searched_with_all_below_it_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    for name in ("b/deep/slo.yml", "a.json", "notes.txt", ".hidden/slo.yaml", "b/.hidden.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(BAD)
    (tmp_path / "a.json").write_text(json.dumps(yaml.safe_load(GOOD)))
    result = json.loads(validate("-f", tmp_path, "-o", "json").stdout)
    assert [Path(found["file"]).relative_to(tmp_path).as_posix() for found in result["results"]] == [
        "a.json",
        "b/deep/slo.yml",
    ]


def test_what_is_no_kubernetes_object_is_skipped_in_a_folder_and_a_mistake_in_a_file_that_was_named(
    tmp_path: Path,
) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("replicas: 3\n")
    assert validate("-f", tmp_path).exit_code == 0
    named = validate("-f", file)
    assert named.exit_code == 1
    assert "apiVersion: is missing" in named.stdout


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "slo.yaml").write_text(GOOD)
    result = validate("-f", tmp_path, "-f", tmp_path / "slo.yaml")
    assert (result.exit_code, result.stdout) == (0, "1 valid, 0 invalid, 0 skipped, 0 warnings\n")


def test_the_same_object_in_two_files_is_a_problem_that_names_the_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    result = validate("-f", tmp_path)
    assert result.exit_code == 1
    assert f"{tmp_path / 'b.yaml'}:3: error: SLO shop/checkout: metadata.name: the same object is in" in result.stdout
    assert f"{tmp_path / 'a.yaml'}:1 already" in result.stdout


def test_the_same_name_in_two_namespaces_is_fine() -> None:
    result = validate("-f", "-", stdin=f"{GOOD}---\n{GOOD.replace('shop', 'other')}")
    assert result.exit_code == 0


def test_a_key_that_is_there_twice_is_a_problem() -> None:
    result = validate("-f", "-", stdin=GOOD + "  target: 99\n")
    assert result.exit_code == 1
    assert "error: SLO shop/checkout: spec.target: target is there twice; keep one" in result.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("apiVersion: backstop.dev/v1alpha1\nkind: SLOO\n", "<stdin>:2: error: SLOO: kind: is not a kind of"),
        (
            "apiVersion: backstop.dev/v2\nkind: SLO\n",
            "apiVersion: is not a version we know; write backstop.dev/v1alpha1",
        ),
        ("apiVersion: backstop.de/v1alpha1\nkind: SLO\n", "did you mean backstop.dev/v1alpha1?"),
        ("kind: SLO\n", "apiVersion: is missing"),
        ("- a\n- b\n", "is not a Kubernetes object"),
        ("a: [\n", "<stdin>:2: error: is not YAML"),
        ("a: {{ .Values.a }}\n", "helm template . | backstop validate -f -"),
        ("a: \x07\n", "<stdin>:1: error: is not YAML: character #x0007 is not allowed"),
        ("? [a, b]\n: c\n", "is not YAML: found unhashable key"),
        ("[" * 5000, "is nested too deeply"),
        ("a: *nope\n", "found undefined alias"),
        ("a: !!python/object:os.system {}\n", "is not YAML: could not determine a constructor"),
        (f"a: {'9' * 5000}\n", "has a value that cannot be read"),
    ],
)
def test_what_cannot_be_understood_is_a_problem_and_never_a_crash(text: str, message: str) -> None:
    result = validate("-f", "-", stdin=text)
    assert result.exit_code == 1, result.output
    assert message in result.stdout


def test_another_tools_slo_is_skipped() -> None:
    result = validate("-f", "-", stdin="apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: a}\n")
    assert result.exit_code == 0
    assert "skipped: SLO a is not of backstop.dev" in result.stdout
    assert "warning: nothing of backstop.dev was found" in result.stdout


def test_text_that_is_not_utf_8_is_a_problem() -> None:
    result = validate("-f", "-", stdin=b"\xff\xfe\x00")
    assert (result.exit_code, "is not UTF-8" in result.stdout) == (1, True)


def test_a_byte_order_mark_is_no_problem() -> None:
    assert validate("-f", "-", stdin=GOOD.encode("utf-8-sig")).exit_code == 0


def test_aliases_that_multiply_are_read_in_no_time() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    assert validate("-f", "-", stdin=bomb + "apiVersion: v1\nkind: ConfigMap\n").exit_code == 0


@pytest.mark.parametrize("problem", ["missing.yaml", "empty-folder"])
def test_what_cannot_be_read_ends_with_2(tmp_path: Path, problem: str) -> None:
    (tmp_path / "empty-folder").mkdir()
    result = validate("-f", tmp_path / problem)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_no_file_at_all_is_a_wrong_call() -> None:
    assert validate().exit_code == 2


@pytest.mark.parametrize(
    ("written", "target"), [("9.99e1", None), ("99.90", None), ("1:30", "is a text"), ("2024-01-01", "is a text")]
)
def test_numbers_and_dates_are_read_as_kubernetes_reads_them(written: str, target: str | None) -> None:
    result = validate("-f", "-", stdin=GOOD.replace("99.9", written))
    assert result.exit_code == (0 if target is None else 1)
    assert (target or "") in result.stdout


def test_the_command_needs_no_cluster_library() -> None:
    loaded = {name.partition(".")[0] for name in _modules_of("import backstop.cli.validate, backstop.cli.crds")}
    assert not loaded & {"kopf", "kubernetes", "aiohttp", "numpy", "prometheus_client", "requests"}


def _modules_of(statement: str) -> list[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
