"""crds/ and the chart's copies, from the models."""

from backstop.api.crd import HEADER, KINDS, crd, to_yaml
from tests.generators.registry import Files, Generator

FOLDERS = ("crds", "charts/backstop/files/crds")


def make() -> Files:
    return {f"{folder}/{kind.file_name}": HEADER + to_yaml(crd(kind)) for folder in FOLDERS for kind in KINDS}


CRDS = Generator(make=make, owns=tuple(f"{folder}/*.yaml" for folder in FOLDERS))
