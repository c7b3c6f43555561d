"""What is known of other objects when one is judged at apply."""

import pytest

from tests.engine.test_engine import a_body, stage

pytestmark = pytest.mark.looptime


async def test_before_the_first_complete_list_no_slo_is_said_to_be_missing():
    async with stage() as s:
        s.engine.on_object("SLO", a_body("cart"))
        assert s.engine.known().has("SLO", "shop", "cart") is None


async def test_slos_that_exist_are_known_by_namespace_and_name_refused_ones_included():
    async with stage() as s:
        s.engine.on_object("SLO", a_body("cart"))
        s.engine.on_object("SLO", a_body("wrong", target=101))
        s.engine.on_synced("SLO", frozenset({"uid-cart", "uid-wrong"}))
        known = s.engine.known()
        assert [known.has("SLO", "shop", name) for name in ("cart", "wrong", "other")] == [True, True, False]
        assert known.has("SLO", "other", "cart") is False
        assert known.has("NotificationChannel", "shop", "pager") is None


async def test_what_was_known_does_not_change_under_a_thread_that_looks_at_it():
    async with stage() as s:
        s.engine.on_object("SLO", a_body("cart"))
        s.engine.on_synced("SLO", frozenset({"uid-cart"}))
        known = s.engine.known()
        s.engine.on_deleted("SLO", "uid-cart")
        assert known.has("SLO", "shop", "cart") is True
        assert s.engine.known().has("SLO", "shop", "cart") is False
