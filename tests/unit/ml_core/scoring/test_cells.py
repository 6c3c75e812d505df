"""Values of Parquet that are kept in CSV have all of their digits."""

import datetime as dt
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from arro3.core import Array, DataType

from ml_core.errors import InvalidInput
from ml_core.scoring.cells import cells

INT = DataType.int64()
FAR = 10**15


def of(numbers: list[int | None], kind: DataType) -> Array:
    """An array whose values are these numbers."""
    return Array(numbers, INT).cast(kind)


@pytest.mark.parametrize(
    ("numbers", "kind", "expected"),
    [
        ([0, None, -1], DataType.timestamp("s"), ["1970-01-01T00:00:00", None, "1969-12-31T23:59:59"]),
        ([FAR, -FAR], DataType.timestamp("s"), ["31690708-07-05T01:46:40", "-31686769-06-29T22:13:20"]),
        ([FAR], DataType.timestamp("s", tz="Europe/Berlin"), ["31690708-07-05T01:46:40+00:00"]),
        ([1_500], DataType.timestamp("ms", tz="Mars/Olympus"), ["1970-01-01T00:00:01.500+00:00"]),
        ([1_000], DataType.timestamp("ms", tz="Europe/Berlin"), ["1970-01-01T01:00:01+01:00"]),
        (
            [1_000_000_007, 2_000],
            DataType.timestamp("ns"),
            ["1970-01-01T00:00:01.000000007", "1970-01-01T00:00:00.000002"],
        ),
        ([-1], DataType.timestamp("ns"), ["1969-12-31T23:59:59.999999999"]),
        ([7], DataType.timestamp("ns", tz="+05:30"), ["1970-01-01T05:30:00.000000007+05:30"]),
        ([123_456_789, 5_000], DataType.time64("ns"), ["00:00:00.123456789", "00:00:00.000005"]),
    ],
)
def test_times(numbers: list[int | None], kind: DataType, expected: list[str | None]) -> None:
    assert cells(of(numbers, kind), "t") == expected


def test_days() -> None:
    days = Array([0, None, 10**8], DataType.int32()).cast(DataType.date32())
    assert cells(days, "d") == ["1970-01-01", None, "275760-09-13"]
    assert cells(of([FAR], DataType.date64()), "d") == ["33658-09-27T01:46:40.000"]


def test_durations_are_written_as_python_writes_them() -> None:
    some = [0, 1, -1, 86_400 * 10**6, -90_061_000_001, 10**15]
    assert cells(of([*some], DataType.duration("us")), "d") == [
        str(dt.timedelta(microseconds=each)) for each in some
    ]
    assert cells(of([1, None], DataType.duration("ns")), "d") == ["0:00:00.000000001", None]
    assert cells(of([-1], DataType.duration("ns")), "d") == ["-1 day, 23:59:59.999999999"]
    assert cells(of([2**62], DataType.duration("s")), "d") == ["53375995583650 days, 7:45:04"]


class Nested(NamedTuple):
    """What arro3 makes no arrays of, but reads."""

    values: list[Any] | None
    type: DataType

    def to_pylist(self) -> list[Any]:
        """The values; none where Arrow cannot tell them."""
        if self.values is None:
            raise ValueError("Parser error: Invalid timezone")
        return self.values


def cells_of(values: list[Any] | None, of: DataType) -> list[Any]:
    array: Any = Nested(values, DataType.list(of))
    return cells(array, "w")


def test_bytes_and_dates_are_written_alike_in_lists() -> None:
    assert cells_of([[b"\x00\xff", None]], DataType.binary()) == ['["00ff", null]']
    assert cells(Array([b"\x00\xff"], DataType.binary()), "b") == ["00ff"]
    when = dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    assert cells_of([[when]], DataType.timestamp("us", tz="UTC")) == ['["2020-01-02T03:04:05+00:00"]']
    assert cells_of([[Decimal("1.50")]], DataType.decimal128(5, 2)) == ['["1.50"]']


def test_other_values_are_as_they_were() -> None:
    assert cells(Array([True, None], DataType.bool()), "o") == ["true", None]
    assert cells(Array([2**64 - 1], DataType.uint64()), "o") == [2**64 - 1]


def test_what_has_no_cells_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidInput, match="column 'w' cannot be written as CSV: write Parquet"):
        cells_of(None, DataType.timestamp("us", tz="Mars/Olympus"))
