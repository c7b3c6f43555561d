"""What the image is made of, and whether that has changed since the last build."""

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

FILES = ("Dockerfile", ".dockerignore", "requirements-runtime.lock", "pyproject.toml", "README.md", "LICENSE")
PACKAGE = Path("operator/backstop")


def image_name(checkout: Path) -> str:
    """Return the image's name; its tag is the version in pyproject.toml, which is also the chart's appVersion."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    return f"localhost/backstop:{project['version']}"


def fingerprint(checkout: Path) -> str:
    """Return a SHA-256 over names and contents of all inputs. Raises FileNotFoundError when one is missing."""
    digest = hashlib.sha256()
    for path in _inputs(checkout):
        content = path.read_bytes()
        # The length keeps two files from being mistaken for one with the same bytes in a row.
        digest.update(f"{path.relative_to(checkout)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _inputs(checkout: Path) -> Iterator[Path]:
    yield from (checkout / name for name in FILES)
    yield from sorted(path for path in (checkout / PACKAGE).rglob("*") if path.is_file() and path.suffix != ".pyc")
