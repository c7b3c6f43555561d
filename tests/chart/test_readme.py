"""The chart's README lists every value with its default and effect."""

import yaml

from tests.chart.readme import README, rendered, rows
from tests.chart.render import CHART

VALUES = (CHART / "values.yaml").read_text()


def test_the_readme_is_up_to_date():
    assert README.read_text() == rendered(), "run: make crds"


def test_every_value_has_a_comment_of_its_own_or_of_its_group():
    def leaves(value, path=""):
        if isinstance(value, dict) and value:
            for name, child in value.items():
                yield from leaves(child, f"{path}.{name}" if path else name)
        else:
            yield path

    documented = {row.path for row in rows(VALUES)}
    for leaf in leaves(yaml.safe_load(VALUES)):
        parts = leaf.split(".")
        assert any(".".join(parts[:n]) in documented for n in range(1, len(parts) + 1)), leaf


def test_a_default_is_read_from_the_values_and_not_from_the_comment():
    (row,) = rows("logging:\n  # How much. Not 5.\n  level: info\n")
    assert (row.path, row.default, row.text) == ("logging.level", "info", "How much. Not 5.")


def test_a_comment_belongs_to_the_next_key_only():
    assert [row.path for row in rows("a:\n  # One.\n  b: 1\n  c: 2\n\n# Lost.\n\nd: 3\n")] == ["a.b"]
