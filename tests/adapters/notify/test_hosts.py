"""From names to addresses: what the system answers, and that what was judged is what is connected to."""

import asyncio
import socket
from ipaddress import ip_address
from threading import current_thread

import pytest

from backstop.adapters.notify.hosts import AddressRefused, PinnedResolver, SystemResolver, allowed_addresses
from backstop.domain.outbound import Outbound
from tests.adapters.notify.receiver import LOOPBACK


async def test_the_system_knows_this_machine():
    found = await SystemResolver()("localhost", 443)
    assert found
    assert all(address.is_loopback for address in found)


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f000001"])
async def test_an_address_in_disguise_is_judged_as_what_the_system_takes_it_for(host):
    with pytest.raises(AddressRefused, match="loopback"):
        await allowed_addresses(host, 443, Outbound(), SystemResolver())


async def test_what_can_be_no_name_is_an_error_that_senders_expect():
    with pytest.raises(UnicodeError):
        await SystemResolver()(f"{'a' * 64}.example.com", 443)


async def test_look_ups_leave_the_threads_of_others_alone(monkeypatch):
    names = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: names.append(current_thread().name) or [])
    assert await SystemResolver()("hooks.example.com", 443) == []
    assert names[0].startswith("backstop-resolve")


async def test_a_name_without_addresses_is_refused():
    async def nothing(host, port):
        return []

    with pytest.raises(AddressRefused, match=r"hooks\.example\.com: the name has no address"):
        await allowed_addresses("hooks.example.com", 443, Outbound(), nothing)


async def test_only_allowed_addresses_are_given_on():
    async def both(host, port):
        await asyncio.sleep(0)
        return [ip_address("10.0.0.1"), ip_address("127.0.0.1")]

    allowed = Outbound(networks=(LOOPBACK,))
    assert await allowed_addresses("hooks.example.com", 443, allowed, both) == [ip_address("127.0.0.1")]


async def test_a_pinned_resolver_knows_one_name():
    resolver = PinnedResolver("hooks.example.com", [ip_address("192.0.2.7"), ip_address("2001:db8::7")])
    found = await resolver.resolve("hooks.example.com", 8443)
    assert [(f["host"], f["port"], f["family"]) for f in found] == [
        ("192.0.2.7", 8443, socket.AF_INET),
        ("2001:db8::7", 8443, socket.AF_INET6),
    ]
    with pytest.raises(OSError, match="not the host that was checked"):
        await resolver.resolve("other.example.com", 8443)
