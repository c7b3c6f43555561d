import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from promql_parser import MatchOp, VectorSelector

from backstop.promql.inject import inject_matchers
from backstop.promql.parse import PromQLError
from tests.prometheus_server import PrometheusServer

NOW = 1_761_000_000.0
OWN = {"namespace": "shop"}


def one_line(expression):
    return " ".join(inject_matchers(expression, OWN).split())


@pytest.mark.parametrize(
    ("expression", "limited"),
    [
        ("up", 'up{namespace="shop"}'),
        ("up{}", 'up{namespace="shop"}'),
        ('up{job="a",}', 'up{job="a",namespace="shop"}'),
        ("job:rate5m offset 5m", 'job:rate5m{namespace="shop"} offset 5m'),
        ("up @ 1609746000.123 offset -1h", 'up{namespace="shop"} @ 1609746000.123 offset -1h'),
        ('{"http.requests"}', '{__name__="http.requests",namespace="shop"}'),
        ('{__name__=~".+"}', '{__name__=~".+",namespace="shop"}'),
        ('up{job="} or {"}', 'up{job="} or {",namespace="shop"}'),
        ("up{job='\"'}", 'up{job="\\"",namespace="shop"}'),
        ("rate(x[5m])", 'rate(x{namespace="shop"}[5m])'),
        ("max_over_time(rate(x[1m])[1h:5m])", 'max_over_time(rate(x{namespace="shop"}[1m])[1h:5m])'),
        ("topk(scalar(k), x)", 'topk(scalar(k{namespace="shop"}), x{namespace="shop"})'),
        ("-a + on (b) c", '-a{namespace="shop"} + on (b) c{namespace="shop"}'),
        ("absent(x)", 'absent(x{namespace="shop"})'),
        ('info(x, {a="b"})', 'info(x{namespace="shop"}, {a="b",namespace="shop"})'),
        ("1 + 2", "1 + 2"),
        ('vector(1) # {namespace="other"}', "vector(1)"),
    ],
)
def test_every_selector_gets_the_matcher_wherever_it_stands(expression, limited):
    assert one_line(expression) == limited


@pytest.mark.parametrize("op", ["=", "!=", "=~", "!~"])
def test_a_matcher_of_the_users_own_is_kept_beside_the_enforced_one(op):
    assert set(matchers_of(inject_matchers(f'up{{namespace{op}"other"}}', OWN))) == {
        f'namespace{op}"other"',
        'namespace="shop"',
    }


def test_each_alternative_of_an_or_is_limited():
    assert one_line('x{a="1" or b="or }"}') == 'x{a="1", namespace="shop" or b="or }", namespace="shop"}'


def test_several_matchers_are_enforced_together():
    assert inject_matchers("x", {"b": "2", "a": "1"}) == 'x{a="1",b="2"}'


def test_a_value_cannot_break_out_of_its_quotes():
    value = 'shop"} or up{x="\\\n'
    (matcher,) = selectors(inject_matchers("x", {"namespace": value}))[0].matchers.matchers
    assert matcher.value == value


def test_without_matchers_the_expression_keeps_its_meaning():
    assert inject_matchers("sum( up )", {}) == "sum(up)"


def test_info_without_a_selector_is_refused_because_it_reads_everybodys_targets():
    with pytest.raises(PromQLError, match="write info"):
        inject_matchers("sum(info(x))", OWN)


@pytest.mark.parametrize("expression", ["sum(", "", "up offset 1e309", "nosuch(up)", "up{a=}"])
def test_what_cannot_be_read_is_refused(expression):
    with pytest.raises(PromQLError):
        inject_matchers(expression, OWN)


def test_a_label_name_that_promql_does_not_take_is_refused():
    with pytest.raises(ValueError, match="'a-b' is no label name"):
        inject_matchers("up", {"a-b": "c"})


def selectors(expression):
    found = []
    promql_parser.walk(
        promql_parser.parse(expression), lambda node: found.append(node) if isinstance(node, VectorSelector) else None
    )
    return found


def matchers_of(selector):
    return [str(each) for each in selectors(selector)[0].matchers.matchers]


NAMES = st.sampled_from(["a", "http_requests_total", "job:x:rate5m"])
TEXTS = st.text(alphabet=" or{}\",=#`\\'nam espc$\n", max_size=8)
MATCHERS = st.lists(
    st.builds(
        lambda label, op, text: f"{label}{op}{quoted(text)}",
        st.sampled_from(["namespace", "code"]),
        st.sampled_from(["=", "!="]),
        TEXTS,
    ),
    max_size=3,
)
SELECTORS = st.builds(lambda name, matchers: f"{name}{{{','.join(matchers)}}}", NAMES, MATCHERS) | NAMES
MOVED = st.builds(str.__add__, SELECTORS, st.sampled_from(["", " offset 5m", " @ 1600000000", " @ end() offset -1h"]))
EXPRESSIONS = st.recursive(
    MOVED,
    lambda inner: st.one_of(
        st.builds("sum by (code) ({})".format, inner),
        st.builds("({})".format, inner),
        st.builds("-{}".format, inner),
        st.builds("rate({}[5m])".format, SELECTORS),
        st.builds("max_over_time(({})[1h:1m] offset 1d)".format, inner),
        st.builds("histogram_quantile(0.9, {})".format, inner),
        st.builds("label_replace({}, 'a', '$1', 'b', '(.*)')".format, inner),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["+", "or", "unless on (code)", "> bool"]), inner),
        st.builds("({}) * ignoring (x) group_left (y) ({})".format, inner, inner),
    ),
    max_leaves=6,
)


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@given(expression=EXPRESSIONS, value=TEXTS.filter(bool))
def test_whatever_the_expression_all_of_it_is_limited_and_the_rest_stays(expression, value):
    limited = inject_matchers(expression, {"bs_tenant": value})
    before, after = selectors(expression), selectors(limited)
    assert len(after) == len(before)
    for old, new in zip(before, after, strict=True):
        added = [each for each in new.matchers.matchers if each.name == "bs_tenant"]
        assert [(each.op, each.value) for each in added] == [(MatchOp.Equal, value)]
        kept = sorted(str(each) for each in new.matchers.matchers if each.name != "bs_tenant")
        assert kept == sorted(str(each) for each in old.matchers.matchers)
        assert (new.name, new.offset, str(new.at)) == (old.name, old.offset, str(old.at))
    assert inject_matchers(limited, {"bs_tenant": value}) == limited
    # Without the matchers it is the expression as it was, in the parser's layout.
    added_text = f"bs_tenant={quoted(value)}"
    bare = limited.replace(f"{added_text},", "").replace(f",{added_text}", "").replace(f"{{{added_text}}}", "")
    assert promql_parser.parse(bare).prettify() == promql_parser.parse(expression).prettify()


SERIES = (  # name, labels, growth a minute; the same for both tenants but for the numbers
    ("inject_requests_total", {"code": "200", "pod": "a"}, 60.0),
    ("inject_requests_total", {"code": "500", "pod": "a"}, 3.0),
    ("inject_requests_total", {"code": "200", "pod": "b"}, 30.0),
    ("inject_limit", {"pod": "a"}, 0.5),
)


def write_tenant(server: PrometheusServer, namespace: str, factor: float) -> None:
    for name, labels, growth in SERIES:
        samples = [(NOW + 60 * minute, factor * growth * (minute + 60)) for minute in range(-30, 1)]
        server.write(name, {"namespace": namespace, **labels}, samples)


@pytest.fixture(scope="module")
def of_both(prometheus):
    """A server that holds the series of two tenants."""
    write_tenant(prometheus, "shop", 1.0)
    write_tenant(prometheus, "other", 7.0)
    return prometheus


@pytest.fixture(scope="module")
def of_one(tmp_path_factory):
    """A server that holds the series of namespace shop alone: what a limited query must see."""
    server = PrometheusServer(tmp_path_factory.mktemp("one-tenant"))
    try:
        server.start()
        write_tenant(server, "shop", 1.0)
        yield server
    finally:
        server.stop()


def comparable(result):
    return sorted((sorted(item["metric"].items()), item["value"]) for item in result)


@pytest.mark.prometheus
@pytest.mark.parametrize(
    "expression",
    [
        "inject_requests_total",
        '{__name__=~"inject_.*"}',
        'inject_requests_total{code!="200"}',
        "inject_requests_total offset 10m",
        f"inject_requests_total @ {NOW - 600:.3f}",
        "sum(rate(inject_requests_total[5m])) by (code)",
        "sum(inject_requests_total) / sum(inject_requests_total offset 5m)",
        "inject_requests_total * on (pod) group_left () inject_limit",
        "max_over_time(sum(rate(inject_requests_total[1m]))[10m:1m])",
        "count_over_time(inject_requests_total[10m:30s] offset 5m)",
        "topk(1, inject_requests_total)",
        "topk(scalar(count(inject_limit)), inject_requests_total)",
        'label_replace(inject_limit, "code", "200", "", "") or inject_requests_total',
        'label_replace(inject_limit, "namespace", "other", "", "")',
        "inject_requests_total unless on (pod) inject_limit",
        "inject_requests_total > bool 1000",
        'count_values("n", inject_requests_total)',
        "-inject_limit ^ 2",
        "quantile(0.5, inject_requests_total)",
        "absent(inject_requests_total)",
        "vector(scalar(sum(inject_requests_total)))",
        'inject_requests_total{namespace="shop"}',
        'inject_requests_total{namespace=~".+"}',
    ],
)
def test_a_limited_query_sees_what_it_would_see_alone_on_the_server(of_both, of_one, expression):
    limited = of_both.query(inject_matchers(expression, OWN), at=NOW)
    assert comparable(limited) == comparable(of_one.query(expression, at=NOW))


@pytest.mark.prometheus
def test_what_only_others_have_is_absent(of_both):
    of_both.write("inject_only_other", {"namespace": "other"}, [(NOW, 1)])
    assert of_both.query("absent(inject_only_other)", at=NOW) == []
    assert len(of_both.query(inject_matchers("absent(inject_only_other)", OWN), at=NOW)) == 1


@pytest.mark.prometheus
@pytest.mark.parametrize(
    "expression",
    [
        'inject_requests_total{namespace="other"}',
        'inject_requests_total{namespace!="shop"}',
        '{namespace="other"}',
        'sum(inject_requests_total{namespace=~"oth.*"})',
        'inject_requests_total{namespace="other"} offset 5m',
    ],
)
def test_a_query_for_a_foreign_namespace_finds_nothing(of_both, expression):
    assert of_both.query(expression, at=NOW)
    assert of_both.query(inject_matchers(expression, OWN), at=NOW) == []
