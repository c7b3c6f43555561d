"""Where messages may go (semantics K6). Pure: names and addresses come in, a problem or None comes out.

Addresses of channels are written by tenants, and the operator sits inside the cluster: without limits they could make
it talk to the API server, to the metadata service of a cloud, or to somebody else's pods.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """What the administrator allows. Hosts are names in lower case, or `*.example.com` for every name below it."""

    https_hosts: tuple[str, ...] = ()
    http_hosts: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()  # of those that are refused otherwise

    def host_problem(self, host: str, *, secure: bool) -> str | None:
        """Return why a host must not be told, with what to add where, or None."""
        allowed, option = (self.https_hosts, "allowedHosts") if secure else (self.http_hosts, "allowedHostsWithoutTls")
        if any(_matches(host, pattern) for pattern in allowed):
            return None
        how = "" if secure else " without TLS"
        return (
            f"the host {host} is not allowed{how}; an administrator adds it to the operator's configuration: "
            f'notifications: {{{option}: ["{host}"]}}'
        )

    def address_problem(self, address: Address) -> str | None:
        """Return why an address must not be connected to, with what to add where, or None."""
        real = _embedded(address)
        if any(real.version == network.version and real in network for network in self.networks):
            return None
        kind = _kind(real)
        if kind is None:
            return None
        network = f"{real}/{real.max_prefixlen}"
        return (
            f"the address {real} is {kind}; if that is meant, an administrator adds it or its network to the "
            f'operator\'s configuration: notifications: {{allowedNetworks: ["{network}"]}}'
        )


def usable(addresses: Sequence[Address], outbound: Outbound) -> tuple[list[Address], str | None]:
    """Return the addresses of a name that may be connected to, and, when there is none, why not."""
    problems = {address: outbound.address_problem(address) for address in addresses}
    allowed = [address for address, problem in problems.items() if problem is None]
    if allowed:
        return allowed, None
    return [], next(iter(problems.values()), "the name has no address")


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


def _embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address leads to, where it does: it is judged as what it is."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _kind(address: Address) -> str | None:
    """Return what makes an address one of this machine, this network or no single host; None for public ones."""
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local:
        return "a link-local address"
    if address.is_multicast:
        return "a multicast address"
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    # What is public is a matter of lists that grow from one Python to the next: reserved ranges are refused as a whole.
    return "not a public address" if site_local or address.is_reserved or not address.is_global else None
