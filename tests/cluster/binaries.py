"""Where a component's programs come from: the per-user cache, else a verified release download, else a Go build."""

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import gobuild
from tests.cluster.catalogue import Component
from tests.cluster.download import Downloader
from tests.cluster.errors import ClusterError, DownloadFailed
from tests.cluster.paths import cache_root
from tests.cluster.progress import Progress
from tests.cluster.shell import find_program

SOURCES = ("download", "build")
Builder = Callable[[Component, Path, Callable[[str], None]], None]


class BinaryStore:
    """The cache of components and the sources behind it. `BACKSTOP_BINARY_SOURCES` narrows the sources."""

    def __init__(
        self,
        root: Path | None = None,
        *,
        downloader: Downloader | None = None,
        builder: Builder = gobuild.build,
        sources: Sequence[str] | None = None,
    ) -> None:
        self._root = root or cache_root()
        self._downloader = downloader or Downloader()
        self._builder = builder
        self._sources = tuple(sources) if sources is not None else _sources_from_environment()

    def path(self, component: Component) -> Path:
        return self._root / component.directory_name()

    def has(self, component: Component) -> bool:
        return all((self.path(component) / program).is_file() for program in component.programs)

    def ensure(self, component: Component, progress: Progress) -> Path:
        """Return the folder with the component's programs, filled first when it is not there.

        Raises ClusterError when no source had it; the message holds what each said.
        """
        if self.has(component):
            return self.path(component)
        with self._locked(), progress.step(f"{component.name} {component.version}") as step:
            if self.has(component):
                step.note("another process fetched it")
                return self.path(component)
            failures: list[str] = []
            for source in self._sources:
                try:
                    self._fill(component, source, step.note)
                except DownloadFailed as exc:
                    failures.append(exc.message)
                    progress.say(f"  {component.name}: {exc.message}")
                    continue
                step.note(f"from {'the release page' if source == 'download' else 'Go modules'}")
                return self.path(component)
            raise ClusterError(
                f"no source has {component.name} {component.version}: " + "; ".join(failures),
                hint="check the network, or widen BACKSTOP_BINARY_SOURCES (download,build)",
            )

    def _fill(self, component: Component, source: str, note: Callable[[str], None]) -> None:
        """Fill a scratch folder and rename it into place: a folder in the cache is always whole."""
        with tempfile.TemporaryDirectory(dir=self._root, prefix=".filling-") as scratch:
            folder = Path(scratch) / "programs"
            folder.mkdir()
            fill = self._downloader.fetch if source == "download" else self._builder
            fill(component, folder, note)
            missing = [program for program in component.programs if not (folder / program).is_file()]
            if missing:
                raise ClusterError(f"{component.name} from {source}: these programs did not come: {', '.join(missing)}")
            final = self.path(component)
            shutil.rmtree(final, ignore_errors=True)  # an incomplete folder, since `has` said no
            folder.rename(final)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time fetches: two builds on a small machine take longer than one after the other."""
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def link_programs(store: BinaryStore, components: Sequence[Component], bin_directory: Path) -> None:
    """Make `bin_directory` hold a link to each program of the components, and to helm where it is installed."""
    bin_directory.mkdir(parents=True, exist_ok=True)
    for component in components:
        for program in component.programs:
            _link(bin_directory / program, store.path(component) / program)
    helm = Path(sys.executable).parent / "helm"
    found = helm if helm.exists() else find_program("helm")
    if found is None:
        raise ClusterError("helm is not installed", hint="`make setup` installs it into .venv")
    _link(bin_directory / "helm", found)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _sources_from_environment() -> tuple[str, ...]:
    asked = os.environ.get("BACKSTOP_BINARY_SOURCES", "")
    names = tuple(name.strip() for name in asked.split(",") if name.strip()) or SOURCES
    unknown = [name for name in names if name not in SOURCES]
    if unknown:
        raise ClusterError(f"BACKSTOP_BINARY_SOURCES: unknown source {unknown[0]}; choose of {', '.join(SOURCES)}")
    return names
