from decimal import Decimal
from typing import Any

import pytest

from backstop.api.to_domain import check_slo, to_domain
from backstop.domain.errors import SpecError
from backstop.domain.slo import (
    SLO,
    BooleanIndicator,
    Comparison,
    Evaluation,
    LatencyIndicator,
    NoTraffic,
    Objective,
    QueryIndicator,
    RatioIndicator,
    RollingWindow,
    ThresholdIndicator,
    Uid,
    Workload,
    WorkloadKind,
)
from tests.api.slo_bodies import ACCEPTED, RATIO, REFUSED_BY_THE_SCHEMA, ratio, slo_body, with_indicator


def problem_of(body: Any) -> SpecError:
    with pytest.raises(SpecError) as refused:
        to_domain(body)
    return refused.value


def test_an_slo_becomes_a_domain_object_with_the_defaults_of_the_schema() -> None:
    assert to_domain(slo_body()) == SLO(
        uid=Uid("0-1"),
        namespace="shop",
        name="checkout",
        generation=3,
        objective=Objective(target_percent=Decimal("99.9")),
        windows=(RollingWindow(name="30d", seconds=30 * 86400),),
        indicator=RatioIndicator(total=RATIO["total"], bad=RATIO["bad"]),
        source="default",
        evaluation=Evaluation(),
    )


def test_every_field_that_is_supported_arrives() -> None:
    body = slo_body(
        target=99,
        service="checkout",
        source="long-term",
        windows=[{"name": "week", "rolling": "1w"}, {"name": "hour", "rolling": "1h30m"}],
        evaluation={"interval": "10s", "noTraffic": "Good", "staleAfter": "45s"},
        workload={"service": {"name": "checkout-web"}},
    )
    body["metadata"]["labels"] = {"team": "payments"}
    slo = to_domain(body)
    assert slo.objective.target_percent == 99
    assert slo.windows == (RollingWindow(name="week", seconds=604800), RollingWindow(name="hour", seconds=5400))
    assert slo.evaluation == Evaluation(interval_seconds=10, no_traffic=NoTraffic.GOOD, stale_after_seconds=45)
    assert (slo.service, slo.source, slo.labels) == ("checkout", "long-term", {"team": "payments"})
    assert slo.workload == Workload(kind=WorkloadKind.SERVICE, name="checkout-web")


def test_a_target_is_kept_exact() -> None:
    assert to_domain(slo_body(target=99.95)).objective.error_ratio == Decimal("0.0005")


@pytest.mark.parametrize(
    ("indicator", "expected"),
    [
        ({"ratio": {"good": "ok", "total": "all"}}, RatioIndicator(total="all", good="ok")),
        (
            {"latency": {"histogram": "h_seconds", "selector": '{a="b"}', "threshold": "250ms"}},
            LatencyIndicator(histogram="h_seconds", selector='{a="b"}', threshold_seconds=Decimal("0.25")),
        ),
        (
            {"latency": {"histogram": "h_seconds", "threshold": "1m"}},
            LatencyIndicator(histogram="h_seconds", selector="{}", threshold_seconds=Decimal(60)),
        ),
        ({"boolean": {"metric": "up"}}, BooleanIndicator(metric="up")),
        (
            {"threshold": {"query": "max(depth)", "op": "gte", "value": 7}},
            ThresholdIndicator(query="max(depth)", op=Comparison.GTE, value=7.0),
        ),
        (
            {"query": {"bad": "increase(b[$window])", "total": "increase(t[$window])"}},
            QueryIndicator(total="increase(t[$window])", bad="increase(b[$window])"),
        ),
    ],
    ids=["ratio", "latency", "latency of all series", "boolean", "threshold", "query"],
)
def test_every_kind_of_indicator_arrives(indicator: dict[str, Any], expected: object) -> None:
    assert to_domain(slo_body(indicator=indicator)).indicator == expected


def test_comments_are_dropped_since_the_text_stands_inside_of_longer_queries() -> None:
    slo = to_domain(ratio(total='requests{a="#1"} # all of them', bad="# the bad ones\nerrors"))
    assert slo.indicator == RatioIndicator(total='requests{a="#1"}', bad="errors")


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_should_be_accepted_is(body: dict[str, Any]) -> None:
    assert to_domain(body).name == "checkout"


@pytest.mark.parametrize(("body", "path", "_"), REFUSED_BY_THE_SCHEMA.values(), ids=REFUSED_BY_THE_SCHEMA)
def test_what_the_schema_refuses_is_refused_here_too_with_the_same_path(
    body: dict[str, Any], path: str, _: str
) -> None:
    problems = check_slo(body).problems
    assert path in [problem.path for problem in problems], problems
    assert not any(problem.not_supported_yet for problem in problems)


@pytest.mark.parametrize(
    ("spec", "path", "fix"),
    [
        ({"workload": {"statefulSet": "db"}}, "spec.workload.statefulSet", "service"),
        ({"workload": {"daemonSet": "agent"}}, "spec.workload.daemonSet", "service"),
        ({"workload": {"rollout": "web"}}, "spec.workload.rollout", "service"),
        ({"workload": {"httpRoute": "web"}}, "spec.workload.httpRoute", "service"),
        ({"workload": {"external": {"name": "erp"}}}, "spec.workload.external", "service"),
        (
            {"workload": {"service": {"name": "a", "selectorKey": "color"}}},
            "spec.workload.service.selectorKey",
            "leave it out",
        ),
        (
            {"workload": {"service": {"name": "a", "together": ["b"]}}},
            "spec.workload.service.together",
            "leave it out",
        ),
        (
            {"workload": {"deployment": "a", "attribution": {"label": "pod"}}},
            "spec.workload.attribution",
            "leave it out",
        ),
        ({"workload": {"deployment": "a", "bake": {}}}, "spec.workload.bake", "leave it out"),
        ({"workload": {"deployment": "a", "guard": {}}}, "spec.workload.guard", "leave it out"),
        ({"workload": {"deployment": "a", "rollback": {}}}, "spec.workload.rollback", "leave it out"),
    ],
)
def test_what_is_not_implemented_yet_is_refused_and_never_ignored(spec: dict[str, Any], path: str, fix: str) -> None:
    error = problem_of(slo_body(**spec))
    assert error.path == path
    assert error.not_supported_yet
    assert "not supported yet" in error.problem
    assert fix in error.problem


def test_a_wrong_field_is_told_before_one_that_is_not_supported_yet() -> None:
    error = problem_of(ratio(total="up[5m]") | {"kind": "SLO"})
    assert error.path == "spec.indicator.ratio.total"
    body = slo_body(workload={"statefulSet": "db"})
    body["metadata"]["labels"] = {"tier": 1}
    error = problem_of(body)
    assert (error.path, error.not_supported_yet) == ("metadata.labels", False)
    assert "spec.workload.statefulSet" in error.problem


def test_all_problems_are_found_at_once() -> None:
    body = slo_body(target=200, source="A B", tagret=1, windows=[{"name": "a", "rolling": "x"}])
    assert sorted(problem.path for problem in check_slo(body).problems) == [
        "spec.source",
        "spec.tagret",
        "spec.target",
        "spec.windows[0].rolling",
    ]


def test_one_error_tells_the_first_problem_names_two_more_and_counts_the_rest() -> None:
    error = problem_of(slo_body(target=200, source="A B", tagret=1, windows=[{"name": "a", "rolling": "x"}]))
    assert str(error).startswith("spec.target: must lie between 0 and 100")
    assert "also spec.windows[0].rolling: 'x' is not a duration" in str(error)
    assert str(error).endswith("and 1 more")


@pytest.mark.parametrize(
    ("body", "path", "text"),
    [
        (slo_body(tagret=1), "spec.tagret", "is not a field here; did you mean target?"),
        (slo_body(evaluation={"no_data": "Bad"}), "spec.evaluation.no_data", "did you mean noData?"),
        (slo_body(zzz=1), "spec.zzz", "known fields are description, service, target"),
        (slo_body(windows=[{"name": "a", "roling": "1d"}]), "spec.windows[0].roling", "did you mean rolling?"),
        (slo_body(**{"we ird": 1}), 'spec["we ird"]', "is not a field here"),
        (slo_body(source=None), "spec.source", 'is null; leave it out, or write for example "default"'),
        (slo_body(windows=[{"name": "a", "rolling": None}]), "spec.windows[0].rolling", "is null"),
        (slo_body(windows={"name": "a"}), "spec.windows", "is a map, not a list"),
        (slo_body(indicator=[]), "spec.indicator", "is a list, not a map"),
        (slo_body(target=True), "spec.target", "is a boolean; write a number, for example 99.9"),
        (slo_body(target="99"), "spec.target", "is a text; write 99 without quotes"),
        (slo_body(target=float("nan")), "spec.target", "between 0 and 100"),
        (slo_body(target=10**400), "spec.target", "between 0 and 100"),
        (slo_body(target=99.1234567), "spec.target", "more than 6 decimals"),
        (
            with_indicator(threshold={"query": "a", "op": "lt", "value": float("inf")}),
            "spec.indicator.threshold.value",
            "finite",
        ),
        (slo_body(evaluation={"minimumEvents": 1.5}), "spec.evaluation.minimumEvents", "not a whole number"),
        (slo_body() | {"spec": None}, "spec", "is missing; write at least target and indicator"),
        (slo_body() | {"spec": []}, "spec", "is a list, not a map"),
        (slo_body() | {"kind": "Slo"}, "kind", "must be SLO"),
        (slo_body() | {"apiVersion": "v1"}, "apiVersion", "must be backstop.dev/v1alpha1"),
        (slo_body() | {"specs": {}}, "specs", "is not a field here"),
        (slo_body() | {"metadata": None}, "metadata", "is missing"),
        (slo_body() | {"metadata": {"name": "UPPER"}}, "metadata.name", "lower-case"),
        ([], "", "an object is a map, not a list"),
        (None, "", "an object is a map, not null"),
    ],
)
def test_a_message_names_the_path_and_what_to_write(body: Any, path: str, text: str) -> None:
    assert [problem.text for problem in check_slo(body).problems if problem.path == path and text in problem.text]


@pytest.mark.parametrize("field", ["uid", "namespace", "generation"])
def test_an_object_without_identity_is_an_error_only_where_the_api_server_gave_it_one(field: str) -> None:
    body = slo_body()
    del body["metadata"][field]
    assert not check_slo(body).problems
    assert problem_of(body).path == f"metadata.{field}"


def test_status_and_unknown_metadata_are_not_ours_to_judge() -> None:
    body = slo_body() | {"status": {"anything": 1}}
    body["metadata"] |= {"managedFields": [{}], "annotations": {"a": "b"}, "labels": None}
    assert to_domain(body).labels == {}


@pytest.mark.parametrize(
    ("body", "path", "text"),
    [
        (
            with_indicator(query={"bad": "increase(b[$window])", "total": "brand_new(t[$window])"}),
            "spec.indicator.query.total",
            "unknown function 'brand_new'",
        ),
        (
            with_indicator(threshold={"query": "depth > 5", "op": "lt", "value": 9}),
            "spec.indicator.threshold.query",
            "drops series",
        ),
    ],
)
def test_what_is_accepted_but_deserves_a_second_look_is_a_warning(body: dict[str, Any], path: str, text: str) -> None:
    checked = check_slo(body)
    assert not checked.problems
    assert [(warning.path, text in warning.text) for warning in checked.warnings] == [(path, True)]
