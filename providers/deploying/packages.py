"""Python packages for a cloud, built on any machine: wheels for the target, trimmed, compiled, reproducible.

A package is made in a folder and written as a zip whose entries are sorted and carry fixed times and modes.
Equal sources give equal bytes, so a deployment can compare hashes and leave alone what did not change.
"""

import ast
import glob
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress

from ml_core.errors import Unavailable

TARGET_PYTHON = "3.13"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# The architectures as the clouds call them, and as wheels do.
WHEEL_ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}

# What a wheel carries for developers. RECORD would be false after trimming; the licences stay.
_UNNEEDED_FOLDERS = frozenset({"tests", "test", "bin", "__pycache__", "sboms"})
_UNNEEDED_FILES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", ".lock", "meson.build"})
_UNNEEDED_ENDINGS = (".pyi", ".h", ".hpp", ".c", ".cpp", ".pyx", ".pxd", ".pxi", ".tp", ".in", ".a", ".lib")

# What a prediction never imports of the packages that it needs: 2.8 MB of a zip. scikit-learn imports most of
# them, so a package that holds it keeps them all.
_NEVER_PREDICTED_WITH = (
    "numpy/random",  # draws starting points and splits
    "numpy/fft",
    "numpy/polynomial",
    "numpy/ma",  # masked arrays
    "numpy/testing",
    "numpy/f2py",  # compiles Fortran
    "numpy/_core/_simd.*",  # this and the next: what numpy's own tests call
    "numpy/_core/_*_tests.*",
    "numpy/lib/recfunctions.*",
    "numpy/conftest.py",
    "numpy/matlib.py",
    "numpy/core",  # old names, for arrays that numpy 1 pickled
    "numpy/linalg/lapack_lite.*",  # where numpy is built without LAPACK
    "numpy/_pyinstaller",
    "numpy/_configtool.py",
    "numpy/doc",
    "numpy/ctypeslib",
    "numpy/_utils/_pep440.*",  # compares versions, for numpy's own tests
    "numpy/lib/_user_array_impl.*",  # an array to be inherited from
    "numpy/lib/user_array.*",
    # Licences of what is removed above.
    *(f"numpy-*.dist-info/licenses/numpy/{name}" for name in ("random", "fft", "ma", "linalg/lapack_lite")),
    "numpy/typing/mypy_plugin.py",
    # What training does not import either: another library's file system, other places, a server's debugger.
    "obstore/fsspec.*",
    "obstore/auth",  # credentials by other libraries
    "werkzeug/debug",
    "werkzeug/middleware",
)

# Of Pillow the trainer decodes JPEG: other formats, fonts and colour profiles are two thirds of it. What its
# decoder itself is linked with stays: TIFF, JPEG 2000.
_PILLOW_NEVER_DECODES_WITH = (
    *(
        f"PIL/_{name}.*"
        for name in ("avif", "webp", "imagingcms", "imagingft", "imagingmath", "imagingmorph")
    ),
    "PIL/_imagingtk.*",
    *(
        f"pillow.libs/lib{name}-*"
        for name in (
            "avif",
            "brotlicommon",
            "brotlidec",
            "freetype",
            "harfbuzz",
            "lcms2",
            "png16",
            "sharpyuv",
        )
    ),
    *(f"pillow.libs/libwebp{name}-*" for name in ("", "demux", "mux")),
    "PIL/[A-IK-SU-Z]*Plugin.py",
    *(
        f"PIL/{name}.py"
        for name in ("ImageCms", "ImageDraw", "ImageDraw2", "ImageFont", "ImageQt", "ImageShow")
    ),
    *(
        f"PIL/{name}.py"
        for name in ("ImageFilter", "ImageTk", "ImageMath", "ImageMorph", "PdfParser", "PSDraw")
    ),
)
# What no algorithm learns from: sample data, readers of other programs' files, frames of other libraries, and
# what numpy's own tests call. An algorithm that somebody adds has the rest of these libraries.
_NEVER_TRAINED_WITH = (
    "sklearn/datasets",
    "scipy/io",
    "scipy/odr",
    "scipy/stats/_sobol_direction_numbers.npz",
    "numpy/_core/_simd.*",
    "numpy/_core/_*_tests.*",
    *(f"narwhals/{name}" for name in ("_dask", "_duckdb", "_ibis", "_spark_like", "testing")),
)

# What running a graph never needs of onnxruntime: its library for C programs (the one for Python holds the
# same), tools that make graphs, other providers; and what it declares and does not import.
_NEVER_RUN_WITH = (
    "onnxruntime/capi/libonnxruntime.so*",
    *(f"onnxruntime/{name}" for name in ("backend", "datasets", "quantization", "tools", "transformers")),
    *("google/protobuf", "google/_upb", "flatbuffers", "packaging"),
    *(f"{name}-*.dist-info" for name in ("protobuf", "flatbuffers", "packaging")),
)

# What Lithops asks of AWS; `ecr` it only makes a client for.
_SERVICES_OF_LITHOPS = frozenset({"s3", "lambda", "ecr"})
# And what else of it is for other clouds, for virtual machines and for people.
_BACKENDS_OF_LITHOPS = frozenset({"aws_lambda", "aws_s3", "localhost", "storage"})
_KINDS_OF_BACKENDS = ("monitoring", "serverless", "standalone", "storage")
_NEVER_MAPPED_WITH = (
    *("lithops/multiprocessing", "lithops/scripts", "boto3/examples", "botocore/cacert.pem"),
    *(
        "dateutil/zoneinfo",
        "urllib3/contrib/emscripten",
        "charset_normalizer/cd.*.so",
        "charset_normalizer/md*.so",
    ),
    *(f"pika/adapters/{name}_connection.py" for name in ("gevent", "tornado", "twisted")),
)

# Modules that give numpy's functions in C their docstrings, and do nothing else.
_DOCSTRINGS_ALONE = ("numpy/_core/_add_newdocs.py", "numpy/_core/_add_newdocs_scalars.py")

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def install(requirements: str, folder: str, *, architecture: str = "x86_64") -> None:
    """Install the wheels that the lock file `requirements` names, as `architecture` on Linux needs them.

    Raises `Unavailable` when the package index does not answer or has no such wheel.
    """
    wheels = WHEEL_ARCHITECTURES[architecture]
    run(
        [
            *[_uv(), "pip", "install", "--quiet", "--target", folder, "--no-deps", "--require-hashes"],
            *["--only-binary", ":all:", "--python-version", TARGET_PYTHON],
            *[
                "--link-mode",
                "copy",
            ],  # what is trimmed below is changed in place, and the cache is others' too
            *["--python-platform", f"{wheels}-manylinux_2_28", "--requirements", requirements],
        ],
        doing=f"installing {os.path.relpath(requirements, ROOT)} for Linux on {architecture}",
    )


def locked(requirements: str) -> dict[str, str]:
    """The lock file's entries by the distribution's name: each its pin and hashes, as they stand."""
    entries: dict[str, str] = {}
    name = ""
    with open(requirements, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line[0].isspace() and not line.startswith("#"):
                name = line.split("==")[0].strip().lower()
                entries[name] = line
            elif name and line.strip().startswith("--hash"):
                entries[name] += line
    return entries


def combined(*locks: str) -> str:
    """One lock file of what several name; they pin alike what they share."""
    entries: dict[str, str] = {}
    for lock in locks:
        entries |= locked(lock)
    return "".join(entries[name] for name in sorted(entries))


def selected(root: str, patterns: Iterable[str]) -> list[str]:
    """The files below `root` that the patterns select, as the framework's `package.patterns` do.

    A pattern is a glob (`**` for any folders); one with `!` before it takes away what came before. Compiled
    modules are left out: packages get their own.
    """
    names: set[str] = set()
    for pattern in patterns:
        found = glob.glob(pattern.removeprefix("!"), root_dir=root, recursive=True)
        names = names.difference(found) if pattern.startswith("!") else names.union(found)
    files = (name for name in names if os.path.isfile(os.path.join(root, name)))
    return sorted(name for name in files if "__pycache__" not in name)


def copy(root: str, names: Iterable[str], folder: str) -> None:
    """Copy files into `folder`, under the names that they have below `root`."""
    for name in names:
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        shutil.copyfile(os.path.join(root, name), os.path.join(folder, name))


def trim(folder: str) -> None:
    """Remove what no function imports: tests, headers, stubs, installers' records, other formats' readers."""
    for parent, folders, files in os.walk(folder):
        for unneeded in _UNNEEDED_FOLDERS.intersection(folders):
            folders.remove(unneeded)
            shutil.rmtree(os.path.join(parent, unneeded))
        for name in files:
            if name in _UNNEEDED_FILES or name.endswith(_UNNEEDED_ENDINGS):
                os.remove(os.path.join(parent, name))
            elif name.endswith(".so"):
                cut_debugging(os.path.join(parent, name))
    _remove(folder, (*_PILLOW_NEVER_DECODES_WITH, *_NEVER_TRAINED_WITH))


def cut_debugging(library: str) -> None:
    """Cut out of a library what only debuggers read, if it has that: of simdjson's nine tenths.

    A program is loaded by its program headers; sections are for linkers and debuggers. So of the bytes that
    no program header names the last go, and those in between become zeros, which are nothing in a zip. That
    is what `strip` would do, which not every machine has for Linux's libraries.
    """
    with open(library, "rb") as file:
        data = bytearray(file.read())
    if data[:6] != b"\x7fELF\x02\x01" or b"\0.symtab\0" not in data:  # of 64 bits, the lowest first
        return
    (table,) = struct.unpack_from("<Q", data, 0x20)
    size, number = struct.unpack_from("<HH", data, 0x36)
    headers = (struct.unpack_from("<8xQ16xQ", data, table + size * place) for place in range(number))
    loaded = [(0, 64), (table, size * number), *headers]  # the file's own header and the table, too
    end = 0
    for offset, length in sorted(loaded):
        data[end:offset] = bytes(max(offset - end, 0))
        end = max(end, offset + length)
    struct.pack_into("<Q", data, 0x28, 0)  # where the sections are, and how many: nowhere, none
    struct.pack_into("<HH", data, 0x3C, 0, 0)
    cut = f"{library}.cut"  # the file itself may be linked into the installer's cache, and be in use
    with open(cut, "wb") as file:
        file.write(data[:end])
    shutil.copymode(library, cut)
    os.replace(cut, library)


def trim_to_predict(folder: str, deployed_at: str) -> None:
    """Leave what a prediction imports of the packages that it needs, compiled, without sources.

    Nobody reads numpy's sources and docstrings in a function: 1 MB of a zip. Ours are there to be read.
    """
    trim(folder)
    _remove(folder, _NEVER_PREDICTED_WITH)
    for name in _DOCSTRINGS_ALONE:
        if os.path.exists(os.path.join(folder, name)):
            os.truncate(os.path.join(folder, name), 0)  # it is imported, so it has to be there
    compile_modules(folder, deployed_at, docstrings=False, sources=False)


def trim_to_run(folder: str, deployed_at: str) -> None:
    """Leave what running a graph imports of numpy, onnxruntime and a platform's own library; compiled."""
    _remove(folder, _NEVER_RUN_WITH)
    trim_to_predict(folder, deployed_at)


def trim_to_lithops(folder: str) -> None:
    """Remove what a function of Lithops never imports: nine tenths of boto3, and what is for other clouds."""
    for parent, kept in (
        *((told, _SERVICES_OF_LITHOPS) for told in ("botocore/data", "boto3/data")),
        *((f"lithops/{kind}/backends", _BACKENDS_OF_LITHOPS) for kind in _KINDS_OF_BACKENDS),
    ):
        for entry in os.scandir(os.path.join(folder, parent)):
            if entry.is_dir() and entry.name not in kept:
                shutil.rmtree(entry.path)
    _remove(folder, _NEVER_MAPPED_WITH)
    endpoints = os.path.join(folder, "botocore", "data", "endpoints.json")
    with open(endpoints, encoding="utf-8") as written:
        described = json.load(written)
    for partition in described["partitions"]:
        for service in partition["services"].keys() - _SERVICES_OF_LITHOPS:
            del partition["services"][service]
    with open(endpoints, "w", encoding="utf-8") as written:
        json.dump(described, written)


def _remove(folder: str, patterns: Iterable[str]) -> None:
    for pattern in patterns:
        for path in glob.glob(os.path.join(folder, pattern)):
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


# As `compileall`, which writes modules without docstrings under names that Python reads with -OO alone.
_COMPILING = """
import importlib.util, os, py_compile, sys
folder, deployed_at, optimize, sources = sys.argv[1:]
for parent, folders, files in os.walk(folder):
    folders.sort()
    for name in sorted(name for name in files if name.endswith(".py")):
        path = os.path.join(parent, name)
        compiled = importlib.util.cache_from_source(path, optimization="") if sources else path + "c"
        py_compile.compile(
            path, compiled, deployed_at + path[len(folder):], doraise=True, optimize=int(optimize),
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        if not sources:
            os.remove(path)
"""


def compile_modules(folder: str, deployed_at: str, *, docstrings: bool = True, sources: bool = True) -> None:
    """Add the `.pyc` files of every module below `folder`, which the cloud unpacks at `deployed_at`.

    They are never checked against their sources (unchecked hashes): a package folder is read-only in the
    cloud, so Python could not write them there, and compiling costs more than a whole first prediction.

    Args:
        folder: holds the modules.
        deployed_at: the folder that tracebacks name.
        docstrings: whether they have them, and checks by `assert`. Of our own modules nobody in a function
            reads one; they are an eighth of what it loads.
        sources: whether they stay; else each compiled module takes its source's place, where Python looks
            for one too.
    """
    optimize = "0" if docstrings else "2"
    run(
        # One process, in sorted order, with one hash seed and none of this interpreter's own settings:
        # what the marshalled code refers to depends on all of them.
        [
            *[_target_python(), "-P", "-S", "-c", _COMPILING],
            *[folder, deployed_at, optimize, "yes" if sources else ""],
        ],
        doing=f"compiling {folder}",
        # No traceback marks which columns of a line failed then. They are a seventh of the zip of our code.
        environment={
            "PYTHONHASHSEED": "0",
            "PYTHONNODEBUGRANGES": "1",
            "PATH": os.environ.get("PATH", os.defpath),
        },
    )


def drop_docstrings(folder: str) -> None:
    """Take the texts that say what things are for out of all modules below `folder`.

    Each line keeps its number, and is what a traceback shows. Of our own modules they are a sixth of the
    sources, which stand in a function for tracebacks and for who looks what runs there.
    """
    for name in _files(folder):
        if name.endswith(".py"):
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as source:
                text = source.read()
            with open(path, "w", encoding="utf-8") as target:
                target.write(_without_texts(text))


def _without_texts(text: str) -> str:
    """A module's source with blank lines in place of its statements that are texts alone."""
    lines = text.split("\n")
    for parent in ast.walk(ast.parse(text)):
        body = getattr(parent, "body", None)
        for statement in body if isinstance(body, list) else []:
            if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
                continue
            if not isinstance(statement.value.value, str):
                continue
            first, last = statement.lineno - 1, (statement.end_lineno or statement.lineno) - 1
            # Columns count bytes.
            before = lines[first].encode()[: statement.col_offset].decode()
            after = lines[last].encode()[statement.end_col_offset :].decode()
            alone = len(body or []) == 1 and not isinstance(parent, ast.Module)
            kept = f"{before}{'...' if alone else ''}{after}".rstrip()
            lines[first : last + 1] = [kept, *[""] * (last - first)]
    return "\n".join(lines)


def write_zip(folder: str, path: str, *, below: str = "", level: int = 6) -> None:
    """Write the folder's files to the zip at `path`, inside it under the folder `below`.

    Level 9 is a hundredth shorter than 6, and takes some time for what is long.
    """
    partial = f"{path}.{os.getpid()}.partial"
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name in sorted(_files(folder)):
            with open(os.path.join(folder, name), "rb") as source:
                add_file(archive, f"{below}/{name}" if below else name, source.read())
    os.replace(partial, path)


def kept(path: str) -> bool:
    """Whether an earlier build left `path`; it counts as used now."""
    with suppress(FileNotFoundError):
        os.utime(path)
        return True
    return False


def forget_older(latest: str, beginning: str, ending: str) -> None:
    """Remove what lies beside `latest`, is named alike, and was not used for a day.

    A package is tens of megabytes; but another deployment may be at work with one just now.
    """
    folder, yesterday = os.path.dirname(latest), time.time() - 24 * 3600
    for name in os.listdir(folder):
        old = os.path.join(folder, name)
        if not (name.startswith(beginning) and name.endswith(ending)) or old == latest:
            continue
        with suppress(FileNotFoundError):  # another deployment forgot it too
            if os.path.getmtime(old) < yesterday:
                shutil.rmtree(old) if os.path.isdir(old) else os.remove(old)


def add_file(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file to a zip as all of a package are: readable, scripts executable, of no particular time."""
    entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix: the upper half of external_attr is a mode
    entry.external_attr = (0o100755 if name.endswith(".sh") else 0o100644) << 16
    archive.writestr(entry, content, compresslevel=archive.compresslevel)


def fingerprint(*parts: str, files: Iterable[str] = ()) -> str:
    """A short digest of strings, files and this module: what a built package can be kept under."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    for path in [__file__, *files]:
        with open(path, "rb") as source:
            digest.update(source.read() + b"\0")
    return digest.hexdigest()[:16]


def _files(folder: str) -> Iterator[str]:
    """The files below the folder, by their names in a zip."""
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(parent, name), folder).replace(os.sep, "/")


def _uv() -> str:
    """The project's own uv, or the one on PATH."""
    own = os.path.join(ROOT, ".tools", "bin", "uv")
    found = own if os.path.exists(own) else shutil.which("uv")
    if found is None:
        raise Unavailable("uv was not found: run `make setup` in the project's folder first")
    return found


def _target_python() -> str:
    """An interpreter of the target's version: no other writes `.pyc` files that it reads."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == TARGET_PYTHON:
        return sys.executable
    found = subprocess.run(  # noqa: S603 - uv and a version of ours
        [_uv(), "python", "find", "--no-python-downloads", TARGET_PYTHON],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        raise Unavailable(
            f"CPython {TARGET_PYTHON} was not found, and packages for the cloud are compiled with it: "
            f"run `.tools/bin/uv python install {TARGET_PYTHON}`"
        )
    return found.stdout.strip()


def run(
    command: list[str],
    *,
    folder: str | None = None,
    environment: dict[str, str] | None = None,
    doing: str | None = None,
) -> str:
    """What a command printed; raises `Unavailable` with what it said when it failed."""
    done = subprocess.run(  # noqa: S603 - a tool of the project's and arguments of ours
        command, capture_output=True, text=True, check=False, cwd=folder, env=environment
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise Unavailable(f"{doing or ' '.join(command)} failed: {said}")
    return done.stdout
