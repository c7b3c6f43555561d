import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.promql.lint import (
    CLEAN,
    lint_instant_vector,
    lint_latency_histogram,
    lint_latency_selector,
    lint_selector,
    lint_window_query,
)


@pytest.mark.parametrize(
    "text",
    [
        "http_requests_total",
        'http_requests_total{service="checkout",code=~"5.."}',
        '{__name__="http.requests"}',
        '{"http.requests", code="500"}',
        "job:errors:sum{}",
        ' up{job="a"}  # with a comment',
    ],
)
def test_one_selector_is_a_counter(text: str) -> None:
    assert lint_selector(text) == CLEAN


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rate(a[5m])", "is a call of rate(), not a selector"),
        ("sum(a)", "is an aggregation, not a selector"),
        ("a + b", "is an arithmetic or logical expression"),
        ("-a", "is an arithmetic or logical expression"),
        ("(a)", "is an expression in parentheses"),
        ("a[5m]", "is a range vector, not a selector"),
        ("a[5m:1m]", "is a subquery, not a selector"),
        ("5", "is a scalar, not a selector"),
        ('"a"', "is a string, not a selector"),
        ("a offset 5m", "has offset or @"),
        ("a @ 100", "has offset or @"),
        ("a @ end()", "has offset or @"),
        ("{}", "is not PromQL: vector selector must contain at least one non-empty matcher"),
        ('{job="api"}', "selects series of every metric"),
        ('{__name__=~"a.*"}', "selects series of every metric"),
        ('a{b="1" or c="2"}', "joins matchers with or"),
        ("a{", "is not PromQL"),
        ("brand_new(a)", "is not PromQL: unknown function 'brand_new'"),
        ("", "is not PromQL"),
    ],
)
def test_anything_else_is_refused_with_the_way_to_write_it(text: str, problem: str) -> None:
    finding = lint_selector(text)
    assert finding.problem is not None
    assert finding.problem.startswith(problem)
    assert "write one selector, for example http_requests_total" in finding.problem
    assert not finding.warnings


@pytest.mark.parametrize("text", ["a[5m]", "sum(a)", "a offset 5m"])
def test_who_needs_an_expression_is_sent_to_the_query_indicator(text: str) -> None:
    assert "indicator.query" in str(lint_selector(text).problem)


@pytest.mark.parametrize(
    ("name", "fixed"),
    [("a_seconds_bucket", "a_seconds"), ("a_seconds_count", "a_seconds"), ("a_seconds_sum", "a_seconds")],
)
def test_a_histogram_is_named_without_the_suffix_of_its_series(name: str, fixed: str) -> None:
    assert str(lint_latency_histogram(name).problem).endswith(f": {fixed}")
    assert lint_latency_histogram(fixed) == CLEAN


@pytest.mark.parametrize("text", ["{}", '{a="b"}', '{a="b",c!~"d|e"}', '{"a.b"="c"}', '{a="le"}'])
def test_latency_takes_matchers_in_braces(text: str) -> None:
    assert lint_latency_selector(text) == CLEAN


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('a="b"', "is not a list of label matchers; write matchers in braces"),
        ('a{b="c"}', "is not a list of label matchers"),
        ('{a="b"} or x{c="d"}', "is an arithmetic or logical expression"),
        ('{le="0.5"}', "matches le, which Backstop matches itself"),
        ('{__name__="x"}', "names a metric; name it in indicator.latency.histogram"),
        ('{__name__!="x"}', "names a metric"),
        ('{"other.metric"}', "names a metric"),
        ('{a="1" or b="2"}', "joins matchers with or"),
        ('{a="b"', "is not a list of label matchers"),
        ("{a}", "is not a list of label matchers"),
    ],
)
def test_anything_but_matchers_is_refused(text: str, problem: str) -> None:
    assert str(lint_latency_selector(text).problem).startswith(problem)


@pytest.mark.parametrize(
    "text", ["max(queue_depth)", "a / b", "a > bool 5", "vector(time())", "-a", "(a)", "histogram_quantile(0.9, a)"]
)
def test_a_threshold_takes_an_instant_vector(text: str) -> None:
    assert lint_instant_vector(text) == CLEAN


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("time()", "is a scalar, not an instant vector; wrap it in vector("),
        ("1 + 2", "is a scalar"),
        ("-(1)", "is a scalar"),
        ("scalar(a)", "is a scalar"),
        ('"a"', "is a string"),
        ("a[5m]", "is a range vector, not an instant vector; wrap it in a function"),
        ("a[5m:1m]", "is a range vector"),
        ("a +", "is not PromQL"),
    ],
)
def test_a_threshold_of_another_type_is_refused(text: str, problem: str) -> None:
    assert str(lint_instant_vector(text).problem).startswith(problem)


@pytest.mark.parametrize("text", ["depth > 100", "depth >= 100", "(depth == 0)", "depth != 3"])
def test_a_filter_in_a_threshold_is_worth_a_warning(text: str) -> None:
    finding = lint_instant_vector(text)
    assert finding.problem is None
    assert "no series is no data, not good" in finding.warnings[0]


@pytest.mark.parametrize(
    "text",
    [
        "sum(increase(a[$window]))",
        "increase(a[{{.window}}])",
        "max_over_time((a > 0)[$window:1m])",
        "sum(rate(a[$window])) * 5",
        "increase(a[$window]) + increase(b[$window] offset 1m)",
    ],
)
def test_a_query_speaks_of_the_window(text: str) -> None:
    assert lint_window_query(text) == CLEAN


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("increase(a[5m])", "does not contain $window or {{.window}}"),
        ('a{b="$window"}', "does not contain $window"),
        ("a offset $window", "uses $window, but not as the range"),
        ("max_over_time(a[1h:$window])", "uses $window, but not as the range"),
        ("a[$window]", "is a range vector, not an instant vector"),
        ("scalar(increase(a[$window]))", "is a scalar"),
        ("sum(increase(a[$window])", "is not PromQL: ')' is missing at the end"),
        ("increase(a[$window]", "is not PromQL"),
    ],
)
def test_a_query_without_a_window_or_of_another_type_is_refused(text: str, problem: str) -> None:
    assert str(lint_window_query(text).problem).startswith(problem)


@pytest.mark.parametrize(
    ("lint", "text"),
    [(lint_instant_vector, "brand_new(a)"), (lint_window_query, "brand_new(increase(a[$window]))")],
)
def test_a_function_that_only_the_server_may_know_is_a_warning(lint, text) -> None:
    finding = lint(text)
    assert finding.problem is None
    assert "unknown function 'brand_new' at character 1" in finding.warnings[0]


def test_a_modifier_of_newer_versions_is_a_warning() -> None:
    finding = lint_window_query("sum(increase(a[$window] smoothed))")
    assert finding.problem is None
    assert "newer Prometheus" in finding.warnings[0]


def test_an_unknown_function_does_not_hide_text_that_would_spoil_a_longer_query() -> None:
    assert lint_window_query("brand_new(a[$window])) or (b").problem is not None
    assert lint_window_query("brand_new(a[$window], 'b)").problem is not None


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_makes_a_lint_raise(text: str) -> None:
    for lint in (lint_selector, lint_latency_histogram, lint_latency_selector, lint_instant_vector, lint_window_query):
        finding = lint(text)
        assert finding.problem is None or finding.problem
