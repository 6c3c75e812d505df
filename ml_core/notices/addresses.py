"""Which addresses a webhook may be sent to: those of the public internet, in no disguise.

What Python's `ipaddress` calls global is not enough: IPv6 has forms that a gateway or the machine itself
turns into an IPv4 address, and one cloud answers its machines at a public one.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# Where a request leads, though `ipaddress` calls it global. The last is Azure's own: of its agents and DNS.
_NEVER_IPV4 = tuple(
    IPv4Network(each)
    for each in ("0.0.0.0/8", "100.64.0.0/10", "192.88.99.0/24", "240.0.0.0/4", "168.63.129.16/32")
)
# All of IPv6 that is routed stands in one block. Of that: what IETF gave to protocols (Teredo and ORCHID
# among them), documentation, and 6to4.
_ROUTED = IPv6Network("2000::/3")
_NEVER_IPV6 = tuple(
    IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20")
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # the upper half of an interface's id, whose lower half is IPv4


def is_public(address: str) -> bool:
    """Whether an IP address, as a resolver gives it, is one of the public internet.

    One with a zone, or that is no address at all, is not.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return _is_public_ipv4(found) if isinstance(found, IPv4Address) else _is_public_ipv6(found)


def _is_public_ipv4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and not any(address in each for each in _NEVER_IPV4)


def _is_public_ipv6(address: IPv6Address) -> bool:
    # Outside of the block are loopback, link-local, private and multicast ones, and those that hold an IPv4
    # address: mapped, compatible, translated, and of NAT64.
    if address not in _ROUTED or address.scope_id is not None or not address.is_global:
        return False
    if any(address in each for each in _NEVER_IPV6):
        return False
    return (int(address) >> 32) & 0xFFFF_FFFF not in _ISATAP
