"""Options that name a metrics source on a command line, and the source that they make."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from pydantic import ValidationError

from backstop.api.configuration import Auth, Source, Tls

F = TypeVar("F", bound=Callable[..., Any])

NAME: Final = "replay"  # what messages call the source
# What the operator tells to check in its configuration, and the option that it is here.
_AS_OPTIONS: Final = {
    "check its auth, headerFiles and tls.certFile": "check --bearer-token-file and --header",
    "check tls.caFile and the host in url": "check --ca-file, and the host in --source",
    "check the scheme of url and tls.certFile": "check the scheme in --source",
    "check the path prefix in url": "check the path in --source",
    "put the final address into url": "put the final address into --source",
    "check its address": "check --source",
    "raise its concurrency or timeout": "raise --timeout",
    "of auth.bearerTokenFile": "of --bearer-token-file",
    "remove them and use auth.basic": "remove them and use --bearer-token-file",
    "use auth, or put its value into a file named in headerFiles": "use --bearer-token-file",
}
_OPTION_OF: Final = {"url": "--source", "timeout": "--timeout", "headers": "--header"}


def source_options(command: F) -> F:
    """Add the options of a source to a command; `source_of` takes what they give."""
    options = (
        click.option("--source", "url", required=True, metavar="URL",
                     help="Prometheus or what speaks its HTTP API: Thanos, Mimir, VictoriaMetrics."),
        click.option("--header", "headers", multiple=True, metavar="NAME: VALUE",
                     help="A header for every query, such as X-Scope-OrgID: team-a; may be repeated. Not for secrets."),
        click.option("--bearer-token-file", type=click.Path(path_type=Path), help="File with a bearer token."),
        click.option("--ca-file", type=click.Path(path_type=Path),
                     help="File with the CA certificates to trust instead of the public ones."),
        click.option("--timeout", default="30s", show_default=True, metavar="DURATION", help="Bound of every query."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def source_of(
    url: str, *, headers: tuple[str, ...], bearer_token_file: Path | None, ca_file: Path | None, timeout: str
) -> Source:
    """Return the source that the options name. Raises BadParameter."""
    if ca_file is not None and not url.startswith("https://"):
        raise click.BadParameter("has no effect on an http address: use https in --source", param_hint="--ca-file")
    pairs = {}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon:
            raise click.BadParameter(f"{header!r} has no colon; write NAME: VALUE", param_hint="--header")
        pairs[name.strip()] = value.strip()
    try:
        return Source.model_validate(
            {
                "name": NAME,
                "url": url,
                "timeout": timeout,
                "auth": None if bearer_token_file is None else Auth(bearer_token_file=str(bearer_token_file)),
                "tls": Tls(ca_file=None if ca_file is None else str(ca_file)),
                "headers": pairs,
            }
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        problem = str(first["ctx"]["error"]) if first["type"] == "value_error" else first["msg"]
        option = next((_OPTION_OF[part] for part in map(str, first["loc"]) if part in _OPTION_OF), "--header")
        raise click.BadParameter(as_options(problem), param_hint=option) from None


def as_options(message: str) -> str:
    """Return a message of a source with the options of the command in place of the fields of the configuration."""
    for field, option in _AS_OPTIONS.items():
        message = message.replace(field, option)
    return message
