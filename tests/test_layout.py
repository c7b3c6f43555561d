"""Promises of the repository about itself."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_the_standard_library_s_operator_still_imports_from_the_root():
    origin = python("import operator; print(operator.__file__, operator.itemgetter(0)([7]))")
    assert str(ROOT) not in origin
    assert origin.endswith(" 7\n")


def test_nothing_lies_directly_in_the_operator_folder_that_could_shadow_it():
    assert [p.name for p in (ROOT / "operator").iterdir() if p.suffix == ".py"] == []


def test_help_imports_no_client_library():
    heavy = "kopf kubernetes prometheus_api_client pydantic numpy aiohttp requests promql_parser yaml"
    loaded = python(
        "import sys; from click.testing import CliRunner; from backstop.cli.main import main;"
        "r = CliRunner().invoke(main, ['--help']); assert r.exit_code == 0, r.output;"
        f"print(*sorted(set({heavy!r}.split()) & sys.modules.keys()))"
    )
    assert loaded.strip() == ""


def test_no_file_of_the_operator_is_longer_than_one_concept():
    long = {
        str(p.relative_to(ROOT)): n
        for p in (ROOT / "operator").rglob("*.py")
        if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}
