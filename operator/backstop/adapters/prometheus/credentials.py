"""Who we say we are. Secrets are read from their files for every query, so that a rotated one is used at once."""

from base64 import b64encode
from pathlib import Path
from typing import Final

import requests
from requests.auth import AuthBase

from backstop.api.configuration import Source
from backstop.api.configuration_rules import is_header_value
from backstop.domain.errors import SourceUnreachable

MAX_SECRET_BYTES: Final = 65_536


class Credentials(AuthBase):
    """Puts the credentials of a source on a request. No message of it holds a secret."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Raises SourceUnreachable when a file cannot be used."""
        source = self._source
        for name, value in source.headers.items():
            request.headers[name] = value
        for name, file in source.header_files.items():
            request.headers[name] = self._secret(file, f"headerFiles.{name}")
        if source.auth is not None and source.auth.bearer_token_file is not None:
            request.headers["Authorization"] = (
                f"Bearer {self._secret(source.auth.bearer_token_file, 'auth.bearerTokenFile')}"
            )
        if source.auth is not None and source.auth.basic is not None:
            basic = source.auth.basic
            password = self._read(basic.password_file, "auth.basic.passwordFile")
            pair = b64encode(f"{basic.username}:{password}".encode())
            request.headers["Authorization"] = f"Basic {pair.decode()}"
        return request

    def _secret(self, file: str, field: str) -> str:
        """Return a secret that stands in a header as it is."""
        secret = self._read(file, field)
        if not is_header_value(secret):
            raise self._unusable(file, field, "is empty or holds more than one line of printable ASCII")
        return secret

    def _read(self, file: str, field: str) -> str:
        try:
            with Path(file).open("rb") as opened:
                content = opened.read(MAX_SECRET_BYTES + 1)
            if len(content) > MAX_SECRET_BYTES:
                raise self._unusable(file, field, f"is larger than {MAX_SECRET_BYTES} bytes")
            return content.decode().strip("\r\n\t ")
        except OSError as exc:
            raise self._unusable(file, field, f"cannot be read: {exc.strerror or type(exc).__name__}") from exc
        except UnicodeDecodeError:
            raise self._unusable(file, field, "is not text") from None  # the error would quote the secret

    def _unusable(self, file: str, field: str, what: str) -> SourceUnreachable:
        return SourceUnreachable(f"source {self._source.name}: the file {file} of {field} {what}")
