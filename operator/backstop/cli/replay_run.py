"""Runs the replay of a command: from where to where, in which steps, and what is recorded."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from backstop.api.configuration import Source
from backstop.bootstrap.replay import Past, connected
from backstop.cli.errors import CannotRun
from backstop.cli.printable import printable
from backstop.cli.progress import progress
from backstop.cli.remarks import echo
from backstop.cli.replay_text import json_line
from backstop.cli.slo_files import SloFiles
from backstop.cli.times import MINUTE, Instant, default_step, moments, shown
from backstop.domain.alert_policy import ABOUT_SLOS, AlertPolicy
from backstop.domain.duration import format_duration
from backstop.engine.conditions import rfc3339_of
from backstop.engine.replay import Moment, Replay
from backstop.engine.replay_alerts import policies_about, refusals
from backstop.engine.replay_begin import nothing_known
from backstop.engine.replay_records import Recorder


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which moments; `step` None: one that makes a readable number of rows."""

    start: Instant
    start_is_default: bool
    end: Instant
    step: float | None
    quiet: bool


class Records:
    """What was replayed, in order of time."""

    def __init__(self, *, streamed: bool, with_alerts: bool = False) -> None:
        """`streamed`: every record is printed as it comes, as a line of JSON. `with_alerts`: policies are replayed."""
        self._recorder = Recorder()
        self.with_alerts = with_alerts
        self.streamed = streamed
        self.all: list[dict[str, Any]] = []

    def add(self, moment: Moment) -> None:
        """Record the changes since the moment before, and the numbers of this one."""
        new = [self._recorder.change(change) for change in moment.changes]
        new += [self._recorder.alert(change) for change in moment.alerts]
        new.sort(key=lambda record: str(record["time"]))
        new += [self._recorder.row(assessment) for assessment in moment.assessments]
        self.all += new
        if self.streamed:
            for record in new:
                click.echo(json_line(record))

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [record for record in self.all if record["type"] == "row"]

    @property
    def changes(self) -> list[dict[str, Any]]:
        return [record for record in self.all if record["type"] == "change"]

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [record for record in self.all if record["type"] == "alert"]


async def replay(files: SloFiles, source: Source, asked: Asked, records: Records) -> Mapping[str, str]:
    """Replay, and return the SLOs on which we failed ourselves."""
    async with connected(source) as past:
        start, end = asked.start(past.now), asked.end(past.now)
        _check_times(start, end, past.now)
        times = _times(start, end, asked.step)
        _tell_what_has_no_say(files, start)
        run = _Run(past, files, end, files.policies)
        async with progress(past.clock, run.told, quiet=asked.quiet):
            first = await run.begin(start)
            if nothing_known(first.assessments) and (begins := await run.data_begins()) > start:
                _check_begin(begins, start, end, may_move=asked.start_is_default)
                times = _times(begins, end, asked.step)
                first = await run.begin(begins)
            records.add(first)
            for at in times[1:]:
                records.add(await run.replay.advance(at))
        return run.replay.faults


async def evaluate(
    files: SloFiles, source: Source, at: Instant, *, quiet: bool
) -> tuple[dict[str, Any], Mapping[str, str]]:
    """Return what is known at one moment, and the SLOs on which we failed ourselves."""
    async with connected(source) as past:
        moment = at(past.now)
        if moment > past.now:
            raise click.BadParameter(f"{shown(moment)} is to come; the source has {shown(past.now)}", param_hint="--at")
        run = _Run(past, files, moment)
        async with progress(past.clock, run.told, quiet=quiet):
            found = await run.begin(moment)
            if nothing_known(found.assessments) and (begins := await run.data_begins()) > moment:
                raise CannotRun(f"data begins at {shown(begins)}, after --at ({shown(moment)}); ask for a later moment")
        recorder = Recorder()
        slos = [recorder.snapshot(assessment) for assessment in found.assessments]
        return {"time": rfc3339_of(moment), "slos": slos}, run.replay.faults


class _Run:
    """One replay under way, and how far it is."""

    def __init__(self, past: Past, files: SloFiles, end: float, policies: Sequence[AlertPolicy] = ()) -> None:
        self._past, self._files, self._end, self._policies = past, files, end, policies
        self._start = end
        self._replay: Replay | None = None

    @property
    def replay(self) -> Replay:
        if self._replay is None:
            raise RuntimeError("the replay has not begun")
        return self._replay

    async def begin(self, start: float) -> Moment:
        """Begin anew at `start`, and return what is known then."""
        self._start = start
        exclusions = self._files.exclusions(start, self._end)
        self._replay = self._past.replay(
            self._files.slos, start=start, end=self._end, exclusions=exclusions, policies=self._policies
        )
        return await self._replay.advance(start)

    async def data_begins(self) -> float:
        """Return the first minute with data from the beginning on. Raises CannotRun when there is none."""
        begins = await self._past.begins(self._files.slos, start=self._start)
        if begins is None:
            raise CannotRun(
                f"the source has no samples of these SLOs at {shown(self._start)} or later;"
                " check their selectors, and whether --source is the right server"
            )
        return math.ceil(begins / MINUTE) * float(MINUTE)

    def told(self, seconds: float) -> str:
        """Return how far it is, `seconds` after it began."""
        at, queries = (self._start, 0) if self._replay is None else (self._replay.at, self._replay.queries)
        done = (at - self._start) / (self._end - self._start) if self._end > self._start else 0.0
        if done <= 0:
            return f"reading the history before {shown(self._start)}, {queries} queries"
        left = format_duration(math.ceil(seconds / done - seconds))
        return f"{done:4.0%}  {shown(at)}, {queries} queries, about {left} left"


def _tell_what_has_no_say(files: SloFiles, start: float) -> None:
    """Tell which rules are not replayed, and which are not in force for an SLO."""
    for policy in files.policies:
        others = [rule.name for rule in policy.rules if rule.enabled and not isinstance(rule.when, ABOUT_SLOS)]
        if others:
            what = f"AlertPolicy {policy.key}: {', '.join(others)}"
            echo(printable(f"{what}: not replayed, since only rules about SLOs are"), err=True)
        if not any(policy in policies_about(slo, files.policies) for slo in files.slos):
            echo(printable(f"AlertPolicy {policy.key}: it selects no SLO of the files"), err=True)
    for refusal in refusals(files.slos, files.policies, at=start):
        echo(printable(refusal), err=True)


def _times(start: float, end: float, step: float | None) -> list[float]:
    try:
        return moments(start, end, default_step(end - start) if step is None else step)
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="--step") from problem


def _check_times(start: float, end: float, now: float) -> None:
    if end > now:
        raise click.BadParameter(f"{shown(end)} is to come; the source has {shown(now)}", param_hint="--to")
    if start >= end:
        raise click.BadParameter(f"{shown(start)} is not before --to, {shown(end)}", param_hint="--from")


def _check_begin(begins: float, start: float, end: float, *, may_move: bool) -> None:
    """Refuse a replay of time without data, unless it may begin where data does; say so then."""
    if begins >= end:
        raise CannotRun(f"data begins at {shown(begins)}, after --to ({shown(end)})")
    if not may_move:
        raise CannotRun(f"data begins at {shown(begins)}, after --from ({shown(start)}); write --from {shown(begins)}")
    echo(f"data begins at {shown(begins)}; replayed from there", err=True)
