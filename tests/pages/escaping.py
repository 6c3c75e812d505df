"""What is wrong with the blocks of a page before anything is typed: none may be looked at by nothing."""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence

import yaml

from documenting.pages import ROOT
from tests.pages.marks import faults as faults_of_mark
from tests.pages.marks import mark_of
from tests.pages.reading import PYTHON, SHELL, Block
from tests.pages.showing import Contract, parsed

_PARSERS = {"json": parsed, "yaml": yaml.safe_load, "toml": tomllib.loads}
# Blocks that are run, or compared with what others print, without a mark.
_COMPARED = ("json", "text", "")
_RUNS = ("on a cloud", "on two services")


def faults(blocks: Sequence[Block]) -> Iterator[str]:
    """What is wrong with the blocks of one page."""
    contract = Contract()
    something_runs = False
    for block in blocks:
        told = [*faults_of_mark(block), *_faults_of_text(block)]
        mark = None if faults_of_mark(block) else mark_of(block)
        if mark and mark.kind in {"answer", "body"} and not told:
            fault = contract.fault(parsed(block.text), mark.kind, **_route(mark.named))
            told += [f"{block}: {fault}"] if fault else []
        runs = block.language in {SHELL, PYTHON}
        if not block.mark:
            told += _faults_without_mark(block, something_runs=something_runs)
        elif mark and mark.kind in _RUNS and not runs:
            told.append(f"{block}: expected commands or Python after '{block.mark}', got {block.language}")
        if runs:
            something_runs = not block.mark or bool(mark and mark.kind in _RUNS)
        yield from told


def is_layout(block: Block) -> bool:
    """Whether a text lists files of this project."""
    first = block.text.split(maxsplit=1)
    return block.language in {"text", ""} and bool(first) and (ROOT / first[0]).exists()


def _route(named: dict[str, str]) -> dict[str, str]:
    return {"method": named["method"], "path": named["path"], "member": named.get("member", "")}


def _faults_of_text(block: Block) -> list[str]:
    """What no block may be, whatever its mark."""
    if block.language == "indented":
        return [f"{block}: expected a fence with a language, got a block that is only indented"]
    if not block.text.strip():
        return [f"{block}: expected something in the block, got nothing"]
    if block.language == SHELL:
        prompts = len(re.findall(r"^\s*\$ ", block.text, re.MULTILINE))
        if not block.text.startswith("$ ") or prompts != len(block.commands):
            return [f"{block}: expected each command after '$ ' at the beginning of its line"]
    try:
        _PARSERS.get(block.language, str)(block.text)
    except (json.JSONDecodeError, yaml.YAMLError, tomllib.TOMLDecodeError) as error:
        return [f"{block}: expected {block.language}, got {error}"]
    return []


def _faults_without_mark(block: Block, *, something_runs: bool) -> list[str]:
    if block.language in {SHELL, PYTHON, "indented"}:
        return []
    if is_layout(block):
        named = re.findall(r"^(\S+?)/?(?=\s)", block.text, re.MULTILINE)
        return [f"{block}: there is no {name}" for name in named if not (ROOT / name).exists()]
    if block.language not in _COMPARED:
        return [f"{block}: nothing looks at a block of {block.language}; say in a mark which test does"]
    if not something_runs:
        return [f"{block}: no block before it prints what it shows; say in a mark which test compares it"]
    return []
