"""What a generator is, and how its files are written or compared."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

Files = Mapping[str, str]  # path from the repository's root to text


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """Makes some committed files. `owns` are patterns: what matches and is not made any more is removed."""

    make: Callable[[], Files]
    owns: tuple[str, ...]


def differences(generators: tuple[Generator, ...], root: Path = REPOSITORY) -> Iterator[str]:
    """Yield a line per file that is not as it would be generated."""
    for generator in generators:
        files = generator.make()
        for path, text in files.items():
            file = root / path
            if not file.exists():
                yield f"{path} is missing"
            elif file.read_text(encoding="utf-8") != text:
                yield f"{path} differs"
        yield from (f"{path} is not generated any more" for path in _stale(generator, files, root))


def write(generators: tuple[Generator, ...], root: Path = REPOSITORY) -> Iterator[str]:
    """Write what differs, remove what is stale, and yield a line for each."""
    for generator in generators:
        files = generator.make()
        for path, text in files.items():
            file = root / path
            if not file.exists() or file.read_text(encoding="utf-8") != text:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
                yield f"wrote {path}"
        for path in _stale(generator, files, root):
            (root / path).unlink()
            yield f"removed {path}"


def _stale(generator: Generator, files: Files, root: Path) -> list[str]:
    present = {found.relative_to(root).as_posix() for pattern in generator.owns for found in root.glob(pattern)}
    return sorted(present - files.keys())
