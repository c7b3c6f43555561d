"""A recorded terminal becomes a block of the README that reads as it was seen."""

import pytest

from tests.docs.capture import END, README, START, as_seen, main, replaced, with_prompt
from tests.docs.pages import text_of

PAGE = f"before\n{START}\nold\n{END}\nafter\n"


@pytest.mark.parametrize(
    ("recorded", "seen"),
    [
        pytest.param("\x1b[32mHealthy\x1b[0m\r\n", "Healthy", id="colours are gone"),
        pytest.param("a\n\x1b[2Kb\n\x1b[1F\x1b[2Kc\nd\n", "a\nc\nd", id="what was drawn over is gone"),
        pytest.param("10 %\r50 %\rdone\n", "done", id="progress keeps its last state"),
        pytest.param(
            "Script started on 2026\n$ make demo\nScript done on 2026\n", "$ make demo", id="script's own lines"
        ),
        pytest.param(".venv/bin/python -m tests.demo up\nup\n", "up", id="the command that make repeats"),
        pytest.param("a   \n\n b\n\n", "a\n\n b", id="blank lines inside stay, blanks at line ends go"),
    ],
)
def test_a_recording_reads_as_it_was_seen(recorded, seen):
    assert as_seen(recorded) == seen


def test_the_command_stands_on_top_whether_it_was_recorded_or_not():
    assert with_prompt("done") == with_prompt("$ make demo\ndone") == "$ make demo\ndone"


def test_the_capture_replaces_what_was_between_the_markers_and_can_be_replaced_again():
    once = replaced(PAGE, "first")
    assert once == f"before\n{START}\n```console\nfirst\n```\n{END}\nafter\n"
    assert replaced(once, "second") == once.replace("first", "second")


@pytest.mark.parametrize(
    ("readme", "capture", "problem"),
    [
        pytest.param(PAGE, " \n", "empty", id="an empty capture"),
        pytest.param(PAGE, "```", "end its block", id="a fence inside"),
        pytest.param("no markers", "text", "must have", id="a README without markers"),
        pytest.param(f"{END}\n{START}", "text", "must have", id="markers in the wrong order"),
    ],
)
def test_what_would_spoil_the_readme_is_refused(readme, capture, problem):
    with pytest.raises(ValueError, match=problem):
        replaced(readme, capture)


def test_the_command_changes_the_readme_only_when_all_is_well(tmp_path, capsys):
    readme, recording = tmp_path / "README.md", tmp_path / "demo.txt"
    readme.write_text(PAGE)
    assert main([str(recording), f"--readme={readme}"]) == 1
    assert "demo.txt" in capsys.readouterr().err
    assert readme.read_text() == PAGE
    recording.write_text("")
    assert main([str(recording), f"--readme={readme}"]) == 1
    assert readme.read_text() == PAGE
    recording.write_text("\x1b[32mdone\x1b[0m\n")
    assert main([str(recording), f"--readme={readme}"]) == 0
    assert "```console\n$ make demo\ndone\n```" in readme.read_text()


def test_the_readme_has_a_place_for_the_capture():
    assert replaced(text_of(README), "text")
