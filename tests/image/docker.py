"""Building with a Docker engine, where one answers."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.shell import run, succeeds

BUILD_TIMEOUT_SECONDS = 1800.0


def engine_answers() -> bool:
    """Tell whether there is a docker client and an engine behind it."""
    return succeeds(["docker", "version", "--format", "{{.Server.Version}}"], timeout=10)


def build_command(checkout: Path, *, name: str, secrets: Mapping[str, Path], base: str | None = None) -> list[str]:
    """Return the docker call. The host's network, so that an index on this machine's loopback can be reached."""
    command = ["docker", "build", "--network", "host", "--tag", name]
    for key, path in secrets.items():
        command += ["--secret", f"id={key},src={path}"]
    if base:
        command += ["--build-arg", f"BASE={base}"]
    return [*command, str(checkout)]


def build(checkout: Path, *, name: str, secrets: Mapping[str, Path], base: str | None, archive: Path) -> None:
    """Build and save the image. Raises ClusterError with docker's words."""
    hint = "the Dockerfile's base image is pulled from its registry; name one you can reach with BASE=… make image"
    command = build_command(checkout, name=name, secrets=secrets, base=base)
    run(command, env={**os.environ, "DOCKER_BUILDKIT": "1"}, timeout=BUILD_TIMEOUT_SECONDS, hint=hint)
    run(["docker", "save", "--output", archive, name], timeout=BUILD_TIMEOUT_SECONDS)
