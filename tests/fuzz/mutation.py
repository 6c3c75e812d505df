"""Changes to samples, as chance and malice make them; the same for the same seed."""

import json
import random
import struct
from collections.abc import Sequence
from typing import Any

Chance = random.Random

NUMBERS = (
    0,
    1,
    -1,
    2,
    127,
    128,
    255,
    256,
    2**15,
    2**16,
    2**31 - 1,
    2**31,
    2**32,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64,
)
TEXTS = (
    *(
        "",
        " ",
        "\0",
        "\ud800",
        "\u2100",
        "\U0010ffff",
        "é",
        "a" * 300,
        "0" * 400,
        "1e400",
        "-0",
        "NaN",
        "inf",
        "null",
    ),
    *(
        "true",
        "__proto__",
        "../..",
        "%00",
        "$",
        '"',
        "'",
        ",",
        ";",
        "\n",
        "\r\n",
        "2024-05-31",
        "1,234.5",
        "{}",
        "[]",
    ),
)
_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        1.0,
        0.5,
        -0.0,
        1e308,
        5e-324,
        10**20,
        -(10**20),
        10**400,
        2**53 + 1,
        2**63,
    ),
    *([], {}, [[]], [None], {"": None}, [1] * 50, [[1]] * 20, {"a": {"a": {}}}),
)
_MARKS = (b"\0", b"\xff", b"\n", b'"', b",", b"[", b"{", b"}", b"\x80", b"\xed\xa0\x80", b"PAR1", b"e9")


def changed(sample: bytes, others: Sequence[bytes], chance: Chance) -> bytes:
    """A sample after one to eight changes to its bytes."""
    data = bytearray(sample)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 4, 8))):
        chance.choice(_CHANGES)(data, others, chance)
    return bytes(data)


def _flip(data: bytearray, others: Sequence[bytes], chance: Chance) -> None:
    del others
    if data:
        data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _set(data: bytearray, others: Sequence[bytes], chance: Chance) -> None:
    del others
    if data:
        data[_place(data, chance)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))


def _number(data: bytearray, others: Sequence[bytes], chance: Chance) -> None:
    """Overwrite a few bytes with an integer of 1, 2, 4 or 8."""
    del others
    size, order = chance.choice((1, 2, 4, 8)), chance.choice(("little", "big"))
    place = _place(data, chance)
    number = chance.choice(NUMBERS) % (1 << 8 * size)
    data[place : place + size] = number.to_bytes(size, "little" if order == "little" else "big")


def _cut(data: bytearray, others: Sequence[bytes], chance: Chance) -> None:
    del others
    begin = _place(data, chance)
    del data[begin : begin + chance.choice((1, 1, 2, 4, 16, len(data)))]


def _repeat(data: bytearray, others: Sequence[bytes], chance: Chance) -> None:
    del others
    begin = _place(data, chance)
    part = data[begin : begin + chance.choice((1, 2, 8, 64))]
    data[begin:begin] = part * chance.choice((1, 2, 16, 300))


def _insert(data: bytearray, others: Sequence[bytes], chance: Chance) -> None:
    del others
    text = chance.choice(TEXTS).encode("utf-8", "surrogatepass")
    place = _place(data, chance)
    data[place:place] = chance.choice((text, chance.choice(_MARKS)))


def _splice(data: bytearray, others: Sequence[bytes], chance: Chance) -> None:
    other = chance.choice(others)
    begin = _place(bytearray(other), chance)
    place = _place(data, chance)
    data[place : place + chance.choice((0, 8, 64))] = other[begin : begin + chance.choice((4, 16, 64, 512))]


def _digits(data: bytearray, others: Sequence[bytes], chance: Chance) -> None:
    """Write a number in digits over one that is there."""
    del others
    places = [place for place, byte in enumerate(data) if 0x30 <= byte <= 0x39]
    if places:
        place = chance.choice(places)
        data[place : place + 1] = str(chance.choice((*NUMBERS, 1e308, 10**30))).encode()


_CHANGES = (_flip, _flip, _set, _number, _number, _cut, _repeat, _insert, _splice, _digits)


def _place(data: bytearray, chance: Chance) -> int:
    """Anywhere, and often near the beginning or the end, where the formats have their headers."""
    if not data:
        return 0
    near = min(len(data), 64)
    return chance.choice(
        (chance.randrange(len(data)), chance.randrange(near), len(data) - 1 - chance.randrange(near))
    )


def changed_json(value: Any, chance: Chance) -> Any:
    """A JSON value after one to four changes to its members."""
    value = _copy(value)
    for _ in range(chance.choice((1, 1, 2, 4))):
        spots = list(_spots(value))
        if not spots:
            return _copy(chance.choice(_VALUES))
        container, member = chance.choice(spots)
        _change_member(container, member, chance, spots)
    return value


def _spots(value: Any) -> Any:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, inside in list(members):
        yield value, name
        yield from _spots(inside)


def _change_member(container: Any, member: Any, chance: Chance, spots: list[tuple[Any, Any]]) -> None:
    how = chance.randrange(6)
    if how == 0:
        del container[member]
    elif how == 1:
        other, place = chance.choice(spots)
        container[member] = _copy(other[place]) if _is_there(other, place) else None
    elif how == 2 and isinstance(container, dict):
        container[chance.choice(TEXTS)] = container.pop(member)
    elif how == 3:
        container[member] = chance.choice(TEXTS)
    elif how == 4 and isinstance(container[member], list) and container[member]:
        container[member] = container[member] * chance.choice((2, 3, 30))
    else:
        container[member] = _copy(chance.choice(_VALUES))


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _is_there(container: Any, member: Any) -> bool:
    return member in container if isinstance(container, dict) else member < len(container)


def changed_floats(packed: bytes, chance: Chance) -> bytes:
    """Packed float64 numbers, some of which are extreme."""
    numbers = [number for (number,) in struct.iter_unpack("<d", packed[: len(packed) // 8 * 8])]
    for _ in range(chance.choice((0, 1, 3))):
        if numbers:
            extremes = (0.0, -0.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), 1.0)
            numbers[chance.randrange(len(numbers))] = chance.choice(extremes)
    return struct.pack(f"<{len(numbers)}d", *numbers)
