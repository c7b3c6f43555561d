"""Records of a replay as text: a table for people, CSV for spreadsheets, one JSON object a line for programs."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import click

from backstop.cli.printable import printable
from backstop.cli.table import COLOURS, Cell, Column, colours_wanted, number, render
from backstop.cli.times import shown
from backstop.domain.duration import format_duration
from backstop.vocabulary import BURN_WINDOWS

Record = Mapping[str, Any]  # as engine/replay_records.py makes them

BURNS_OF_A_TABLE: Final = ("1h", "6h", "1d")
_WINDOW_FIELDS: Final = ("sli", "remainingPercent", "consumedPercent", "goodEvents", "badEvents", "coverage")
CSV_COLUMNS: Final = (
    "time",
    "slo",
    "window",
    *_WINDOW_FIELDS,
    *(f"burnRate{name}" for name in BURN_WINDOWS),
    "state",
    "reason",
)


def json_line(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def csv_text(rows: Sequence[Record]) -> str:
    """Return a line per moment, SLO and window; what is not known is empty. Changes of state are not in it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        burn = {f"burnRate{name}": rate for name, rate in row.get("burnRates", {}).items() if name in BURN_WINDOWS}
        about = {name: row[name] for name in ("time", "slo", "state", "reason")}
        for window in row["windows"]:
            numbers = {name: window[name] for name in _WINDOW_FIELDS if name in window}
            writer.writerow(about | {"window": window["name"]} | numbers | burn)
    return text.getvalue()


def table_text(rows: Sequence[Record], changes: Sequence[Record], alerts: Sequence[Record] | None = None) -> str:
    """Return a line per moment, SLO and window, and below it the changes of state, and what would have fired.

    `alerts` None: no policy was replayed.
    """
    columns = [Column("TIME", "time"), *columns_of(rows)]
    lines = [{"time": Cell(_shown(row["time"])), **cells} for row in rows for cells in cells_of(row)]
    text = f"{render(columns, lines)}\n\n{_changes(changes)}"
    return text if alerts is None else f"{text}\n\n{_alerts(alerts)}"


def columns_of(rows: Sequence[Record], *, burns: Sequence[str] = BURNS_OF_A_TABLE) -> list[Column]:
    """Return the columns that tell about windows; the SLO and the window only where there are several."""
    several_slos = len({row["slo"] for row in rows}) > 1
    several_windows = any(len(row["windows"]) > 1 for row in rows)
    return [
        *([Column("SLO", "slo")] if several_slos else []),
        *([Column("WINDOW", "window")] if several_windows else []),
        Column("SLI", "sli", right=True),
        Column("REMAINING", "remaining", right=True),
        Column("COVERAGE", "coverage", right=True),
        *(Column(f"BURN {name.upper()}", f"burn_{name}", right=True) for name in burns),
        Column("STATE", "state"),
        Column("REASON", "reason"),
    ]


def cells_of(row: Record) -> Iterator[dict[str, Cell]]:
    """Yield the cells of each window; what is not known is a dash."""
    burn, colour = row.get("burnRates", {}), COLOURS.get(row["state"])
    for window in row["windows"]:
        yield {
            "slo": Cell(row["slo"]),
            "window": Cell(window["name"]),
            "sli": Cell(number(window.get("sli"), "{:.3f}%")),
            "remaining": Cell(number(window.get("remainingPercent"), "{:.1f}%"), colour),
            "coverage": Cell(number(window.get("coverage"), "{:.1%}")),
            **{f"burn_{name}": Cell(number(burn.get(name), "{:.2f}")) for name in BURN_WINDOWS},
            "state": Cell(row["state"], colour),
            "reason": Cell(row["reason"]),
        }


def _changes(changes: Sequence[Record]) -> str:
    if not changes:
        return "No change of state."
    lines = []
    for change in changes:
        before, after = (_coloured(change[name]) for name in ("from", "to"))
        lines.append(f"  {_shown(change['time'])}  {change['slo']}  {before} → {after}: {printable(change['message'])}")
    return "\n".join([f"{len(changes)} changes of state:" if len(changes) > 1 else "1 change of state:", *lines])


def _alerts(alerts: Sequence[Record]) -> str:
    """Return a line for each time that an alert fires, with how long that lasts."""
    fired = [alert for alert in alerts if alert["fires"]]
    if not fired:
        return "No alert would have fired."
    lines = []
    for alert in fired:
        ends = (end["time"] for end in alerts if not end["fires"] and end["time"] > alert["time"] and _same(end, alert))
        until = next((f"until {_shown(end)}" for end in ends), "to the end")
        after = (
            f"{format_duration(alert['afterSeconds'])} after the first bad slice, " if "afterSeconds" in alert else ""
        )
        group = ",".join(f"{label}={value}" for label, value in alert.get("group", {}).items())
        about = f"{alert['slo']}{{{group}}}" if group else alert["slo"]
        what = f"{_shown(alert['time'])}  {about}  {alert['rule']} ({alert['severity']})"
        lines.append(printable(f"  {what}: {after}{until}: {alert['message']}"))
    count = f"{len(fired)} times an alert would have fired:" if len(fired) > 1 else "Once an alert would have fired:"
    return "\n".join([count, *lines])


def _same(one: Record, other: Record) -> bool:
    return all(one.get(name) == other.get(name) for name in ("policy", "rule", "slo", "group"))


def _coloured(state: str) -> str:
    return click.style(state, fg=COLOURS.get(state)) if colours_wanted() else state


def _shown(time: str) -> str:
    return shown(datetime.fromisoformat(time).timestamp())
