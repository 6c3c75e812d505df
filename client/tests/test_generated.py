"""The two forms are one source."""

import importlib.util
import inspect
from pathlib import Path
from typing import Any

import pytest
from serverless_ml import AsyncClient, AsyncJobHandle, AsyncRemoteModel, Client, JobHandle, RemoteModel
from serverless_ml._async import runtime as awaited
from serverless_ml._sync import runtime as at_once

CLIENT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate_sync", CLIENT / "generate_sync.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_there_is_what_is_generated(generator: Any) -> None:
    folder = generator.PACKAGE / "_sync"
    there = {path.name: path.read_text("utf-8") for path in folder.glob("*.py")}
    for name in generator.BY_HAND:
        there.pop(name)
    assert there == generator.modules(), "run `python client/generate_sync.py`"


def test_the_words_are_taken_out_of_code_alone(generator: Any) -> None:
    source = '''"""AsyncClient awaits; async and await stay."""


class AsyncThing:
    async def __aenter__(self) -> "AsyncThing":
        async with self.other() as other:  # AsyncThing awaits
            return await other.aclose(await one, awaited=[x async for x in other])

    text = "await AsyncThing"
'''
    assert generator.sync_source("x.py", source).splitlines()[1:] == [
        '"""Client awaits; async and await stay."""',
        "",
        "",
        "class Thing:",
        '    def __enter__(self) -> "Thing":',
        "        with self.other() as other:  # Thing awaits",
        "            return other.close(one, awaited=[x for x in other])",
        "",
        '    text = "await Thing"',
    ]
    with pytest.raises(ValueError, match=r"x\.py:1"):
        generator.sync_source("x.py", "async \\\ndef f(): ...\n")


def test_no_word_of_coroutines_is_left(generator: Any) -> None:
    for name, source in generator.modules().items():
        code = [line.partition("#")[0] for line in source.splitlines()]
        assert not any("async " in line or "await " in line for line in code if '"' not in line), name
        assert "Async" not in source.partition("\n")[2], name


def test_what_is_written_twice_has_the_same_names() -> None:
    def public(module: object) -> set[str]:
        own = vars(module)
        return {name for name in own if not name.startswith("_") and name not in ("asyncio", "time")}

    assert public(awaited) - {"AsyncIterator", "Awaitable"} == public(at_once) - {"Iterator"}


@pytest.mark.parametrize(
    ("one", "other"), [(AsyncClient, Client), (AsyncRemoteModel, RemoteModel), (AsyncJobHandle, JobHandle)]
)
def test_both_forms_take_the_same(one: type, other: type) -> None:
    for name, method in inspect.getmembers(one, inspect.isfunction):
        if name.startswith("__a"):
            continue
        twin = getattr(other, name)
        assert list(inspect.signature(method).parameters) == list(inspect.signature(twin).parameters), name
        assert not inspect.iscoroutinefunction(twin)
