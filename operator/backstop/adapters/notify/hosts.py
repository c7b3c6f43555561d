"""From the name of a host to addresses that a message may go to (semantics K6).

The addresses that were judged are those that are connected to: a name is resolved once per attempt, so that it cannot
mean something else a moment later (DNS rebinding).
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from backstop.domain.outbound import Address, Outbound, usable

THREADS: Final = 32  # started as they are needed

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]  # host, port; raises OSError and UnicodeError


class AddressRefused(Exception):
    """The name leads to no address that may be connected to; the message says what to add where."""


class SystemResolver:
    """Asks the system's resolver, in threads of its own.

    A look-up cannot be cancelled: names of tenants that nobody answers for would else fill the threads that metrics and
    the look-up of the API server's name share.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="backstop-resolve")

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        """Return the addresses of a host. Raises OSError when there are none, UnicodeError when it can be no name."""
        loop = asyncio.get_running_loop()
        infos = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        # A scope (`fe80::1%eth0`) belongs to link-local addresses only, and says nothing about what they are.
        return [ip_address(str(info[4][0]).partition("%")[0]) for info in infos]


async def allowed_addresses(host: str, port: int, outbound: Outbound, resolve: Resolve) -> list[Address]:
    """Return where a message to `host` may go; never empty. Raises AddressRefused, and OSError for an unknown name."""
    addresses, problem = usable(await resolve(host, port), outbound)
    if problem is not None:
        raise AddressRefused(f"{host}: {problem}")
    return addresses


class PinnedResolver(AbstractResolver):
    """Answers with addresses that are known already, for one host."""

    def __init__(self, host: str, addresses: Sequence[Address]) -> None:
        self._host = host
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family  # all that is asked for is any
        if host != self._host:
            raise OSError(f"{host} is not the host that was checked")
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,  # noqa: PLR2004  IP version
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing to release."""
