"""What formats of files of pictures are called; whoever checks a request needs no more."""

from typing import Final

ZIP: Final = "zip"
NPZ: Final = "npz"
PICTURE_FORMATS: Final = (ZIP, NPZ)
