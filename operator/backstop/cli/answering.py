"""Says something of an incident, and waits until the operator has recorded it."""

import difflib
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from backstop.bootstrap.client import Scope
from backstop.bootstrap.incidents import Cluster, Object, connected
from backstop.cli.answers import Answer, new_entries, refusal, standing
from backstop.cli.cluster_options import run
from backstop.cli.errors import NotRecorded, Objection
from backstop.cli.incident_text import moment, severity_of, state_of
from backstop.cli.printable import printable
from backstop.cli.progress import progress
from backstop.cli.times import DurationParam
from backstop.domain.errors import AccessDenied, ClusterUnavailable, Conflict
from backstop.vocabulary import LEASE_NAME, MAX_TEXT_LENGTH

F = TypeVar("F", bound=Callable[..., Any])

TRIES: Final = 5  # to write: the operator writes the same object
LOOK_SECONDS: Final = 0.25  # between two looks at the status
_NEAR: Final = 3  # names that are suggested
_LOOK: Final = (
    "the operator will record what is stored once it runs."
    f" Does it run? kubectl get lease -A --field-selector metadata.name={LEASE_NAME}"
)


def waiting_options(command: F) -> F:
    """Add the options that tell whether to wait for the operator, and for how long."""
    wait = click.option("--wait/--no-wait", default=True, help="Wait until the operator has recorded it (default).")
    timeout = click.option(
        "--timeout", type=DurationParam(), default="30s", show_default=True, help="How long to wait at most."
    )
    return wait(timeout(command))


def said(
    context: click.Context,  # noqa: ARG001  click's signature
    parameter: click.Parameter,  # noqa: ARG001
    value: str | None,
    *,
    most: int = MAX_TEXT_LENGTH,
) -> str | None:
    """Return what somebody says without blanks around it; a callback of options and arguments. Raises BadParameter."""
    if value is None:
        return None
    text = value.strip()
    if not text:
        raise click.BadParameter("is empty; say in a few words what others should know")
    if len(text) > most:
        raise click.BadParameter(f"has {len(text)} characters, more than {most}; shorten it, or link to it")
    return text


def answer(name: str, given: Answer, *, wait: bool, timeout: float, **scope: Any) -> None:
    """Give an answer and print what the operator made of it."""
    run(_answer(Scope(**scope), name, given, patience=timeout if wait else None))


async def named(cluster: Cluster, name: str) -> Object:
    """Return an incident. Raises Objection, with names that are near, when there is none of that name."""
    found = await cluster.incident(name)
    if found is not None:
        return found
    raise Objection(
        printable(f"no incident named {name} in namespace {cluster.namespace}; {await _near(cluster, name)}")
    )


async def _answer(scope: Scope, name: str, given: Answer, *, patience: float | None) -> None:
    """Give the answer; wait for the operator as long as `patience` says, in seconds."""
    async with connected(scope) as cluster:
        user = await cluster.caller()
        until = cluster.clock.monotonic() + (patience or 0.0)
        async with progress(cluster.clock, lambda _: "waiting for the operator to record it", quiet=False):
            before = await _given(cluster, name, given, user, until=until)
            after = None if patience is None else await _recorded(cluster, before, given, user, until=until)
        if after is None:
            click.echo(printable(f"{_key(before)}: {given.what} of {user} is stored; the operator will record it"))
        else:
            _print(before, after)


async def _given(cluster: Cluster, name: str, given: Answer, user: str, *, until: float) -> Object:
    """Write the answer, unless the incident objects, and return the incident as it was before.

    What somebody said before is left to the operator to read first, up to a moment of the monotonic clock.
    """
    annotations = given.annotations(user)
    tries = 0
    while tries < TRIES:
        incident = await named(cluster, name)
        if (objection := given.objection(incident)) is not None:
            raise Objection(printable(f"{_key(incident)} {objection}"))
        if (other := standing(incident, annotations)) is not None:
            if cluster.clock.monotonic() >= until:
                raise NotRecorded(printable(_not_given(incident, other)))
            await cluster.clock.sleep(LOOK_SECONDS)
            continue
        tries += 1
        try:
            if await cluster.annotate(incident, annotations) is not None:
                return incident
        except Conflict:
            continue  # it moved on: read again, decide again
    raise ClusterUnavailable(f"incident {name} changed {TRIES} times while {given.what} was written; try again")


async def _recorded(cluster: Cluster, before: Object, given: Answer, user: str, *, until: float) -> Object:
    """Return the incident once its status shows the answer. Raises Objection and NotRecorded."""
    while True:
        after = await named(cluster, before["metadata"]["name"])
        if (refused := refusal(user, before, after)) is not None:
            raise Objection(printable(f"{_key(after)}: the operator refused {given.what}: {refused}"))
        if given.recorded(user, before, after):
            return after
        if cluster.clock.monotonic() >= until:
            raise NotRecorded(printable(f"{_key(before)}: {given.what} is stored, but not recorded in time; {_LOOK}"))
        await cluster.clock.sleep(LOOK_SECONDS)


async def _near(cluster: Cluster, name: str) -> str:
    try:
        names = [incident["metadata"]["name"] for incident in await cluster.incidents()]
    except AccessDenied:
        names = []  # who may read one by its name may not be allowed to list
    near = difflib.get_close_matches(name, names, n=_NEAR, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else "backstop incidents -A --all shows all"


def _print(before: Object, after: Object) -> None:
    click.echo(printable(f"{_key(after)}  {severity_of(after)}  {state_of(after)}"))
    for entry in new_entries(before, after):
        by = f" ({entry['by']})" if entry.get("by") else ""
        click.echo(printable(f"  {moment(entry.get('at'))}  {entry.get('kind', '-')}  {entry.get('text', '')}{by}"))


def _not_given(incident: Object, other: str) -> str:
    return (
        f"{_key(incident)}: nothing was stored, since the operator is not done with an answer before ({other}); {_LOOK}"
    )


def _key(incident: Object) -> str:
    metadata = incident["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"
