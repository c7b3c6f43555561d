"""Every link leads somewhere, and every file and test that a page names exists."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.cluster.paths import REPOSITORY
from tests.docs.pages import anchors, links, name_of, pages, spans, text_of

IN_THE_REPOSITORY = re.compile(r"^(?:operator|tests|docs|charts|crds|manifests)/[\w./{},-]*$")
TEST_NAME = re.compile(r"^(?P<file>tests/[\w/]+\.py)::(?P<function>\w+)$")
REQUIRED = (
    "docs/index.md", "docs/architecture.md", "docs/explanation/error-budget.md", "docs/explanation/evidence.md",
    "docs/how-to/develop.md", "docs/how-to/write-an-slo.md", "docs/how-to/alert-on-unknown.md",
    "docs/how-to/run-from-a-laptop.md",
)  # fmt: skip


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_relative_link_leads_to_a_file_and_a_heading_of_it(page: Path):
    broken = []
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            broken.append(f"{target}: no such file")
        elif not file.is_relative_to(REPOSITORY):
            broken.append(f"{target}: outside of the repository")
        elif anchor and anchor not in anchors(file):
            broken.append(f"{target}: no such heading")
    assert broken == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_path_of_the_repository_that_a_page_names_exists(page: Path):
    named = {span for span in spans(page) if IN_THE_REPOSITORY.match(span) and not {"*", "{", "<"} & set(span)}
    assert sorted(path for path in named if not (REPOSITORY / path).exists()) == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_test_that_a_page_names_as_proof_exists(page: Path):
    named = [found for span in spans(page) if (found := TEST_NAME.match(span))]
    missing = [f[0] for f in named if f["function"] not in functions_of(REPOSITORY / f["file"])]
    assert missing == []


def test_every_page_can_be_reached_from_the_readme():
    seen, todo = set(), [REPOSITORY / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        todo += [
            file for target in links(page) if (file := (page.parent / target.partition("#")[0]).resolve()).is_file()
        ]
    assert sorted(name_of(page) for page in set(pages()) - seen) == []


def test_the_pages_that_others_count_on_are_there():
    assert [path for path in REQUIRED if not (REPOSITORY / path).is_file()] == []


def test_no_page_names_a_path_of_one_machine():
    leaked = [name_of(p) for p in pages() if re.search(r"(?<![\w.~/$])/(?:home|root|work|Users)/", text_of(p))]
    assert leaked == []


def test_decisions_are_numbered_without_gaps_and_listed_in_the_index():
    found = sorted((REPOSITORY / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in found] == list(range(1, len(found) + 1))
    listed = links(REPOSITORY / "docs" / "index.md")
    assert [path.name for path in found if f"adr/{path.name}" not in listed] == []


@pytest.mark.parametrize("page", sorted((REPOSITORY / "docs" / "adr").glob("[0-9]*.md")), ids=name_of)
def test_a_decision_says_why_what_lost_what_follows_and_how_it_would_show_to_be_wrong(page: Path):
    expected = ["Context", "Options", "Decision", "Consequences", "How we would notice that it was wrong"]
    assert re.findall(r"^## (.+)$", text_of(page), re.MULTILINE) == expected


@cache
def functions_of(file: Path) -> frozenset[str]:
    if not file.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return frozenset(n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def test_pages_are_all_in_git_or_about_to_be():
    """An ignored page would be read here and missing for everybody else."""
    done = subprocess.run(["git", "check-ignore", *map(str, pages())], cwd=REPOSITORY, capture_output=True, check=False)
    assert done.stdout == b""
