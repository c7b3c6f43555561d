"""The machine's way to its package index, for the build and only for the build.

A machine may reach packages only through a mirror, with its own certificate authority. The build gets these settings as
secrets, which no layer of the image keeps. Settings that name paths of this machine mean nothing inside the build and
are left out; the bundle of certificate authorities is the exception, and is handed over as a file.
"""

import ast
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CA_INSIDE = "/run/secrets/ca.pem"
CARRIED = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries", "find-links")
# In pip's own order: its setting first, then what the libraries under it would read.
CA_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")  # for a machine whose settings are uv's alone


@dataclass(frozen=True, slots=True)
class PipSettings:
    """A pip.conf for the build, and the CA bundle it names, if any."""

    configuration: str
    ca: Path | None


def pip_settings(listing: str, environment: Mapping[str, str]) -> PipSettings:
    """Return the settings that `pip config list` (its output is `listing`) and the environment amount to."""
    settings = _effective(listing)
    ca = _existing_bundle(settings.get("cert"), environment)
    carried = {key: value for key in CARRIED if (value := _usable(key, settings.get(key, "")))}
    index = next((environment[name] for name in INDEX_VARIABLES if environment.get(name)), None)
    if index and "index-url" not in carried:
        carried["index-url"] = index
    lines = ["[global]", *(f"{key} = {value}" for key, value in carried.items())]
    if ca is not None:
        lines.append(f"cert = {CA_INSIDE}")
    return PipSettings("\n".join(lines) + "\n", ca)


def read_listing() -> str:
    """Return `pip config list` of the Python that runs us. Raises CalledProcessError when pip is broken."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _effective(listing: str) -> dict[str, str]:
    """Return each key's value; the environment wins over [install], which wins over [global], as in pip."""
    ranked: dict[str, tuple[int, str]] = {}
    ranks = {"global": 0, "install": 1, ":env:": 2}
    for line in listing.splitlines():
        name, separator, quoted = line.partition("=")
        section, _, key = name.partition(".")
        if not separator or section not in ranks:
            continue
        value = str(ast.literal_eval(quoted))  # pip prints the value as a Python literal
        if key not in ranked or ranks[section] >= ranked[key][0]:
            ranked[key] = (ranks[section], value)
    return {key: value for key, (_, value) in ranked.items()}


def _usable(key: str, value: str) -> str:
    parts = value.split()
    if key == "find-links":  # folders of this machine are not there inside the build
        parts = [part for part in parts if part.startswith(("http://", "https://"))]
    return " ".join(parts)


def _existing_bundle(setting: str | None, environment: Mapping[str, str]) -> Path | None:
    candidates = [setting, *(environment.get(name) for name in CA_VARIABLES)]
    return next((Path(c) for c in candidates if c and Path(c).is_file()), None)
