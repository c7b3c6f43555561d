"""`backstop alerts`: what fires, what is pending and why not yet, what cannot be told."""

import difflib
from collections.abc import Sequence
from typing import Any

import click
import yaml

from backstop.bootstrap.client import Scope
from backstop.bootstrap.incidents import Cluster, Object, connected
from backstop.cli.alert_rows import (
    alert_columns,
    alert_row,
    left_out,
    rule_names,
    rules_named,
    shown_alerts,
    tier_columns,
    tier_row,
    tiers_named,
)
from backstop.cli.cluster_options import again_and_again, clear_screen, list_options, print_objects, run
from backstop.cli.errors import Objection
from backstop.cli.printable import printable, printable_lines
from backstop.cli.table import render

EXAMPLES = """\b
Examples:
  backstop alerts                          alerts of the current namespace that are not clear
  backstop alerts -A -w                    of all namespaces, refreshed every two seconds until interrupted
  backstop alerts --policy checkout -o wide
  backstop alerts --explain fast-burn      windows and factors of a rule for each SLO, and what it says now
  backstop alerts -A -o json | jq '.items[].status.alerts[]?'

\b
STATUS: Firing; Pending: true, but not for long enough, or by too few events to be more than chance; Unknown: neither
fires nor resolves. WHY has the numbers. HELD (wide) is for how long the rule is true, CLEAR for how long not any more.

Exit code: 0 listed, 1 there is no such policy or rule, 2 the cluster cannot be asked.
"""


@click.command("alerts", epilog=EXAMPLES)
@click.option("--policy", metavar="NAME", help="Only those of this AlertPolicy.")
@click.option("--explain", "rule", metavar="RULE", help="Show what a rule or tier asks for, and what it says now.")
@list_options
def command(policy: str | None, rule: str | None, output: str, *, watch: bool, **scope: Any) -> None:
    """Show alerts: what fires, what is pending and why not yet, what cannot be told."""
    run(_show(Scope(**scope), policy, rule, output=output, watch=watch))


async def _show(scope: Scope, policy: str | None, rule: str | None, *, output: str, watch: bool) -> None:
    async with connected(scope) as cluster:

        async def once() -> None:
            policies = _chosen(await cluster.policies(), policy)
            if rule is not None and rule not in (names := rule_names(policies)):
                raise Objection(_missing("rule or tier", rule, names))
            clear_screen(watch=watch)
            if output in ("json", "yaml"):
                print_objects(policies, output)
            else:
                _print(cluster, policies, rule, wide=output == "wide", namespaces=scope.all_namespaces)

        await again_and_again(once, cluster.clock, watch=watch)


def _print(cluster: Cluster, policies: Sequence[Object], rule: str | None, *, wide: bool, namespaces: bool) -> None:
    if rule is not None:
        click.echo(_explanation(policies, rule, namespaces=namespaces))
    now = cluster.clock.now()
    found = [shown for shown in shown_alerts(policies) if rule is None or shown.alert.get("rule") == rule]
    if found:
        rows = [alert_row(shown, now) for shown in found]
        click.echo(render(alert_columns(wide=wide, namespaces=namespaces), rows))
    if rule is None and (more := left_out(policies)):
        click.echo(f"… and {more} more", err=True)
    if not found:
        quiet = "is clear" if rule is not None else "Every alert is clear" if policies else "No alert policies"
        where = "" if rule is not None else " in any namespace" if namespaces else f" in namespace {cluster.namespace}"
        click.echo(f"{rule} {quiet}." if rule is not None else f"{quiet}{where}.", err=True)


def _explanation(policies: Sequence[Object], rule: str, *, namespaces: bool) -> str:
    """Return what is written of a rule, and the tiers that it comes to; with an empty line behind each."""
    text = ""
    for policy, written in rules_named(policies, rule):
        key = f"{policy['metadata']['namespace']}/{policy['metadata']['name']}"
        text += f"{printable(key)}\n{printable_lines(yaml.safe_dump(dict(written), sort_keys=False))}\n"
    tiers = tiers_named(policies, rule)
    if tiers:
        text += f"{render(tier_columns(namespaces=namespaces), [tier_row(tier) for tier in tiers])}\n"
    return text


def _chosen(policies: Sequence[Object], name: str | None) -> list[Object]:
    chosen = [policy for policy in policies if name is None or policy["metadata"]["name"] == name]
    if name is not None and not chosen:
        raise Objection(_missing("alert policy", name, [policy["metadata"]["name"] for policy in policies]))
    return chosen


def _missing(what: str, name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    fix = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names) or 'none'}"
    return printable(f"no {what} named {name} here; {fix}")
