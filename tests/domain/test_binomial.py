"""The tail of the binomial distribution, against exact fractions, sums of 60 digits, and tables."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.domain.binomial import upper_tail

SMALLEST = 1e-300  # results below lose digits, as all floats do there
DIGITS = 60
BERNOULLI = [Fraction(1, 6), Fraction(-1, 30), Fraction(1, 42), Fraction(-1, 30), Fraction(5, 66), Fraction(-691, 2730)]
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")

probabilities = st.floats(min_value=1e-9, max_value=1 - 1e-9)


def exact_tails(trials: int, probability: float) -> list[float]:
    """Return P(X ≥ k) for k from 0 to trials + 1, in whole numbers up to the last division."""
    p = Fraction(probability)
    a, b = p.numerator, p.denominator - p.numerator
    ways = (math.comb(trials, k) * a**k * b ** (trials - k) for k in range(trials, -1, -1))
    return [tail / p.denominator**trials for tail in (0, *accumulate(ways))][::-1]


def log_factorial(n: int) -> Decimal:
    """Return ln(n!) by Stirling's series; from a thousand on its error is under 1e-40."""
    assert n >= 1000
    x = Decimal(n)
    series = sum(
        Decimal(b.numerator) / b.denominator / (2 * j * (2 * j - 1) * x ** (2 * j - 1))
        for j, b in enumerate(BERNOULLI, start=1)
    )
    return (x + Decimal("0.5")) * x.ln() - x + (2 * PI).ln() / 2 + series


def long_sum(successes: int, trials: int, probability: float) -> float:
    """Return the tail with 60 digits, without anything that the code under test uses."""
    with localcontext() as context:
        context.prec = DIGITS
        p = Decimal(probability)
        q = 1 - p
        if successes < 1000:
            term = math.comb(trials, successes) * p**successes * q ** (trials - successes)
        else:
            log = log_factorial(trials) - log_factorial(successes) - log_factorial(trials - successes)
            term = (log + successes * p.ln() + (trials - successes) * q.ln()).exp()
        total, odds = term, p / q
        for i in range(successes, trials):
            term *= odds * (trials - i) / (i + 1)
            total += term
            if term < total * Decimal("1e-20"):
                break
        return float(total)


@pytest.mark.parametrize("probability", [1e-9, 1e-6, 0.001, 0.0144, 0.1, 0.3, 0.5, 0.8, 0.95, 1 - 1e-9])
@pytest.mark.parametrize("trials", [1, 2, 3, 5, 12, 17, 40, 60, 150])
def test_every_tail_of_few_trials_is_the_exact_fraction(trials, probability):
    for successes, expected in enumerate(exact_tails(trials, probability)):
        if expected == 0 or expected > SMALLEST:
            found = upper_tail(successes, trials=trials, probability=probability)
            assert found == pytest.approx(expected, rel=1e-12, abs=0), successes


@settings(deadline=None)  # whole numbers of thousands of digits
@given(trials=st.integers(0, 200), successes=st.integers(0, 200), probability=probabilities)
def test_any_tail_of_some_trials_is_the_exact_fraction(trials, successes, probability):
    expected = exact_tails(trials, probability)[successes] if successes <= trials else 0
    found = upper_tail(successes, trials=trials, probability=probability)
    # A tail near 1 is 1 minus a small sum; a small tail keeps its digits.
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(
    ("trials", "probability", "successes"),
    [
        pytest.param(10**9, 1e-9, 2, id="one success expected, two seen"),
        pytest.param(10**9, 3e-9, 1, id="three successes expected, one seen"),
        pytest.param(10**9, 1e-9, 60, id="one success expected, sixty seen"),
        pytest.param(10**9, 0.0144, 14_400_001, id="just above the mean"),
        pytest.param(10**9, 0.0144, 14_411_700, id="three standard deviations above the mean"),
        pytest.param(10**9, 0.0144, 14_520_000, id="thirty standard deviations above the mean"),
        pytest.param(10**9, 0.5, 500_050_000, id="the widest distribution"),
        pytest.param(10**9, 0.8, 800_040_000, id="the highest threshold that a rule may have"),
        pytest.param(10**7, 0.001, 10_310, id="ten million"),
        pytest.param(10**6, 1e-12, 3, id="a millionth expected, three seen"),
    ],
)
def test_a_tail_of_up_to_a_billion_trials_has_eleven_digits(trials, probability, successes):
    found = upper_tail(successes, trials=trials, probability=probability)
    assert found == pytest.approx(long_sum(successes, trials, probability), rel=1e-11, abs=0)


@pytest.mark.parametrize(
    ("trials", "probability", "successes", "expected"),
    [  # 1 minus the cumulative values that textbooks print to four places
        (10, 0.1, 2, 1 - 0.7361),
        (20, 0.25, 8, 1 - 0.8982),
        (20, 0.5, 15, 1 - 0.9793),
        (25, 0.05, 4, 1 - 0.9659),
        (15, 0.8, 12, 1 - 0.3518),
    ],
)
def test_printed_tables_agree(trials, probability, successes, expected):
    assert upper_tail(successes, trials=trials, probability=probability) == pytest.approx(expected, abs=6e-5)


def test_a_fair_coin_is_symmetric_up_to_a_billion_throws():
    for trials in (9, 99, 10**5 + 1, 10**9 + 1):  # odd: heads are in the majority as often as not
        assert upper_tail((trials + 1) // 2, trials=trials, probability=0.5) == pytest.approx(0.5, rel=1e-11)


@given(trials=st.integers(1, 10**9), share=st.floats(0, 1), probability=probabilities)
def test_what_is_not_in_one_tail_is_in_the_other(trials, share, probability):
    successes = round(share * trials)
    other = upper_tail(trials - successes + 1, trials=trials, probability=1 - probability)
    # 1 − p is rounded: with 1e9 trials that moves the mean by 1e-7 of a trial, the tail by far less than its own size.
    assert upper_tail(successes, trials=trials, probability=probability) + other == pytest.approx(1, rel=1e-6)


@given(trials=st.integers(2, 10**9), share=st.floats(0, 1), probability=probabilities)
def test_more_successes_or_fewer_trials_are_never_likelier_by_chance(trials, share, probability):
    successes = round(share * (trials - 1))
    tail = upper_tail(successes, trials=trials, probability=probability)
    slack = 1 + 1e-10
    assert upper_tail(successes + 1, trials=trials, probability=probability) <= tail * slack
    assert upper_tail(successes, trials=trials - 1, probability=probability) <= tail * slack
    assert 0 <= tail <= 1


@pytest.mark.parametrize("deviations", [0, 1, 3, 6, 20])
def test_beyond_a_billion_trials_the_tail_is_never_told_smaller_than_it_is(deviations):
    trials = 10**12
    found = upper_tail(trials // 2 + 500_000 * deviations, trials=trials, probability=0.5)
    assert math.erfc(deviations / math.sqrt(2)) / 2 * 0.999 <= found <= 1


def test_no_success_is_certain_and_more_than_all_is_impossible():
    assert upper_tail(0, trials=0, probability=0.5) == 1
    assert upper_tail(0, trials=10**9, probability=1e-9) == 1
    assert upper_tail(1, trials=0, probability=0.5) == 0
    assert upper_tail(4, trials=3, probability=0.999) == 0


def test_what_is_smaller_than_any_float_is_zero():
    assert upper_tail(10**6, trials=10**6, probability=0.001) == 0


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, 1.44, math.nan, math.inf])
def test_a_probability_that_is_none_is_refused(probability):
    with pytest.raises(ValueError, match=f"probability {probability} must be above 0 and below 1"):
        upper_tail(1, trials=2, probability=probability)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 2), (1, -2)])
def test_negative_counts_are_refused(successes, trials):
    with pytest.raises(ValueError, match=f"successes {successes} and trials {trials} must not be negative"):
        upper_tail(successes, trials=trials, probability=0.5)
