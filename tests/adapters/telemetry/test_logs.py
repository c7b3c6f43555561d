import json
import logging
import warnings

import pytest
import structlog

from backstop.adapters.telemetry.logs import configure_logs


@pytest.fixture(autouse=True)
def restored():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def test_ours_and_libraries_logs_are_one_json_object_a_line(capsys):
    configure_logs(level="info", form="json")
    structlog.get_logger("backstop.x").warning("tick.dropped", source="default", slos=3)
    logging.getLogger("some.library").error("it %s", "broke")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines[0] | {"event": "tick.dropped", "source": "default", "slos": 3, "level": "warning"} == lines[0]
    assert lines[1] | {"event": "it broke", "logger": "some.library", "level": "error"} == lines[1]
    assert all("timestamp" in line for line in lines)


def test_levels_are_respected_and_chatty_libraries_kept_quiet(capsys):
    configure_logs(level="info", form="json")
    structlog.get_logger("backstop.x").debug("detail")
    logging.getLogger("kopf.anything").info("chatter")
    logging.getLogger("kopf._core.reactor.running").warning("OS signals are ignored")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_trace_shows_no_locals_of_frames(capsys, form):
    configure_logs(level="info", form=form)

    def login(password):
        raise ValueError("refused")

    secret = "terces-2retnuh"[::-1]  # the source line is in the trace: it must not hold the value
    try:
        login(secret)
    except ValueError:
        structlog.get_logger("backstop.x").exception("login.failed")
    said = capsys.readouterr().err
    assert "ValueError: refused" in said
    assert secret not in said


def test_warnings_of_libraries_become_log_lines(capsys):
    configure_logs(level="info", form="json")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("unverified request", UserWarning, stacklevel=1)
    assert "unverified request" in capsys.readouterr().err
