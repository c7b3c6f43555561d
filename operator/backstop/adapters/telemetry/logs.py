"""Structured logs on stderr: one JSON object a line, or readable lines for people; libraries' logs in the same form."""

import logging
import sys
from typing import Any, Final, Literal

import structlog

# Libraries that tell at INFO what is nobody's concern at 3 a.m.
_KOPF_RUNNING: Final = "kopf._core.reactor.running"  # warns at each start that signals are ours, as they should be
_QUIET: Final = ("kopf", "kubernetes", "urllib3", "asyncio", "aiohttp.access")


def configure_logs(*, level: str, form: Literal["json", "console"]) -> None:
    """Set the process's logging. May be called again when the configuration changes."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if form == "json"
        # Plain traces: richer ones print the locals of frames, and with them credentials.
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.captureWarnings(capture=True)  # of libraries, about unverified certificates for one
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger(_KOPF_RUNNING).setLevel(logging.ERROR)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
