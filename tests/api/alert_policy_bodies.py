"""AlertPolicies as people write them, for the tests of the API."""

from typing import Any

BURN_RATE = {"long": "1h", "short": "5m", "budgetPercent": 2}
QUERY = {"expr": "db_pool_in_use / db_pool_size", "op": "gte", "value": 0.9}
FAILURES = {"cronJob": "nightly-backup", "count": 3, "within": "60m"}


def policy_body(**spec: Any) -> dict[str, Any]:
    """Return a valid AlertPolicy with fields of its spec replaced; a value of `...` removes the field."""
    merged = {"rules": [a_rule()]} | spec
    return {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "AlertPolicy",
        "metadata": {"name": "shop", "namespace": "shop", "uid": "0-1", "generation": 3},
        "spec": {key: value for key, value in merged.items() if value is not ...},
    }


def a_rule(**fields: Any) -> dict[str, Any]:
    rule = {"name": "fast-burn", "severity": "P0", "when": {"burnRate": dict(BURN_RATE)}, "notify": ["oncall"]}
    return {key: value for key, value in (rule | fields).items() if value is not ...}


def with_rule(**fields: Any) -> dict[str, Any]:
    """Return a policy with one rule, some of whose fields are replaced."""
    return policy_body(rules=[a_rule(**fields)])


def when(**kinds: Any) -> dict[str, Any]:
    return with_rule(when=kinds)


def burn_rate(**fields: Any) -> dict[str, Any]:
    return when(burnRate={key: value for key, value in (BURN_RATE | fields).items() if value is not ...})


def query(**fields: Any) -> dict[str, Any]:
    return when(query={key: value for key, value in (QUERY | fields).items() if value is not ...})


def failures(**fields: Any) -> dict[str, Any]:
    return when(consecutiveFailures={key: value for key, value in (FAILURES | fields).items() if value is not ...})


def escalation(**fields: Any) -> dict[str, Any]:
    return policy_body(escalation=fields)


def named_rules(count: int) -> list[dict[str, Any]]:
    return [a_rule(name=f"rule-{index}") for index in range(count)]


ACCEPTED: dict[str, dict[str, Any]] = {
    "a burn rate by budget": policy_body(),
    "a burn rate by factor": burn_rate(budgetPercent=..., factor=14.4, window="30d"),
    "a factor of one": burn_rate(budgetPercent=..., factor=1),
    "the whole budget": burn_rate(budgetPercent=100),
    "a budget that is gone": when(budgetRemainingBelow={"percent": 0, "window": "30d"}),
    "a budget that is overspent": when(budgetRemainingBelow={"percent": -12.5}),
    "soon": when(exhaustsWithin={"duration": "4h", "lookback": "30m", "window": "30d"}),
    "blind": when(noData={"for": "10m"}),
    "blind at once": when(noData={"for": "0s"}),
    "a query": query(**{"for": "10s", "interval": "5s", "onEmpty": "Clear", "targetLabel": "pod", "source": "other"}),
    "a query below zero": query(op="lt", value=-1e9),
    "a query with a filter": query(expr="x > 0", onEmpty="Clear"),
    "a node": when(
        nodeCondition={"type": "Ready", "status": ["False", "Unknown"], "for": "5m", "selector": {"a": "b"}}
    ),
    "any node": when(nodeCondition={"type": "DiskPressure", "status": ["True"]}),
    "failures of a CronJob": failures(),
    "failures of Jobs": failures(cronJob=..., jobs={"selector": {"app": "encoder"}}),
    "no success of a CronJob": when(noSuccess={"cronJob": "nightly-backup", "within": "26h"}),
    "no success of Jobs": when(noSuccess={"jobs": {"selector": {"app": "encoder"}}, "within": "26h"}),
    "a preset alone": policy_body(rules=..., preset="google-sre", presetNotify=["oncall"]),
    "a preset with overrides": policy_body(
        preset="google-sre",
        tiers=[{"name": "google-sre-3d", "enabled": False}, {"name": "google-sre-1h", "severity": "P1"}],
    ),
    "SLOs by name": policy_body(slos={"names": ["checkout-availability"]}),
    "SLOs by labels": policy_body(slos={"matchLabels": {"team": "payments"}}),
    "a rule with everything of its own": with_rule(
        enabled=False, keepFiringFor="5m", acknowledgeWithin="5m", resolveWithin="1h", notify=["oncall", "team"]
    ),
    "what incidents share": policy_body(incidentBy="group", inhibit=False, reopenWithin="0s"),
    "deadlines": escalation(
        acknowledgeWithin={"P0": "5m", "P3": "24h"}, resolveWithin={"P0": "1h"}, updateEvery={"P1": "1h"}
    ),
    "as many rules as may be": policy_body(rules=named_rules(32)),
}

# Refused by the schema and its rules as well as by us: body, path, and words of the server's message.
REFUSED_BY_THE_SCHEMA: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing to judge": (policy_body(rules=...), "spec", "preset or rules must be set"),
    "no rules": (policy_body(rules=[]), "spec.rules", "at least 1"),
    "33 rules": (policy_body(rules=named_rules(33)), "spec.rules", "at most 32"),
    "two rules of a name": (policy_body(rules=[a_rule(), a_rule()]), "spec.rules", "Duplicate"),
    "channels of a preset that is not there": (
        policy_body(presetNotify=["oncall"]), "spec", "presetNotify belongs to preset",
    ),
    "tiers of a preset that is not there": (
        policy_body(tiers=[{"name": "google-sre-1h"}]), "spec", "tiers belongs to preset",
    ),
    "a tier that does not exist": (
        policy_body(preset="google-sre", tiers=[{"name": "fast"}]), "spec.tiers[0].name", "google-sre-1h",
    ),
    "a rule with the name of a tier": (
        policy_body(preset="google-sre", rules=[a_rule(name="google-sre-6h")]),
        "spec",
        "names of rules must be none of",
    ),
    "another preset": (policy_body(preset="google"), "spec.preset", "google-sre"),
    "an empty selector": (policy_body(slos={}), "spec.slos", "an empty selector matches nothing"),
    "two selectors": (
        policy_body(slos={"names": ["a"], "matchLabels": {"a": "b"}}), "spec.slos", "exactly one of names, matchLabels",
    ),
    "a severity that does not exist": (with_rule(severity="P4"), "spec.rules[0].severity", "P0"),
    "a name with capitals": (with_rule(name="Fast"), "spec.rules[0].name", "match"),
    "no severity": (with_rule(severity=...), "spec.rules[0].severity", "Required"),
    "no condition": (with_rule(when={}), "spec.rules[0].when", "exactly one of burnRate"),
    "two conditions": (
        when(burnRate=dict(BURN_RATE), noData={"for": "10m"}), "spec.rules[0].when", "exactly one of burnRate",
    ),
    "neither budget nor factor": (
        burn_rate(budgetPercent=...), "spec.rules[0].when.burnRate", "exactly one of budgetPercent, factor",
    ),
    "budget and factor": (
        burn_rate(factor=14.4), "spec.rules[0].when.burnRate", "exactly one of budgetPercent, factor",
    ),
    "no budget at all": (burn_rate(budgetPercent=0), "spec.rules[0].when.burnRate.budgetPercent", "greater than 0"),
    "more than the budget": (
        burn_rate(budgetPercent=100.5), "spec.rules[0].when.burnRate.budgetPercent", "less than or equal to 100",
    ),
    "a factor that never ends a budget": (
        burn_rate(budgetPercent=..., factor=0.9), "spec.rules[0].when.burnRate.factor", "greater than or equal to 1",
    ),
    "short as long as long": (burn_rate(short="60m"), "spec.rules[0].when.burnRate", "short must be shorter than long"),
    "short longer than long": (burn_rate(short="2h"), "spec.rules[0].when.burnRate", "short must be shorter than long"),
    "seconds as long window": (burn_rate(long="90s"), "spec.rules[0].when.burnRate.long", "from 2m to 183d"),
    "more than all is left": (
        when(budgetRemainingBelow={"percent": 101}),
        "spec.rules[0].when.budgetRemainingBelow.percent",
        "less than or equal to 100",
    ),
    "a query without a comparison": (
        query(op=..., value=...), "spec.rules[0].when.query", "both op and value must be set",
    ),
    "a query without a value": (query(value=...), "spec.rules[0].when.query", "both op and value must be set"),
    "no query": (query(expr=...), "spec.rules[0].when.query", "exactly one of expr, named"),
    "an operator of PromQL": (query(op=">="), "spec.rules[0].when.query.op", "gte"),
    "a query of 4,097 characters": (query(expr="x" * 4097), "spec.rules[0].when.query.expr", "4096"),
    "no status of a node": (
        when(nodeCondition={"type": "Ready", "status": []}), "spec.rules[0].when.nodeCondition.status", "at least 1",
    ),
    "an empty selector of nodes": (
        when(nodeCondition={"type": "Ready", "status": ["True"], "selector": {}}),
        "spec.rules[0].when.nodeCondition.selector",
        "at least 1",
    ),
    "an empty selector of Jobs": (
        failures(cronJob=..., jobs={"selector": {}}),
        "spec.rules[0].when.consecutiveFailures.jobs.selector",
        "at least 1",
    ),
    "nothing that fails": (
        failures(cronJob=...), "spec.rules[0].when.consecutiveFailures", "exactly one of cronJob, jobs",
    ),
    "no failure": (
        failures(count=0), "spec.rules[0].when.consecutiveFailures.count", "greater than or equal to 1",
    ),
    "17 channels": (with_rule(notify=[f"c{n}" for n in range(17)]), "spec.rules[0].notify", "at most 16"),
    "a channel twice": (with_rule(notify=["a", "a"]), "spec.rules[0].notify", "Duplicate"),
    "no deadline at all": (
        escalation(acknowledgeWithin={}), "spec.escalation.acknowledgeWithin", "at least one of P0, P1, P2, P3",
    ),
    "a deadline of a second": (
        escalation(resolveWithin={"P0": "1s"}), "spec.escalation.resolveWithin.P0", "from 1m to 90d",
    ),
    "a word for a duration": (with_rule(keepFiringFor="long"), "spec.rules[0].keepFiringFor", "match"),
    "what incidents cannot share": (policy_body(incidentBy="pod"), "spec.incidentBy", "service"),
}  # fmt: skip

# What only we can tell: path and words of the message.
REFUSED_BY_CONDITION: dict[str, tuple[dict[str, Any], str, str]] = {
    "PromQL that does not parse": (
        query(expr="sum(rate(x[5m])"), "spec.rules[0].when.query.expr", "is not PromQL: ')' is missing at the end",
    ),
    "PromQL with a stray character": (query(expr="a + % b"), "spec.rules[0].when.query.expr", "is not PromQL"),
    "a range": (query(expr="x[5m]"), "spec.rules[0].when.query.expr", "is a range vector, not an instant vector"),
    "a number": (query(expr="1"), "spec.rules[0].when.query.expr", "wrap it in vector(…)"),
    "a key that is no label": (policy_body(slos={"matchLabels": {"a b": "c"}}), "spec.slos.matchLabels", "is no label"),
}  # fmt: skip

LEVELS = [{"notify": ["oncall"]}, {"after": "5m", "notify": ["team-lead"], "unless": "Resolved", "severities": ["P0"]}]

# Understood, and refused until something does it: body and path.
NOT_SUPPORTED_YET: dict[str, tuple[dict[str, Any], str]] = {
    "releases": (when(releaseRegression={}), "spec.rules[0].when.releaseRegression"),
    "queries of administrators": (
        when(query={"named": "gpu-xid", "targetLabel": "node"}), "spec.rules[0].when.query.named",
    ),
    "failures of runbooks": (
        failures(cronJob=..., runbook="relieve-pool"), "spec.rules[0].when.consecutiveFailures.runbook",
    ),
    "failures by query": (failures(cronJob=..., query="failures"), "spec.rules[0].when.consecutiveFailures.query"),
    "no success of runbooks": (
        when(noSuccess={"runbook": "relieve-pool", "within": "1d"}), "spec.rules[0].when.noSuccess.runbook",
    ),
    "no success by query": (
        when(noSuccess={"query": "successes", "within": "1d"}), "spec.rules[0].when.noSuccess.query",
    ),
    "runbooks": (
        with_rule(
            run=[
                {
                    "runbook": "relieve-pool",
                    "parameters": {"ip": {"fromLabel": "client_ip"}},
                    "onClear": "tidy-up",
                    "oncePer": "Incident",
                }
            ]
        ),
        "spec.rules[0].run",
    ),
    "freezes": (
        with_rule(freezeDeploys={"untilRemainingAbove": 5, "maxDuration": "7d"}), "spec.rules[0].freezeDeploys",
    ),
    "a chain of a rule": (with_rule(escalation="databases"), "spec.rules[0].escalation"),
    "levels": (escalation(levels=LEVELS), "spec.escalation.levels"),
    "repeats": (escalation(repeat=3), "spec.escalation.repeat"),
    "chains": (escalation(chains=[{"name": "databases", "levels": LEVELS, "repeat": 2}]), "spec.escalation.chains"),
    "active times": (
        policy_body(
            activeTimes={
                "timeZone": "Europe/Berlin",
                "days": ["Mon-Fri", "Sun"],
                "times": ["09:00-17:00", "20:00-24:00"],
                "severities": ["P2", "P3"],
            }
        ),
        "spec.activeTimes",
    ),
}  # fmt: skip
