"""Which addresses may be reached, whatever way they are written in."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.crm.addresses import Allowed, why_not_public


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.8.9.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
        ),
        *("169.254.169.254", "169.254.0.1", "168.63.129.16", "100.100.100.200", "192.0.0.192", "198.18.0.1"),
        *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.7"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1"),
        *(
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::ffff:0:10.0.0.1",
        ),
        *("2002:7f00:1::", "2002:a00:1::1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1"),
        *("2001:db8::1", "2001::1", "100::1", "4000::1", "2606:4700::1111%eth0"),
    ],
)
def test_not_public(address: str) -> None:
    assert why_not_public(ipaddress.ip_address(address)) is not None


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a02:6b8::2:242"),
        *("::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"),
    ],
)
def test_public(address: str) -> None:
    assert why_not_public(ipaddress.ip_address(address)) is None


@given(st.ip_addresses(v=4))
def test_what_wraps_an_address_is_judged_as_that(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    sixtofour = ipaddress.IPv6Address((0x2002 << 112) | (number << 80))
    nat64 = ipaddress.IPv6Address((0x64FF9B << 96) | number)
    for outer in (mapped, sixtofour, nat64):
        assert why_not_public(outer) == why_not_public(inner)


def test_what_the_engineer_allows() -> None:
    allowed = Allowed.of(["crm.lan", "Directory.lan.:8080", "10.20.0.0/16", "[fd00::7]:443", "192.168.0.9"])
    inside, other = ipaddress.ip_address("192.168.7.7"), ipaddress.ip_address("10.20.3.4")

    assert allowed.why_not("CRM.lan.", 80, inside) is None
    assert allowed.why_not("directory.lan", 8080, inside) is None
    assert allowed.why_not("directory.lan", 80, inside) is not None
    assert allowed.why_not("elsewhere.lan", 80, inside) is not None
    assert allowed.why_not("elsewhere.lan", 80, other) is None
    assert allowed.why_not("elsewhere.lan", 80, ipaddress.ip_address("::ffff:10.20.3.4")) is None
    assert allowed.why_not("fd00::7", 443, ipaddress.ip_address("fd00::7")) is None
    assert allowed.why_not("192.168.0.9", 80, ipaddress.ip_address("192.168.0.9")) is None
    assert allowed.why_not("192.168.0.8", 80, ipaddress.ip_address("192.168.0.8")) is not None


def test_ports_of_other_protocols_need_their_own_word() -> None:
    allowed = Allowed.of(["crm.lan", "old.lan:81"])

    assert allowed.why_not_port("crm.lan", 80) is None
    assert allowed.why_not_port("crm.lan", 8443) is None
    assert allowed.why_not_port("crm.lan", 25) is not None
    assert allowed.why_not_port("old.lan", 81) is None
