"""What we may call on somebody else's word."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import network

INSIDE = [
    *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0"),
    *("169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "224.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1"),
]
CARRIED = ["::ffff:{}", "::{}", "64:ff9b::{}"]


@pytest.mark.parametrize("address", INSIDE)
def test_the_inside_of_a_network_is_never_called(address: str) -> None:
    assert not network.may_call(address)


@pytest.mark.parametrize("form", CARRIED)
@pytest.mark.parametrize("address", [each for each in INSIDE if "." in each])
def test_nor_is_it_by_an_address_that_carries_it(form: str, address: str) -> None:
    assert not network.may_call(form.format(address))


@given(st.ip_addresses(v=4, network="127.0.0.0/8") | st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_nor_by_a_tunnel(address: IPv4Address) -> None:
    tunnel = IPv6Address((0x2002 << 112) | (int(address) << 80) | 1)
    teredo = IPv6Address((0x20010000 << 96) | (int(address) ^ 0xFFFF_FFFF))
    assert not network.may_call(str(tunnel))
    assert not network.may_call(str(teredo))


@given(st.ip_addresses())
def test_what_is_called_is_public(address: IPv4Address | IPv6Address) -> None:
    assert not network.may_call(str(address)) or address.is_global or address.ipv4_mapped  # type: ignore[union-attr]


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:220:1::1", "::ffff:93.184.215.14"])
def test_public_addresses_are(address: str) -> None:
    assert network.may_call(address)
    assert not network.may_call(address, public=False)


def test_an_operator_may_open_a_network_and_no_other() -> None:
    allowed = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
    assert network.may_call("10.1.2.3", allowed)
    assert network.may_call("::ffff:10.1.2.3", allowed, public=False)
    assert network.may_call("fd12::1", allowed)
    assert not network.may_call("10.2.0.1", allowed)
    assert not network.may_call("127.0.0.1", allowed)


@pytest.mark.parametrize("address", ["", "localhost", "127.1", "0x7f000001", "1.2.3.4.5"])
def test_what_is_no_address_is_not_called(address: str) -> None:
    assert not network.may_call(address)
