from decimal import Decimal

import promql_parser
import pytest

from backstop.domain.slo import (
    BooleanIndicator,
    Comparison,
    LatencyIndicator,
    QueryIndicator,
    RatioIndicator,
    ThresholdIndicator,
)
from backstop.promql.compile import bucket_selector, selectors, slice_terms

INDICATORS = [
    RatioIndicator(total='r{a="b"}', bad='r{a="b",code=~"5.."}'),
    RatioIndicator(total="r", good='r{code="200"}'),
    LatencyIndicator(histogram="h", selector='{a="b"}', threshold_seconds=Decimal("0.5")),
    BooleanIndicator(metric='probe_success{job="blackbox"}'),
    ThresholdIndicator(query="max(q) / min(z)", op=Comparison.LTE, value=-1e-9),
    QueryIndicator(total="sum(rate(x[$window]))", bad='sum(increase(x{e="1"}[{{.window}}]))'),
]


@pytest.mark.parametrize("indicator", INDICATORS, ids=lambda i: type(i).__name__)
@pytest.mark.parametrize("seconds", [60.0, 87.0, 900.0, 14_400.0])
@pytest.mark.parametrize("native", [False, True])
def test_every_term_is_valid_promql(indicator, seconds, native):
    terms = slice_terms(indicator, seconds=seconds, native=native)
    texts = [terms.newest]
    for count in (terms.total, terms.part):
        texts.append(count.plain)
        if count.detail is not None:
            detail = count.detail()
            texts += [detail.steady, detail.rest, detail.proven]
    for text in texts:
        assert text is not None
        promql_parser.parse(text)


@pytest.mark.parametrize(
    ("threshold", "spellings"),
    [
        ("0.5", ["0.5"]),
        ("1", ["1", "1.0"]),
        ("10", ["10", "10.0"]),
        ("0.00001", ["0.00001", "1e-05"]),
        ("2.50", ["2.5"]),
    ],
)
def test_a_bucket_is_found_however_its_bound_is_written(threshold, spellings):
    indicator = LatencyIndicator(histogram="h", selector="{}", threshold_seconds=Decimal(threshold))
    selector = promql_parser.parse(bucket_selector(indicator))
    (matcher,) = selector.matchers.matchers
    assert sorted(matcher.value.replace("\\.", ".").replace("\\+", "+").split("|")) == sorted(spellings)


@pytest.mark.parametrize("selector", ["{}", "{ }", '{a="b"}', '{a="b",}', '{ a="b" , c=~"d" }'])
def test_the_bucket_matcher_joins_whatever_matchers_there_are(selector):
    indicator = LatencyIndicator(histogram="h", selector=selector, threshold_seconds=Decimal(1))
    found = promql_parser.parse(bucket_selector(indicator))
    assert found.name == "h_bucket"
    assert "le" in {m.name for m in found.matchers.matchers}


@pytest.mark.parametrize("query", ["brand_new(a[$window])", "sum(brand_new(a[$window]))"])
def test_what_only_the_server_can_read_is_sent_as_it_is(query):
    terms = slice_terms(QueryIndicator(total=query, bad=query), seconds=60)
    assert (terms.total.plain, terms.newest) == (query.replace("$window", "1m"), None)


def test_only_selectors_of_the_present_tell_how_fresh_the_data_is():
    assert selectors('sum(rate(a{x="1"}[5m])) / sum(b) + c offset 1h + sum(b) + d @ 0') == ['a{x="1"}', "b"]
