"""The table of values in the chart's README, from the comments in values.yaml."""

from tests.chart.readme import README, rendered
from tests.generators.registry import REPOSITORY, Files, Generator


def make() -> Files:
    return {README.relative_to(REPOSITORY).as_posix(): rendered()}


CHART_README = Generator(make=make, owns=())
