"""SLOs as people write them, for the tests of the API."""

from typing import Any

RATIO = {
    "bad": 'http_requests_total{service="checkout",code=~"5.."}',
    "total": 'http_requests_total{service="checkout"}',
}


def slo_body(**spec: Any) -> dict[str, Any]:
    """Return a valid SLO with fields of its spec replaced; a value of `...` removes the field."""
    merged = {"target": 99.9, "indicator": {"ratio": dict(RATIO)}} | spec
    return {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "SLO",
        "metadata": {"name": "checkout", "namespace": "shop", "uid": "0-1", "generation": 3},
        "spec": {key: value for key, value in merged.items() if value is not ...},
    }


def with_indicator(**kinds: Any) -> dict[str, Any]:
    return slo_body(indicator=kinds)


def ratio(**fields: Any) -> dict[str, Any]:
    return with_indicator(ratio={key: value for key, value in (RATIO | fields).items() if value is not ...})


def calendar(**fields: Any) -> dict[str, Any]:
    return slo_body(windows=[{"name": "period", "calendar": fields}])


def of_time(length: str, *, target: Any = 95, budgeting: str = "Timeslices", **spec: Any) -> dict[str, Any]:
    timeslice = {"length": length, "target": target}
    return slo_body(
        budgeting=budgeting, timeslice={key: value for key, value in timeslice.items() if value is not ...}, **spec
    )


def composite(mode: str = "Weighted", **spec: Any) -> dict[str, Any]:
    indicator = {"composite": {"components": [{"slo": "a"}, {"slo": "b"}], "mode": mode}}
    return slo_body(indicator=indicator, **spec)


# One accepted SLO per kind of indicator, and the example of the design as far as this version goes.
ACCEPTED: dict[str, dict[str, Any]] = {
    "ratio of bad events": slo_body(),
    "ratio of good events": ratio(bad=..., good='http_requests_total{code!~"5.."}'),
    "latency": with_indicator(
        latency={
            "histogram": "http_request_duration_seconds",
            "selector": '{service="checkout"}',
            "threshold": "500ms",
        }
    ),
    "latency of all series": with_indicator(latency={"histogram": "latency_seconds", "threshold": "1s"}),
    "boolean": with_indicator(boolean={"metric": 'probe_success{job="blackbox"}'}),
    "threshold": with_indicator(threshold={"query": "max(queue_depth)", "op": "lt", "value": 100}),
    "query": with_indicator(
        query={
            "bad": "sum(increase(errors_total[$window]))",
            "total": "sum(increase(requests_total[{{.window}}]))",
        }
    ),
    "everything that is supported": slo_body(
        description="Checkout answers without a server error",
        service="checkout",
        windows=[{"name": "30d", "rolling": "30d"}, {"name": "day", "rolling": "24h"}],
        budgeting="Occurrences",
        source="default",
        evaluation={
            "interval": "30s",
            "noData": "Unknown",
            "noTraffic": "Neutral",
            "staleAfter": "2m",
            "minimumEvents": 0,
            "confidence": 0.999,
            "allBadFor": "15m",
        },
        workload={"service": {"name": "checkout"}},
    ),
    "a Deployment as witness": slo_body(workload={"deployment": "checkout"}),
    "a whole number as target": slo_body(target=99),
    "six decimals": slo_body(target=99.999999),
    "a target near zero": slo_body(target=0.000001),
    "the shortest window": slo_body(windows=[{"name": "short", "rolling": "5m"}]),
    "the longest window": slo_body(windows=[{"name": "long", "rolling": "1y1d"}]),
    "a calendar month": calendar(unit="Month"),
    "a calendar of all fields": calendar(
        unit="Week", count=2, start="2026-01-05T06:00", timeZone="America/Argentina/Buenos_Aires"
    ),
    "a calendar that starts on a leap day": calendar(unit="Year", start="2024-02-29T00:00", timeZone="Europe/Berlin"),
    "the longest calendar": calendar(unit="Day", count=366),
    "staleAfter equal to interval": slo_body(evaluation={"interval": "5m", "staleAfter": "300s"}),
    "a window of exactly five slices": of_time("1m", windows=[{"name": "a", "rolling": "5m"}]),
    "slices by their share": of_time("1h", target=..., budgeting="RatioTimeslices"),
    "slices of a calendar month": of_time("5m", windows=[{"name": "a", "calendar": {"unit": "Month"}}]),
    "time without data that is bad": of_time("1m", evaluation={"noData": "Bad"}),
    "a composite by weight": composite(),
    "a composite of which any is bad": composite("AnyBad", budgeting="Timeslices", timeslice={"target": 99}),
    "groups": slo_body(groupBy=["region", "zone"]),
}

# Refused by rules of ours, at apply and by `backstop validate` alike: body, path, and the text, which is the same.
REFUSED_WITH_ONE_TEXT: dict[str, tuple[dict[str, Any], str, str]] = {
    "target of 0": (
        slo_body(target=0),
        "spec.target",
        "must lie between 0 and 100, both excluded; write for example 99.9",
    ),
    "target of 100": (
        slo_body(target=100),
        "spec.target",
        "must lie between 0 and 100, both excluded; write for example 99.9",
    ),
    "target of a slice of 100": (
        of_time("1m", target=100),
        "spec.timeslice.target",
        "must lie between 0 and 100, both excluded; write for example 99.9",
    ),
    "a window shorter than five slices": (
        of_time("5m", windows=[{"name": "a", "rolling": "24m"}]),
        "spec",
        "a rolling window must be at least five slices long; for example rolling: 1h with length: 5m",
    ),
    "a second window shorter than one slice": (
        of_time("1h", windows=[{"name": "a", "rolling": "1d"}, {"name": "b", "rolling": "30m"}]),
        "spec",
        "a rolling window must be at least five slices long; for example rolling: 1h with length: 5m",
    ),
    "slices that do not tile an hour": (
        of_time("7m"),
        "spec.timeslice",
        "length must be 1m, 3m, 5m, 15m, 30m or 1h; for example 5m",
    ),
    "timeslice without its budgeting": (
        slo_body(timeslice={"length": "1m", "target": 95}),
        "spec",
        "timeslice belongs to budgeting Timeslices or RatioTimeslices: set both, or leave timeslice out",
    ),
    "Timeslices without timeslice": (
        slo_body(budgeting="Timeslices"),
        "spec",
        "timeslice belongs to budgeting Timeslices or RatioTimeslices: set both, or leave timeslice out",
    ),
    "Timeslices without a target of a slice": (
        of_time("1m", target=...),
        "spec",
        "timeslice.target must be set with Timeslices, for example 95; leave it out with RatioTimeslices",
    ),
    "RatioTimeslices with a target of a slice": (
        of_time("1m", budgeting="RatioTimeslices"),
        "spec",
        "timeslice.target must be set with Timeslices, for example 95; leave it out with RatioTimeslices",
    ),
    "time without data that is bad, where events are counted": (
        slo_body(evaluation={"noData": "Bad"}),
        "spec",
        (
            "evaluation.noData Bad belongs to budgets of time, since events that nobody saw cannot be counted; write"
            " for example budgeting: Timeslices"
        ),
    ),
    "a composite of which any is bad, where events are counted": (
        composite("AnyBad"),
        "spec",
        (
            "composite.mode AnyBad belongs to budgeting Timeslices; write for example budgeting: Timeslices and"
            " timeslice: {length: 1m, target: 99}"
        ),
    ),
    "groups of a composite": (
        composite(groupBy=["region"]),
        "spec",
        "groupBy belongs to SLOs with series of their own; leave groupBy out of a composite",
    ),
    "stale before the next evaluation": (
        slo_body(evaluation={"interval": "1m", "staleAfter": "59s"}),
        "spec.evaluation",
        "staleAfter must be at least interval; for example interval: 30s and staleAfter: 2m",
    ),
    "a calendar of two years": (
        calendar(unit="Year", count=2),
        "spec.windows[0].calendar",
        (
            "count must be at most 366 for Day, 52 for Week, 12 for Month, 4 for Quarter, 1 for Year (366 days);"
            " for example unit: Month with count: 2"
        ),
    ),
}

# Refused by the schema and its rules as well as by us: body, path, and words of the message.
REFUSED_BY_THE_SCHEMA: dict[str, tuple[dict[str, Any], str, str]] = {
    "target above 100": (slo_body(target=100.5), "spec.target", "less than or equal to 100"),
    "target below 0": (slo_body(target=-1), "spec.target", "greater than or equal to 0"),
    "target in quotes": (slo_body(target="99"), "spec.target", "number"),
    "seven decimals": (slo_body(target=99.9999999), "spec.target", "at most 6 decimals"),
    "no target": (slo_body(target=...), "spec.target", "Required"),
    "window of nothing": (slo_body(windows=[{"name": "a", "rolling": "0s"}]), "spec.windows[0].rolling", "from 5m"),
    "window too short": (slo_body(windows=[{"name": "a", "rolling": "4m59s"}]), "spec.windows[0].rolling", "from 5m"),
    "window too long": (slo_body(windows=[{"name": "a", "rolling": "367d"}]), "spec.windows[0].rolling", "to 366d"),
    "window of nonsense": (slo_body(windows=[{"name": "a", "rolling": "soon"}]), "spec.windows[0].rolling", "match"),
    "neither kind of window": (
        slo_body(windows=[{"name": "a"}]),
        "spec.windows[0]",
        "exactly one of rolling, calendar",
    ),
    "both kinds of window": (
        slo_body(windows=[{"name": "a", "rolling": "1d", "calendar": {"unit": "Day"}}]),
        "spec.windows[0]",
        "exactly one of rolling, calendar",
    ),
    "calendar of nothing": (calendar(), "spec.windows[0].calendar.unit", "Required"),
    "calendar of an unknown unit": (
        calendar(unit="Fortnight"),
        "spec.windows[0].calendar.unit",
        "Unsupported value",
    ),
    "calendar of no unit at all": (calendar(unit="Day", count=0), "spec.windows[0].calendar.count", "equal to 1"),
    "calendar of thirteen months": (
        calendar(unit="Month", count=13),
        "spec.windows[0].calendar",
        "count must be at most 366 for Day",
    ),
    "calendar of two years": (calendar(unit="Year", count=2), "spec.windows[0].calendar", "4 for Quarter, 1 for Year"),
    "calendar that starts on a day that does not exist": (
        calendar(unit="Day", start="2025-02-29T06:00"),
        "spec.windows[0].calendar.start",
        "write a wall-clock time as",
    ),
    "calendar that starts at an hour that does not exist": (
        calendar(unit="Day", start="2025-02-28T24:00"),
        "spec.windows[0].calendar.start",
        "write a wall-clock time as",
    ),
    "calendar that starts on a day without a time": (
        calendar(unit="Day", start="2025-02-28"),
        "spec.windows[0].calendar.start",
        "match",
    ),
    "calendar that starts at an instant": (
        calendar(unit="Day", start="2025-02-28T06:00Z"),
        "spec.windows[0].calendar.start",
        "Too long",
    ),
    "calendar in a zone that cannot be one": (
        calendar(unit="Day", timeZone="Europe Berlin"),
        "spec.windows[0].calendar.timeZone",
        "match",
    ),
    "two windows of one name": (
        slo_body(windows=[{"name": "a", "rolling": "1d"}, {"name": "a", "rolling": "2d"}]),
        "spec.windows",
        "Duplicate value",
    ),
    "five windows": (
        slo_body(windows=[{"name": f"w{n}", "rolling": f"{n}d"} for n in range(1, 6)]),
        "spec.windows",
        "at most 4",
    ),
    "no window": (slo_body(windows=[]), "spec.windows", "at least 1"),
    "no indicator": (slo_body(indicator={}), "spec.indicator", "exactly one of ratio, latency"),
    "two indicators": (
        with_indicator(ratio=RATIO, boolean={"metric": "up"}),
        "spec.indicator",
        "exactly one of ratio, latency",
    ),
    "good and bad": (ratio(good="ok_total"), "spec.indicator.ratio", "exactly one of good, bad"),
    "neither good nor bad": (ratio(bad=...), "spec.indicator.ratio", "exactly one of good, bad"),
    "ratio of numbers": (ratio(total=5), "spec.indicator.ratio.total", "string"),
    "PromQL of 5,000 characters": (ratio(total="a" * 5000), "spec.indicator.ratio.total", "4096"),
    "empty PromQL": (ratio(total=""), "spec.indicator.ratio.total", "at least 1"),
    "unknown budgeting": (slo_body(budgeting="Sometimes"), "spec.budgeting", "Unsupported value"),
    "unknown noData": (slo_body(evaluation={"noData": "Perhaps"}), "spec.evaluation.noData", "Unsupported value"),
    "unknown comparison": (
        with_indicator(threshold={"query": "a", "op": "<", "value": 1}),
        "spec.indicator.threshold.op",
        "Unsupported value",
    ),
    "evaluated too often": (slo_body(evaluation={"interval": "500ms"}), "spec.evaluation.interval", "from 1s"),
    "evaluated too seldom": (slo_body(evaluation={"interval": "301s"}), "spec.evaluation.interval", "to 5m"),
    "PromQL of 10,000 characters": (ratio(total="a" * 10_000), "spec.indicator.ratio.total", "4096"),
    "slices of no length": (of_time("0m"), "spec.timeslice.length", "write a duration from 1m to 1h"),
    "slices of two hours": (of_time("2h"), "spec.timeslice.length", "write a duration from 1m to 1h"),
    "latency threshold of nothing": (
        with_indicator(latency={"histogram": "a", "threshold": "0ms"}),
        "spec.indicator.latency.threshold",
        "from 1ms",
    ),
    "workload of no kind": (slo_body(workload={"bake": {}}), "spec.workload", "exactly one of service, deployment"),
    "workload of two kinds": (
        slo_body(workload={"service": {"name": "a"}, "deployment": "a"}),
        "spec.workload",
        "exactly one of service, deployment",
    ),
    "source with capitals": (slo_body(source="Default"), "spec.source", "match"),
    "spec of nothing": (slo_body(target=..., indicator=...), "spec.indicator", "Required"),
}
