import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from backstop.adapters.store.encoding import VERSION, decode, encode
from backstop.domain.ledger import LONG_TIERS, Ledger, Mark, RowState
from backstop.domain.ring import TierState
from tests.checkpoints import a_state, bits

FLOATS = st.floats(width=64)  # all of them: NaN, infinities, the smallest and the largest
NO_ROWS = r"^version .* of the encoding is not 1|^no encoded rows: "
SECONDS = st.integers(-(2**63), 2**63 - 1)


@st.composite
def tiers(draw: st.DrawFn) -> TierState:
    columns = draw(st.integers(0, 40))
    return TierState(
        step=draw(st.integers(1, 2**32 - 1)),
        oldest=draw(SECONDS),
        newest=draw(SECONDS),
        good=draw(arrays.arrays(np.float64, columns, elements=FLOATS)),
        bad=draw(arrays.arrays(np.float64, columns, elements=FLOATS)),
        unknown=draw(arrays.arrays(np.int32, columns)),
    )


STATES = st.builds(
    RowState,
    tiers=st.lists(tiers(), max_size=4).map(tuple),
    marks=st.lists(st.builds(Mark, FLOATS, FLOATS, FLOATS, FLOATS), max_size=5).map(tuple),
)


@given(st.dictionaries(st.text(max_size=20), STATES, max_size=4))
def test_decoding_gives_back_what_was_encoded_bit_by_bit(rows):
    decoded = decode(encode(rows))
    assert list(decoded) == list(rows)
    assert [bits(state) for state in decoded.values()] == [bits(state) for state in rows.values()]


def test_decoded_columns_have_the_types_of_the_ledger():
    for tier in decode(encode({"": a_state()}))[""].tiers:
        assert (tier.good.dtype, tier.bad.dtype, tier.unknown.dtype) == (np.float64, np.float64, np.int32)


def test_a_decoded_row_can_be_restored_and_counts_the_same():
    ledger = Ledger(LONG_TIERS)
    state = a_state(minutes=500, ledger=ledger)
    row = ledger.restore_row(decode(encode({"": state}))[""])
    assert bits(ledger.export_row(row)) == bits(state)


def test_numbers_of_the_other_byte_order_are_written_the_same():
    state = a_state()
    swapped = RowState(
        tuple(
            TierState(
                tier.step,
                tier.oldest,
                tier.newest,
                *(array.astype(array.dtype.newbyteorder(">")) for array in (tier.good, tier.bad, tier.unknown)),
            )
            for tier in state.tiers
        ),
        state.marks,
    )
    assert encode({"": swapped}) == encode({"": state})


def test_a_row_of_30_days_takes_less_than_a_fifth_of_its_memory():
    ledger = Ledger()
    row = ledger.add(1_760_000_400)
    for event in np.random.default_rng(1).poisson(3000, 1000).tolist():
        ledger.append(row, good=event, bad=event // 1000, unknown_seconds=0.0, seconds=43_200 // 60 * 60)
    assert ledger.export_row(row).tiers[2].good.size == 35 * 24 + 1
    assert len(encode({"": ledger.export_row(row)})) < ledger.bytes_per_row() / 5


@given(st.binary(max_size=200))
def test_bytes_that_are_no_rows_are_refused(data):
    with pytest.raises(ValueError, match=NO_ROWS):
        decode(data)


@given(st.data())
def test_a_part_of_encoded_rows_is_refused(data):
    whole = encode({"": a_state(), '["eu"]': a_state()})
    with pytest.raises(ValueError, match=NO_ROWS):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))])


def test_another_version_is_refused():
    with pytest.raises(ValueError, match="version 02 of the encoding is not 1"):
        decode(bytes([VERSION + 1]) + encode({})[1:])


def test_what_follows_the_rows_is_refused():
    with pytest.raises(ValueError, match="3 bytes more than the rows have"):
        decode(bytes([VERSION]) + zlib.compress(struct.pack("<I", 0) + b"???"))
