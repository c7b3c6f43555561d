"""Committed files that follow from the models and the vocabulary are up to date."""

from pathlib import Path

from tests.generate import GENERATORS
from tests.generators import vocabulary_reference
from tests.generators.registry import Generator, differences, write


def test_what_is_committed_is_what_would_be_generated() -> None:
    assert not list(differences(GENERATORS)), "run `make crds` and commit what it writes"


def test_generating_writes_what_differs_and_removes_what_is_not_made_any_more(tmp_path: Path) -> None:
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "old.yaml").write_text("old")
    (tmp_path / "crds" / "same.yaml").write_text("same")
    (tmp_path / "crds" / "notes.md").write_text("not ours")
    generator = Generator(make=lambda: {"crds/same.yaml": "same", "crds/new.yaml": "new"}, owns=("crds/*.yaml",))
    assert list(differences((generator,), tmp_path)) == [
        "crds/new.yaml is missing",
        "crds/old.yaml is not generated any more",
    ]
    assert list(write((generator,), tmp_path)) == ["wrote crds/new.yaml", "removed crds/old.yaml"]
    assert not list(differences((generator,), tmp_path))
    assert sorted(path.name for path in (tmp_path / "crds").iterdir()) == ["new.yaml", "notes.md", "same.yaml"]


def test_a_changed_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("edited by hand")
    assert list(differences((Generator(make=lambda: {"a.md": "made"}, owns=()),), tmp_path)) == ["a.md differs"]


def test_every_name_of_the_vocabulary_has_a_meaning() -> None:
    (text,) = vocabulary_reference.make().values()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    assert not [row for row in rows if row.endswith(("| |", "* |"))]
