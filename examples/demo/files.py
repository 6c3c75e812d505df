"""The files that the networks of the story are trained on, as people have them."""

import csv
import io
import math
import random
import struct
import zipfile
import zlib
from collections.abc import Sequence

CHANNELS = ("vibration", "current")
MACHINES = 400


def png(pixels: Sequence[Sequence[int]]) -> bytes:
    """A grey picture, rows of bytes, as a PNG file."""
    lines = b"".join(b"\0" + bytes(row) for row in pixels)
    header = struct.pack(">IIBBBBB", len(pixels[0]), len(pixels), 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def zip_of_digits() -> bytes:
    """scikit-learn's digits as PNG files, in a folder for each class."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
            # The inks go from 0 to 16.
            pixels = [[int(ink * 15) for ink in row] for row in image]
            archive.writestr(f"digits/{label}/{number:04}.png", png(pixels))
    return written.getvalue()


def table_of_machines() -> str:
    """Measurements of machines over time, a line for each second, as CSV: some bearings wear out.

    Made up: a worn bearing's vibration swings faster, and its current rises. Machines run for different
    times, and their lines are mixed.
    """
    dice = random.Random(7)  # noqa: S311 - an example
    lines = []
    for number in range(MACHINES):
        state = ("sound", "worn", "loose")[number % 3]
        swing = {"sound": 0.5, "worn": 0.9, "loose": 0.5}[state]
        phase, drift = dice.uniform(0, math.tau), {"sound": 0.0, "worn": 0.01, "loose": 0.03}[state]
        for second in range(dice.randint(15, 40)):
            vibration = math.sin(phase + swing * second) + dice.gauss(0, 0.3)
            current = 2 + drift * second + dice.gauss(0, 0.1)
            lines.append((f"m{number:03}", second, round(vibration, 3), round(current, 3), state))
    dice.shuffle(lines)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("machine", "second", *CHANNELS, "state"))
    writer.writerows(lines)
    return text.getvalue()
