"""Semantics B4: what components say together, and which SLOs they are."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.composite import ComponentRefused, combine, resolve
from backstop.domain.errors import SpecError
from backstop.domain.evidence import Slice, unknown
from backstop.domain.slo import (
    Budgeting,
    Component,
    CompositeIndicator,
    CompositeMode,
    Evaluation,
    NoData,
    NoTraffic,
    QueryIndicator,
    Timeslice,
    Uid,
    WhenUnknown,
)
from backstop.vocabulary import Reason
from tests.builders import a_slo

SILENT = unknown(Reason.NO_DATA, "the query for the total returned no series")
IDLE = Slice(0.0, 0.0)


def a_composite(name="shop", *components, mode=CompositeMode.WEIGHTED, when_unknown=WhenUnknown.UNKNOWN, **changes):
    """Return a composite of components given by name, or by (name, weight)."""
    given_ = (c if isinstance(c, tuple) else (c, 1.0) for c in components)
    indicator = CompositeIndicator(
        components=tuple(Component(name=name, weight=weight) for name, weight in given_),
        mode=mode,
        when_unknown=when_unknown,
    )
    return a_slo(uid=Uid(f"uid-{name}"), name=name, indicator=indicator, **changes)


def a_part(name, **changes):
    return a_slo(uid=Uid(f"uid-{name}"), name=name, **changes)


def together(*parts, mode=CompositeMode.WEIGHTED, when_unknown=WhenUnknown.UNKNOWN, no_traffic=NoTraffic.NEUTRAL):
    """Combine parts given as (weight, evidence)."""
    slo = a_part("a", evaluation=Evaluation(no_traffic=no_traffic))
    components = [(Component(name=f"part-{n}", weight=w, slo=slo), e) for n, (w, e) in enumerate(parts)]
    indicator = CompositeIndicator(components=tuple(c for c, _ in components), mode=mode, when_unknown=when_unknown)
    return combine(components, indicator)


class TestCombining:
    def test_weighted_is_the_weighted_mean_of_error_ratios_whatever_the_traffic(self):
        found = together((3, Slice(90, 10)), (1, Slice(600_000, 400_000)))
        assert found.bad == pytest.approx((3 * 0.1 + 1 * 0.4) / 4)
        assert found.events == pytest.approx(1)

    def test_any_bad_is_as_bad_as_the_worst_component(self):
        found = together((100, Slice(99, 1)), (1, Slice(7, 3)), mode=CompositeMode.ANY_BAD)
        assert found.bad == pytest.approx(0.3)

    @pytest.mark.parametrize("mode", CompositeMode)
    def test_an_unknown_component_makes_the_slice_unknown_and_is_named(self, mode):
        found = together((1, Slice(99, 1)), (1, SILENT), mode=mode)
        assert (found.known, found.reason) == (False, Reason.NO_DATA)
        assert found.message == "component part-1: the query for the total returned no series"

    def test_an_unknown_component_is_ignored_when_asked_and_weighs_nothing(self):
        found = together((1, Slice(9, 1)), (1000, SILENT), when_unknown=WhenUnknown.IGNORE)
        assert found.bad == pytest.approx(0.1)

    @pytest.mark.parametrize("when_unknown", WhenUnknown)
    def test_with_every_component_unknown_so_is_the_whole(self, when_unknown):
        assert not together((1, SILENT), (1, SILENT), when_unknown=when_unknown).known

    def test_a_component_without_traffic_is_neither_good_nor_bad(self):
        assert together((1, Slice(9, 1)), (1, IDLE)).bad == pytest.approx(0.1)
        assert together((1, IDLE), (1, IDLE)) == IDLE

    def test_a_component_that_calls_no_traffic_good_counts_as_good(self):
        assert together((1, Slice(9, 1)), (1, IDLE), no_traffic=NoTraffic.GOOD).bad == pytest.approx(0.05)


RATIOS = st.floats(0, 1)
KNOWN = st.builds(lambda events, ratio: Slice(events * (1 - ratio), events * ratio), st.floats(1e-3, 1e9), RATIOS)
WEIGHTS = st.floats(0.001, 1000)
PARTS = st.lists(st.tuples(WEIGHTS, KNOWN), min_size=1, max_size=16)


class TestIdentities:
    @given(KNOWN, WEIGHTS, st.sampled_from(CompositeMode))
    def test_a_composite_of_one_is_its_component(self, evidence, weight, mode):
        assert together((weight, evidence), mode=mode).bad == pytest.approx(evidence.bad / evidence.events)

    @given(PARTS, st.floats(0.01, 100))
    def test_weights_count_by_their_proportion_alone(self, parts, factor):
        scaled = [(weight * factor, evidence) for weight, evidence in parts]
        assert together(*scaled).bad == pytest.approx(together(*parts).bad, abs=1e-9)

    @given(PARTS, st.sampled_from(CompositeMode), st.randoms())
    def test_the_order_of_components_does_not_matter(self, parts, mode, random):
        mixed = random.sample(parts, len(parts))
        assert together(*mixed, mode=mode).bad == pytest.approx(together(*parts, mode=mode).bad, abs=1e-9)

    @given(PARTS)
    def test_any_bad_is_never_better_than_weighted_and_neither_leaves_the_range_of_its_parts(self, parts):
        ratios = [evidence.bad / evidence.events for _, evidence in parts]
        weighted, worst = (together(*parts, mode=mode).bad for mode in CompositeMode)
        assert min(ratios) - 1e-9 <= weighted <= worst + 1e-9
        assert worst == pytest.approx(max(ratios))

    @given(PARTS, st.integers(0, 15), RATIOS)
    def test_a_component_that_gets_worse_never_makes_the_whole_better(self, parts, which, ratio):
        index = which % len(parts)
        weight, evidence = parts[index]
        worse = max(ratio, evidence.bad / evidence.events)
        changed = [*parts[:index], (weight, Slice(1 - worse, worse)), *parts[index + 1 :]]
        for mode in CompositeMode:
            assert together(*changed, mode=mode).bad >= together(*parts, mode=mode).bad - 1e-9

    @given(st.lists(PARTS, min_size=1, max_size=5))
    def test_nested_weights_add_up_to_the_flat_composite(self, groups):
        nested = [(sum(weight for weight, _ in parts), together(*parts)) for parts in groups]
        assert together(*nested).bad == pytest.approx(together(*(p for ps in groups for p in ps)).bad, abs=1e-9)

    @given(PARTS, WEIGHTS, st.sampled_from(CompositeMode))
    def test_ignoring_an_unknown_component_is_the_composite_without_it(self, parts, weight, mode):
        ignored = together((weight, SILENT), *parts, mode=mode, when_unknown=WhenUnknown.IGNORE)
        assert ignored.bad == pytest.approx(together(*parts, mode=mode).bad)


class Shop:
    """SLOs of one namespace, and those that are refused."""

    def __init__(self, *slos, refused=None):
        self.slos = {slo.name: slo for slo in slos}
        self.refused = refused or {}
        self.looked_up = 0

    def find(self, namespace, name):
        self.looked_up += 1
        assert namespace == "shop"
        return self.refused.get(name) or self.slos.get(name)

    def resolve(self, name):
        return resolve(self.slos[name], self.find)

    def refusal(self, name):
        with pytest.raises(ComponentRefused) as caught:
            self.resolve(name)
        return caught.value


class TestResolving:
    def test_an_slo_with_series_of_its_own_needs_nobody(self):
        shop = Shop(a_part("a"))
        assert shop.resolve("a") is shop.slos["a"]
        assert shop.looked_up == 0

    def test_components_are_found_by_name_and_keep_weight_and_order(self):
        shop = Shop(a_composite("whole", ("a", 2.0), "b"), a_part("a"), a_part("b"))
        components = shop.resolve("whole").indicator.components
        assert [(c.name, c.weight, c.slo.uid) for c in components] == [("a", 2.0, "uid-a"), ("b", 1.0, "uid-b")]
        assert [place for place, _ in shop.resolve("whole").leaves()] == ["0/", "1/"]

    def test_a_component_counts_by_what_it_measures_not_by_how_it_is_budgeted_or_grouped(self):
        sliced = a_part(
            "a",
            group_by=("region",),
            budgeting=Budgeting.RATIO_TIMESLICES,
            timeslice=Timeslice(seconds=300, target_ratio=None),
            evaluation=Evaluation(no_data=NoData.BAD, stale_after_seconds=20.0),
        )
        part = Shop(a_composite("whole", "a"), sliced).resolve("whole").indicator.components[0].slo
        assert (part.group_by, part.timeslice, part.evaluation.no_data) == ((), None, NoData.UNKNOWN)
        assert (part.indicator, part.evaluation.stale_after_seconds) == (sliced.indicator, 20.0)

    def test_free_queries_keep_their_labels_since_they_bring_a_series_per_group(self):
        query = QueryIndicator(total="sum by (region) (increase(x[$window]))", bad="vector(0)")
        shop = Shop(a_composite("whole", "a"), a_part("a", indicator=query, group_by=("region",)))
        assert shop.resolve("whole").indicator.components[0].slo.group_by == ("region",)

    def test_a_composite_may_be_made_of_composites_of_plain_slos(self):
        shop = Shop(a_composite("outer", "inner", "a"), a_composite("inner", "a", "b"), a_part("a"), a_part("b"))
        leaves = list(shop.resolve("outer").leaves())
        assert [(place, leaf.name) for place, leaf in leaves] == [("0/0/", "a"), ("0/1/", "b"), ("1/", "a")]

    def test_a_component_that_does_not_exist_is_missing_by_path_and_name(self):
        refusal = Shop(a_composite("whole", "a", "gone"), a_part("a")).refusal("whole")
        assert refusal.reason is Reason.COMPONENT_MISSING
        assert str(refusal) == (
            "spec.indicator.composite.components[1].slo: no SLO is named 'gone' in namespace 'shop'; create it, or name"
            " another"
        )

    def test_a_component_that_is_refused_says_why(self):
        shop = Shop(a_composite("whole", "a"), refused={"a": SpecError("spec.target", "is 100")})
        refusal = shop.refusal("whole")
        assert refusal.reason is Reason.COMPONENT_MISSING
        assert "SLO 'a' is refused itself (spec.target: is 100)" in refusal.problem

    def test_what_is_wrong_with_a_component_of_a_component_is_told_with_both_paths(self):
        refusal = Shop(a_composite("outer", "inner"), a_composite("inner", "gone")).refusal("outer")
        assert refusal.reason is Reason.COMPONENT_MISSING
        assert refusal.path == "spec.indicator.composite.components[0].slo"
        assert "'inner' is refused itself (spec.indicator.composite.components[0].slo: no SLO is" in refusal.problem

    @pytest.mark.parametrize(
        ("composites", "path"),
        [
            pytest.param([("a", "a")], "a → a", id="itself"),
            pytest.param([("a", "b"), ("b", "a")], "a → b → a", id="one another"),
            pytest.param([("a", "b"), ("b", "c"), ("c", "a")], "a → b → c → a", id="three"),
            pytest.param([("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")], "a → b → c → d → b", id="beyond it"),
        ],
    )
    def test_a_cycle_is_refused_with_the_path_of_names(self, composites, path):
        refusal = Shop(*(a_composite(name, component) for name, component in composites)).refusal("a")
        assert (refusal.reason, refusal.path) == (Reason.INVALID, "spec.indicator.composite.components[0].slo")
        assert refusal.problem == f"leads back to itself: {path}; take one of these components out"

    def test_the_cycle_is_found_behind_components_that_are_well(self):
        shop = Shop(a_composite("a", "x", "b"), a_composite("b", "x", "a"), a_part("x"))
        assert "a → b → a" in shop.refusal("a").problem
        assert shop.refusal("a").path == "spec.indicator.composite.components[1].slo"

    def test_composites_nested_too_deep_are_refused_with_the_path_of_names(self):
        shop = Shop(a_composite("a", "b"), a_composite("b", "c"), a_composite("c", "x"), a_part("x"))
        refusal = shop.refusal("a")
        assert refusal.reason is Reason.INVALID
        assert "nested more than 2 deep: a → b → c; name the components of 'c' in 'b' instead" in refusal.problem
        assert shop.resolve("b")

    def test_a_component_on_another_source_is_refused_with_a_fix(self):
        shop = Shop(a_composite("whole", "a"), a_part("a", source="other"))
        refusal = shop.refusal("whole")
        assert refusal.reason is Reason.INVALID
        assert "'a' reads source 'other' and 'whole' reads 'default'" in refusal.problem
        assert "write source: other in 'whole'" in refusal.problem

    def test_a_chain_or_a_mesh_of_ten_thousand_composites_ends_nothing(self):
        chain = Shop(*(a_composite(f"c{n}", f"c{n + 1}") for n in range(10_000)))
        assert "nested more than 2 deep" in chain.refusal("c0").problem
        names = [f"m{n}" for n in range(10_000)]
        mesh = Shop(*(a_composite(name, *names[n + 1 : n + 17]) for n, name in enumerate(names)))
        assert "nested more than 2 deep" in mesh.refusal("m0").problem
        assert max(chain.looked_up, mesh.looked_up) < 2000


def test_resolving_does_not_change_what_is_resolved():
    whole = a_composite("whole", "a")
    before = replace(whole)
    assert Shop(whole, a_part("a")).resolve("whole") != whole
    assert whole == before
