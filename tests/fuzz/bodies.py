"""Bodies of rows as callers write them, and as they never should: the same for the same seed.

Each is longer than a kilobyte, so that it is read as long ones are. Half hold numbers alone.
"""

import json
import struct

from tests.fuzz.mutation import Chance

LONG = 1_100  # bytes at least
NUMBERS = (
    *("0", "-0", "0.0", "-0.0", "-0e1", "1", "1.0", "1.50", "1E5", "1e+05", "1e-5", "-12.25e-3"),
    *("9007199254740993", "-9007199254740993", "9223372036854775807", "9223372036854775808"),
    *("-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616"),
    *("123456789012345678901234567890", "-123456789012345678901234567890", "1" + "0" * 308, "9" * 310),
    *("0." + "3" * 40, "179769313486231570" + "0" * 291, "1" * 800 + "e-790", "0." + "0" * 400 + "1"),
    *("1.7976931348623157e308", "1.7976931348623159e308", "1e308", "1e309", "-1e400", "1e-400", "4e400"),
    *("2.2250738585072011e-308", "2.2250738585072014e-308", "4.9406564584124654e-324", "2e-324", "3e-324"),
    *("9007199254740992.5", "9007199254740993.00000000000000000001", "0.1000000000000000055511151231257827"),
    *("5e-324", "1e23", "8.5e22", "1e-7", "7.2057594037927933e16", "1e00000000000000000001", "1e-0"),
)
# What is no number of JSON's, or none that a model takes.
OTHERS = (
    *(
        "true",
        "false",
        "null",
        '"1"',
        '"a"',
        '""',
        '"[1]"',
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "1.",
        ".5",
    ),
    *("01", "-01", "+1", "0x10", "1e", "1e+", "-", "--1", "1_000", "1,", "[]", "[1]", "[[1]]", "{}"),
    *('{"a":1}', "[1,2]", "tru", "'1'", '"\\ud800"', '"\\u0000"', '"\x01"', "9" * 4_400, "/*1*/1", ""),
)
SPACES = ("", "", "", " ", "\n", "\t", "\r\n", "  ", "\f", "\u00a0", "\v")
MEMBERS = (
    *('"outputs":["label"]', '"outputs":["decision","probability"]', '"outputs":["predict_proba"]'),
    *('"outputs":[]', '"outputs":["none"]', '"outputs":"label"', '"outputs":[1]', '"outputs":[["label"]]'),
    *('"outputs":["[","decision"]', '"outp\\u0075ts":["decision"]', '"outputs":null', '"outputs":{"a":1}'),
    *('"unknown_columns":"ignore"', '"unknown_columns":"refuse"', '"unknown_columns":"x"', '"notes":true'),
    *('"notes":false', '"notes":null', '"notes":1', '"notes":1.0', '"notes":[]', '"receipt":true'),
    *('"signature_name":"[é"', '"signature_name":"\\ud83d\\ude00"', '"signature_name":"\\ud83d"'),
    *('"signature_name":"\\/\\b\\f\\u00e9"', '"signature_name":"\\x"', '"signature_name":"a\tb"', '"x":1'),
    *('"":1', '"\\u0000":1', '"instances\\u0000":[[1]]', '"x":{"y":{"y":1,"y":2}}', '"x":[[[[1]]]]'),
    *('"x":1e400', '"x":NaN', '"x":123456789012345678901234567890', '"inputs":[[1,2,3,4]]'),
    *('"instances":[[1,2,3,4]]', '"inst\\u0061nces":[[1,2,3,4]]', '"dataframe_records":[{"x0":1}]'),
)
MARKS = (
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b'"',
    b"\\",
    b"0",
    b"-",
    b" ",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
)


def drawn_body(chance: Chance, width: int) -> bytes:
    """A body for a model of so many columns."""
    wrong = chance.random() < 0.5
    parts = [_instances(chance, width, wrong=wrong)]
    while chance.random() < 0.4:
        parts.insert(chance.randrange(len(parts) + 1), chance.choice(MEMBERS[: None if wrong else 3]))
    text = _spaced(chance, "{") + _spaced(chance, ",").join(parts) + _spaced(chance, "}")
    body = text.encode("utf-8", "surrogatepass")
    body += b" " * (LONG - len(body)) if chance.random() < 0.5 else b""
    body = (b" " * (LONG - len(body))) + body
    return _broken(chance, body) if chance.random() < 0.15 else body


def _instances(chance: Chance, width: int, *, wrong: bool) -> str:
    """The member with the rows."""
    if wrong and chance.random() < 0.03:
        return f'"instances":{chance.choice((*NUMBERS[:9], *OTHERS))}'
    if wrong and chance.random() < 0.02:
        depth = chance.choice((3, 500, 1_024, 1_025, 5_000, 100_000))
        return f'"instances":{"[" * depth}1{"]" * depth}'
    rows = [_row(chance, width, wrong=wrong) for _ in range(chance.choice((1, 1, 2, 3, 5, 60)))]
    if wrong and chance.random() < 0.1:
        rows.insert(chance.randrange(len(rows) + 1), chance.choice((*NUMBERS[:3], *OTHERS)))
    name = "instances" if chance.random() < 0.97 else chance.choice(("inst\\u0061nces", "instance", "rows"))
    return f'"{name}":' + _spaced(chance, "[") + _spaced(chance, ",").join(rows) + _spaced(chance, "]")


def _row(chance: Chance, width: int, *, wrong: bool) -> str:
    if wrong and chance.random() < 0.05:
        width = chance.choice((0, 1, width - 1, width + 1, 2 * width))
    values = [_number(chance) for _ in range(width)]
    if wrong and values and chance.random() < 0.15:
        values[chance.randrange(len(values))] = chance.choice(OTHERS)
    if wrong and chance.random() < 0.1:
        names = [*(f"x{place}" for place in range(width)), "size", "colour", "x0"]
        named = (f'"{chance.choice(names)}":{value}' for value in values)
        return "{" + ",".join(named) + "}"
    return _spaced(chance, "[") + ",".join(values) + "]"


def _number(chance: Chance) -> str:
    kind = chance.random()
    if kind < 0.4:
        return str(round(chance.uniform(-1e3, 1e3), chance.randrange(6)))
    if kind < 0.55:
        return str(chance.randrange(-(10**6), 10**6))
    if kind < 0.7:
        (number,) = struct.unpack("<d", chance.randbytes(8))
        return json.dumps(number) if number - number == 0 else "1"
    if kind < 0.9:
        digits = "".join(chance.choices("0123456789", k=chance.choice((1, 5, 17, 19, 20, 25, 60))))
        whole = str(int(digits[: chance.randrange(len(digits)) + 1]))
        return f"{chance.choice(('', '-'))}{whole}.{digits}e{chance.randrange(-340, 300)}"
    return chance.choice(NUMBERS)


def _spaced(chance: Chance, mark: str) -> str:
    """A mark of JSON's, mostly with no space around it, seldom with what is none in JSON."""
    few = SPACES[: None if chance.random() < 0.02 else 8]
    return f"{chance.choice(few)}{mark}{chance.choice(few)}"


def _broken(chance: Chance, body: bytes) -> bytes:
    """A body after a change to its bytes."""
    place, other = chance.randrange(len(body)), chance.randrange(len(body))
    changes = (
        lambda: b"\xef\xbb\xbf" + body,
        lambda: b"\xff\xfe" + body,
        lambda: body + chance.choice((b"\0", b"x", b"{}", b",", b"]", b"\n\n", b"\xef\xbb\xbf", b"//")),
        lambda: body[:place],
        lambda: body[:place] + body[place + 1 :],
        lambda: body[:place] + chance.choice(MARKS) + body[place:],
        lambda: body[:place] + chance.choice(MARKS) + body[place + 1 :],
        lambda: body[:place] + body[min(place, other) : max(place, other)] + body[place:],
        lambda: body.decode("utf-8", "replace").encode("utf-16"),
    )
    return chance.choice(changes)()
