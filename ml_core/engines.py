"""Engines that work on many parts at once, elsewhere: how one is known, and reaches a job's child process."""

import json
import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from ml_core.errors import Unavailable
from ml_core.mapping import Mapper

_FILE = "engines.json"


class Engine(NamedTuple):
    """What makes a mapper: an importable function, as "package.module:name", and its arguments, of JSON."""

    function: str
    arguments: dict[str, Any]

    def mapper(self, folder: str) -> Mapper:
        """The mapper, made in this process. Raises `Unavailable` where the engine is not installed.

        Args:
            folder: where it may keep files; who made the folder removes it.
        """
        module, _, name = self.function.partition(":")
        try:
            made: Mapper = getattr(import_module(module), name)(**self.arguments, folder=folder)
        except ImportError as error:
            raise Unavailable(
                f"the engine needs the package '{error.name}', which is not installed here"
            ) from error
        return made


type Engines = Mapping[str, Engine]
"""The engines that are turned on, by name."""


def write_engines(folder: str, engines: Engines) -> None:
    """Leave the engines in a job's folder, for its child process."""
    with open(os.path.join(folder, _FILE), "w", encoding="utf-8") as file:
        json.dump({name: engine._asdict() for name, engine in engines.items()}, file)


def engines_in(folder: str) -> Engines:
    """The engines that were left in a job's folder; none where nothing was."""
    try:
        with open(os.path.join(folder, _FILE), encoding="utf-8") as file:
            return {name: Engine(**each) for name, each in json.load(file).items()}
    except FileNotFoundError:
        return {}


class ChosenEngine(NamedTuple):
    """What works on the parts of a table, its name, and why it was chosen."""

    name: str
    mapper: Mapper
    reason: str


ASKED = "the request says so"


def engine_asked_for(name: str, folder: str) -> ChosenEngine:
    """The engine that a request names, of those left in a job's folder. Raises `Unavailable`."""
    return ChosenEngine(name, engine_named(name, engines_in(folder)).mapper(folder), ASKED)


def first_engine(folder: str, reason: str) -> ChosenEngine:
    """The first of the engines left in a job's folder; there is one. Raises `Unavailable`."""
    name, engine = next(iter(engines_in(folder).items()))
    return ChosenEngine(name, engine.mapper(folder), reason)


def engine_named(name: str, engines: Engines) -> Engine:
    """The engine. Raises `Unavailable` where it is not turned on: it was when the request was accepted."""
    if name not in engines:
        raise Unavailable(f"the engine '{name}' is not turned on any more")
    return engines[name]
