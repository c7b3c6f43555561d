"""`backstop replay`: what the operator would have said over the past of a source."""

import asyncio
import importlib.util
import sys
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from backstop.cli.errors import CannotRun
from backstop.cli.files import files_option
from backstop.cli.source_options import as_options, source_of, source_options
from backstop.cli.times import DurationParam, InstantParam
from backstop.domain.errors import BackstopError

FORMATS: Final = ("table", "json", "csv", "png")

EXAMPLES = """\b
Examples:
  backstop replay -f slo.yaml --source http://localhost:9090
  backstop replay -f slos/ --source http://localhost:9090 --from -7d --step 1h
  backstop replay -f slo.yaml --source https://prometheus.example --from 2026-03-01 --to 2026-03-02T12:00:00Z
  backstop replay -f slo.yaml --source http://localhost:9090 -o png --output burn-down.png
  backstop replay -f slo.yaml --source http://localhost:9090 -o json | jq 'select(.type == "change")'

\b
Times: now, -30d (before now), 2026-03-01T10:00:00Z, 2026-03-01 (its midnight in UTC).
Rows are at --from, at the multiples of --step in UTC, and at --to.

With -o json every line is an object. {"type": "row", "time", "slo", "state", "windows", "burnRates", …} has the numbers
of one SLO at one moment, as the operator would have written them into its status; {"type": "change", "time", "slo",
"from", "to", "reason", "message"} is a change of state, to the minute; {"type": "alert", "time", "rule", "severity",
"slo", "fires", "firstBad", "afterSeconds", …} is an alert that begins to fire, or ends to. Lines are in order of time.

AlertPolicies in the files are judged too: which alerts would have fired, when, how long after the first bad slice.

No cluster is asked: spec.workload has no say, and spec.source none either, since every SLO is evaluated over --source.

Exit code: 0 replayed, 1 some objects were refused or failed, the others are shown, 2 nothing can be replayed.
"""


@click.command("replay", epilog=EXAMPLES)
@files_option
@source_options
@click.option("--from", "start", type=InstantParam(), default="-30d", show_default=True, help="First moment.")
@click.option("--to", "end", type=InstantParam(), default="now", show_default=True, help="Last moment.")
@click.option("--step", type=DurationParam(), help="Time between two rows; by default one that makes at most 200.")
@click.option("-o", "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option(
    "--output",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file instead of standard output; png needs one.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(names: tuple[str, ...], form: str, file: Path | None, *, quiet: bool, **rest: Any) -> None:
    """Replay SLOs over the past of any Prometheus: budgets, burn rates and changes of state over time.

    It is the operator's own evaluation, with a clock that runs through the past. Try an SLO before it is applied, or
    see what another target would have meant last month.
    """
    _check_output(form, file)
    # Imported here, so that `backstop replay --help` does not wait for numpy and the HTTP libraries.
    from backstop.cli.replay_output import write  # noqa: PLC0415
    from backstop.cli.replay_run import Asked, Records, replay  # noqa: PLC0415
    from backstop.cli.slo_files import finish, read_slos  # noqa: PLC0415

    asked = Asked(
        start=rest.pop("start"),
        start_is_default=click.get_current_context().get_parameter_source("start") is ParameterSource.DEFAULT,
        end=rest.pop("end"),
        step=rest.pop("step"),
        quiet=quiet,
    )
    source = source_of(**rest)
    files = read_slos(names)
    records = Records(streamed=form == "json" and file is None, with_alerts=bool(files.policies))
    try:
        faults = asyncio.run(replay(files, source, asked, records))
    except BackstopError as problem:
        raise CannotRun(as_options(str(problem))) from problem
    except KeyboardInterrupt:
        sys.exit(130)
    write(form, file, records, files.slos)
    finish(files, faults)


def _check_output(form: str, file: Path | None) -> None:
    """Refuse at once what would fail after minutes."""
    if file is not None and str(file) in FORMATS:
        raise click.BadParameter(f"names a file; for the format write -o {file}", param_hint="--output")
    if file is not None and not file.parent.is_dir():
        raise click.BadParameter(f"there is no folder {file.parent}", param_hint="--output")
    if form == "png":
        if file is None:
            raise click.UsageError("a picture needs a file: -o png --output burn-down.png")
        if importlib.util.find_spec("matplotlib") is None:
            raise CannotRun("-o png draws with matplotlib, which is not installed here: pip install matplotlib")
