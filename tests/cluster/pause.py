"""The image of the pod sandbox: one static program, built here since no registry is asked for anything."""

from collections.abc import Callable
from pathlib import Path

from tests.cluster import gobuild
from tests.cluster.catalogue import Component
from tests.cluster.errors import ClusterError
from tests.cluster.oci import ImageFile, write_archive
from tests.cluster.settings import PAUSE_IMAGE
from tests.cluster.shell import find_program, run

PAUSE = Component(name="pause", version="1", programs=("pause",), build_target=".")


def build(component: Component, into: Path, note: Callable[[str], None]) -> None:
    """Build the program with the C compiler where it can link statically, else with Go: a builder of BinaryStore."""
    compiler = find_program("cc") or find_program("gcc")
    if compiler is not None:
        source = component.module / "pause.c"
        try:
            run([compiler, "-Os", "-static", "-s", "-o", into / "pause", source])
        except ClusterError as exc:
            note(f"{compiler.name} cannot link a static program, using Go: {exc.message.splitlines()[-1]}")
        else:
            return
    gobuild.build(component, into, note)


def write_image(program: Path, archive: Path) -> None:
    """Write the image as an OCI archive."""
    write_archive(
        archive, name=PAUSE_IMAGE, files=[ImageFile("/pause", program)], entrypoint=["/pause"], user="65535:65535"
    )
