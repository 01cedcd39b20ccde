"""Which network addresses we may call on somebody else's word."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Networks = Sequence[IPv4Network | IPv6Network]

# IPv6 networks whose last 32 bits are an IPv4 address: NAT64, and the old "compatible" ones.
_CARRIERS = (ip_network("64:ff9b::/96"), ip_network("::/96"))
# Public by their numbers, and yet the inside of a cloud: the agents of Azure, the metadata of Oracle.
_INSIDE = (ip_network("168.63.129.16/32"), ip_network("192.0.0.0/24"))


def may_call(address: str, allowed: Networks = (), *, public: bool = True) -> bool:
    """Whether `address` is public (and public ones are wanted), or in a network that an operator allowed.

    Private, loopback, link-local and reserved ones are not (that is where clouds keep their metadata), nor
    is an IPv6 address that carries such an IPv4 address.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    meant = _carried(found)
    if any(meant in network for network in allowed):
        return True
    inside = meant.is_multicast or any(meant in network for network in _INSIDE)
    return public and meant.is_global and not inside


def _carried(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for, or itself."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in _CARRIERS) and int(address) > 1:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address
