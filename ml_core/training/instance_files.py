"""The one door to files of pictures, sequences and texts: what a referenced file becomes once it is read.

picture_files/           a zip of class folders, or an NPZ
sequence_arrays.py       an NPZ of sequences
pixel_table.py           a row of a table is a picture
step_table.py            a row of a table is one step of a sequence
list_table.py            a row of a table is a sequence, in lists
text_table.py            a row of a table has a text
"""

from typing import TYPE_CHECKING

from ml_core.errors import InvalidInput
from ml_core.inputs.kinds import IMAGE
from ml_core.training.instances import TrainingInstances
from ml_core.training.split import AT_RANDOM, GROUP, Split, column_of

if TYPE_CHECKING:
    from ml_core.algorithms.base import AlgorithmInfo
    from ml_core.tables.memory import Budget
    from ml_core.training.reference import TableReference

_ZIP_MAGIC = b"PK"
# How pictures of a zip are held out by their folders.
BY_FOLDER: Split = {"by": GROUP, "column": "folder"}


def read_instances(
    info: "AlgorithmInfo",
    data: "TableReference",
    path: str,
    budget: "Budget",
    split: Split = AT_RANDOM,
    *,
    held_out: bool = True,
) -> TrainingInstances:
    """The instances in the file at `path`, some of which are to be `held_out`.

    Raises `InvalidInput` for what does not fit the file, `MalformedInput` for a file that is none, `TooLarge`
    for one past the budget.
    """
    if data.target is None:
        return _of_labelled_file(info, data, path, budget, split, held_out=held_out)
    if _is_zip(path) and IMAGE in info.algorithm.takes:
        raise InvalidInput.at(
            "$.data.target", "the file is a zip or an NPZ, which has labels of its own; leave this out"
        )
    if data.image is not None:
        from ml_core.training.pixel_table import read_pixels

        return read_pixels(data, path, budget, split, held_out=held_out)
    if data.sequence is not None:
        from ml_core.training.step_table import read_steps

        return read_steps(data, path, budget, split, held_out=held_out)
    if data.text is not None:
        from ml_core.training.text_table import read_texts

        return read_texts(data, path, budget, split, held_out=held_out)
    if data.features is not None:
        from ml_core.training.list_table import read_lists

        return read_lists(data, path, budget, split, held_out=held_out)
    return _of_guessed_form(info, data, path, budget, split, held_out=held_out)


def _is_zip(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC


def _of_guessed_form(
    info: "AlgorithmInfo",
    data: "TableReference",
    path: str,
    budget: "Budget",
    split: Split,
    *,
    held_out: bool,
) -> TrainingInstances:
    from ml_core.training.guessed_form import guess

    guessed, told = guess(data, path, budget, column_of(split))
    found = read_instances(info, guessed, path, budget, split, held_out=held_out)
    return found._replace(warnings=(told, *found.warnings))


def _of_labelled_file(
    info: "AlgorithmInfo",
    data: "TableReference",
    path: str,
    budget: "Budget",
    split: Split,
    *,
    held_out: bool,
) -> TrainingInstances:
    if not _is_zip(path):
        what = "a zip of class folders or an NPZ" if IMAGE in info.algorithm.takes else "an NPZ"
        raise InvalidInput.at(
            "$.data.target", f"expected the name of the column to predict: the file is not {what}"
        )
    if IMAGE in info.algorithm.takes:
        return _pictures(data, path, budget, split, held_out=held_out)
    if column_of(split) is not None:
        from ml_core.picture_files.reading import no_columns

        raise no_columns()
    from ml_core.training.sequence_arrays import read_arrays

    return read_arrays(path, budget, held_out=held_out)


def _pictures(
    data: "TableReference", path: str, budget: "Budget", split: Split, *, held_out: bool
) -> TrainingInstances:
    by_folder = column_of(split) is not None
    if by_folder and split != BY_FOLDER:
        raise InvalidInput.at(
            "$.split",
            "a file of pictures has no columns to hold them out by; a zip with folders within the classes' "
            'has {"by": "group", "column": "folder"}',
        )
    from ml_core.inputs.samples import packed_pictures
    from ml_core.picture_files.reading import read_pictures

    found = read_pictures(path, shape=data.image, format=data.format, budget=budget, by_folder=by_folder)
    pictures = packed_pictures(found.samples)
    pictures.where = "$.data"
    test = None
    if held_out and found.held_out is not None:
        test = memoryview(found.held_out.astype("u1"))
    ranks = None if found.groups is None else memoryview(found.groups.astype("<i8"))
    return TrainingInstances(
        IMAGE, pictures, ("image",), found.targets, found.warnings, ranks, test=test, in_file=True
    )
