"""Every form of an address that leads inside is refused, whatever it is disguised as."""

import pytest

from ml_core.notices.addresses import is_public

PUBLIC = [
    "1.1.1.1", "8.8.8.8", "93.184.215.14", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0",
    "169.253.255.255", "192.167.255.255", "223.255.255.255", "168.63.129.15",
    "2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "2001:4860:4860::8888", "2620:fe::fe",
]  # fmt: skip
PRIVATE_IPV4 = [
    "0.0.0.0", "0.1.2.3",  # noqa: S104 - nothing is bound
    "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1",
    "127.255.255.254", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255",
    "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "233.252.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.254", "255.255.255.255", "168.63.129.16", "100.100.100.200",
]  # fmt: skip
PRIVATE_IPV6 = [
    "::", "::1", "::2", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "fc00::1", "fdff::1",
    "fd00:ec2::254", "fd20:ce::254", "ff02::1", "ff0e::1", "100::1", "2001::1", "2001:2::1", "2001:10::1",
    "2001:20::1", "2001:db8::1", "3fff::1", "3ffe::1", "5f00::1", "4000::1", "2606:4700:4700::1111%1",
]  # fmt: skip


def hexed(ipv4: str) -> str:
    """An IPv4 address as the two last groups of one of IPv6."""
    a, b, c, d = map(int, ipv4.split("."))
    return f"{a << 8 | b:x}:{c << 8 | d:x}"


# The forms of IPv6 in which an IPv4 address can stand: also a public one is refused in them, since what the
# machine or a gateway makes of it is theirs to say.
FORMS = {
    "mapped": "::ffff:{}",
    "mapped, in full": "0:0:0:0:0:ffff:{}",
    "compatible": "::{}",
    "translated": "::ffff:0:{}",
    "NAT64": "64:ff9b::{}",
    "NAT64 of a site": "64:ff9b:1::{}",
    "6to4": "2002:{}::1",
    "Teredo": "2001:0:{}::1",
    "ISATAP": "2606:4700:4700:1:0:5efe:{}",
    "ISATAP of a public address": "2606:4700:4700:1:200:5efe:{}",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_of_the_public_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [*PRIVATE_IPV4, *PRIVATE_IPV6])
def test_what_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ipv4", [*PRIVATE_IPV4, "1.1.1.1"])
def test_no_form_of_ipv6_hides_one(form: str, ipv4: str) -> None:
    assert not is_public(FORMS[form].format(hexed(ipv4)))
    if form not in {"6to4", "Teredo"}:
        assert not is_public(FORMS[form].format(ipv4))


@pytest.mark.parametrize(
    "address",
    ["", "localhost", "example.com", "1.1.1", "0x7f.1", "2130706433", "017700000001", "127.1", "1.1.1.1 ",
     "[::1]", "1.1.1.1:80", "1.1.1.1/32", "::ffff:127.0.0.1%lo", "²", "1.1.1.1\n"],
)  # fmt: skip
def test_what_is_no_address_is_none(address: str) -> None:
    assert not is_public(address)


def test_every_address_of_every_special_block_of_ipv4() -> None:
    """The first and the last one of each block of IANA's registry that is not globally reachable."""
    from ipaddress import ip_network

    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/29", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    ):  # fmt: skip
        network = ip_network(block)
        assert not is_public(str(network[0])), block
        assert not is_public(str(network[-1])), block
