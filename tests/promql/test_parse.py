import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.promql.parse import (
    MAX_NESTING,
    PromQLError,
    UnknownFunctionError,
    has_placeholder,
    parse,
    substitute_window,
    without_comments,
)

# what PromQL is made of, so that random text gets past the lexer now and then
WORDS = (
    "a { } [ 5m ] : ( ) \" \\ ' ` = =~ ( - ^ sum by on offset @ 1 1e309 0x1g NaN rate $window , and bool start"
    " # 2y .5 _ le topk"
)
TOKENS = st.sampled_from([*WORDS.split(), '"s"', "9" * 20, "é", "😀", "\x00", "\n", "\ud83d"])


@pytest.mark.parametrize(
    ("expression", "place"),
    [
        ("sum(rate(a[5m])", "')' is missing at the end"),
        ("sum a)", "unexpected ')' at character 6"),
        ("a{b='c}", "unterminated string at character 5"),
        ("a + ?", "unexpected character: '?' at character 5"),
        ("rate(a[5m)", "unexpected ')' at character 10"),
        ("", "no expression found"),
        ("a offset 1e309", "cannot read a number or a duration"),
        ("a[1000000000y]", "a duration is out of range"),
        ("a{b='\ud83d'}", "not valid Unicode"),
        ("(" * (MAX_NESTING + 1) + "a" + ")" * (MAX_NESTING + 1), f"more than {MAX_NESTING} nested brackets"),
        ("-" * 4000 + "a", "more than 512 operators"),
        ("a or " * 800 + "a", "more than 512 operators"),
        ('a{b=~"(' + "x" * 1000 + '"}', "illegal regex"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(expression: str, place: str) -> None:
    with pytest.raises(PromQLError) as refused:
        parse(expression)
    assert place in str(refused.value)
    assert len(str(refused.value)) < 300


def test_an_unknown_function_is_told_apart_with_its_place() -> None:
    with pytest.raises(UnknownFunctionError) as refused:
        parse("sum(brand_new(a[5m]))")
    assert refused.value.function == "brand_new"
    assert "at character 5" in str(refused.value)


def test_brackets_and_operators_in_strings_do_not_count() -> None:
    assert parse('a{b="((((' + "-" * 1000 + '"}') is not None


@settings(deadline=None)
@given(st.lists(TOKENS, max_size=12).flatmap(lambda tokens: st.sampled_from(["".join(tokens), " ".join(tokens)])))
def test_no_text_ends_in_anything_but_a_tree_or_a_promql_error(expression: str) -> None:
    try:
        assert parse(expression) is not None
    except PromQLError as error:
        assert str(error)  # noqa: PT017  both outcomes are fine, a third is not


@settings(deadline=None)
@given(st.text(max_size=200))
def test_random_text_ends_in_a_tree_or_a_promql_error(expression: str) -> None:
    try:
        assert parse(expression) is not None
    except PromQLError as error:
        assert str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("expression", "seconds", "expected"),
    [
        ("increase(a[$window])", 300, "increase(a[5m])"),
        ("increase(a[{{.window}}])", 90, "increase(a[1m30s])"),
        ("increase(a[{{ .window }}])", 0.5, "increase(a[500ms])"),
        ("a[$window] / b[$window]", 60, "a[1m] / b[1m]"),
        (
            'label_replace(a[$window], "x", "$window", "y", "{{.window}}")',
            60,
            'label_replace(a[1m], "x", "$window", "y", "{{.window}}")',
        ),
        ("a[$window] # per $window", 60, "a[1m]  "),
        ("a[$windows]", 60, "a[$windows]"),
    ],
)
def test_the_window_is_put_in_outside_of_strings_and_comments(expression: str, seconds: float, expected: str) -> None:
    assert substitute_window(expression, seconds) == expected


@pytest.mark.parametrize("seconds", [0, -1, 0.0001])
def test_a_window_of_nothing_is_a_mistake_of_the_caller(seconds: float) -> None:
    with pytest.raises(ValueError, match="too short"):
        substitute_window("a[$window]", seconds)


@pytest.mark.parametrize(
    ("expression", "has"),
    [
        ("a[$window]", True),
        ("a[{{.window}}]", True),
        ('a{b="$window"}', False),
        ("a # $window", False),
        ("a[5m]", False),
    ],
)
def test_a_placeholder_counts_outside_of_strings_and_comments(expression: str, has: bool) -> None:  # noqa: FBT001
    assert has_placeholder(expression) is has


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a # one", "a"),
        ("# one\n a", "a"),
        ("a{b='#'} # x", "a{b='#'}"),
        ("a +\n# why\nb", "a +\n \nb"),
        ("a{b=`\\`} # x", "a{b=`\\`}"),
        ('a{b="\\"#"} # x', 'a{b="\\"#"}'),
    ],
)
def test_comments_go_and_strings_stay(expression: str, expected: str) -> None:
    assert without_comments(expression) == expected
