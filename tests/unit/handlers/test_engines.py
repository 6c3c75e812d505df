"""Which engines a request may name, and how a job's child process gets them."""

import json
import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from handlers.engines import check_engine, engines_fault
from handlers.jobs import trainer_context
from handlers.local.services import folder_services
from handlers.services import Services
from handlers.settings import SettingInvalid, read_settings
from ml_core.engines import Engine, engine_named, engines_in, write_engines
from ml_core.errors import InvalidInput, NotConfigured, Unavailable
from ml_core.mapping import InTurn, in_order
from providers.aws.runtime import wiring as aws
from providers.azure.runtime import wiring as azure
from providers.google.runtime import wiring as google

if TYPE_CHECKING:
    from handlers.clouds.bootstrap import Wiring

OWN = ("auto", "function", "streamed")


def services(root: str, engines: str) -> Services:
    return folder_services(read_settings({"ML_ROOT": root, "ML_ENGINES": engines}), None)


@pytest.mark.parametrize("name", OWN)
def test_engines_of_the_function_itself_need_no_turning_on(name: str) -> None:
    check_engine(name, "", OWN)


@pytest.mark.parametrize("name", ["lithops", "dask"])
def test_an_engine_elsewhere_is_taken_where_it_is_turned_on_and_else_it_is_said_how(name: str) -> None:
    check_engine(name, f" dask , lithops,{name} ", OWN)
    with pytest.raises(InvalidInput) as refused:
        check_engine(name, "", OWN)
    (fault,) = refused.value.faults
    assert fault.path == "$.engine"
    assert fault.message.startswith('expected "auto" or "function" or "streamed", got ')
    assert f"ML_ENGINES={name}" in fault.message
    assert f"engines={name}" in fault.message


def test_what_is_no_engine_is_refused_with_those_that_are_on() -> None:
    with pytest.raises(InvalidInput, match=r'"auto" or "function" or "lithops", got .spark.$'):
        check_engine("spark", "lithops", ("auto", "function"))


def test_a_setting_that_names_no_engine_is_one_clear_line() -> None:
    assert engines_fault("lithops, dask") == ""
    with pytest.raises(
        SettingInvalid, match=r"ML_ENGINES: expected engines, .* of lithops, dask; got 'spark'"
    ):
        read_settings({"ML_ENGINES": "lithops,spark"})


def test_the_trainer_knows_what_is_turned_on(tmp_path: os.PathLike[str]) -> None:
    root = os.fspath(tmp_path)
    assert trainer_context(services(root, "")).engines == {}
    on = trainer_context(services(root, "dask,lithops")).engines
    assert list(on) == ["dask", "lithops"]


@pytest.mark.parametrize("wiring", [google, azure])
def test_a_cloud_on_which_none_was_tried_says_so(wiring: "Wiring") -> None:
    with pytest.raises(NotConfigured, match="lithops, and no engine was tried on this cloud"):
        wiring.engine({}, "lithops")


def test_on_aws_lithops_has_a_bucket_and_a_function_of_its_own() -> None:
    with pytest.raises(NotConfigured, match="lacks ML_LITHOPS_BUCKET"):
        aws.engine({}, "lithops")
    with pytest.raises(NotConfigured, match="names dask, which cannot be run on this cloud"):
        aws.engine({}, "dask")
    env = {"ML_LITHOPS_BUCKET": "b", "ML_LITHOPS_FUNCTION": "f", "AWS_REGION": "eu-central-1"}
    assert aws.engine(env, "lithops").arguments["function"] == "f"


def test_engines_reach_the_child_through_its_folder(tmp_path: os.PathLike[str]) -> None:
    folder = os.fspath(tmp_path)
    assert engines_in(folder) == {}
    engines = {"here": Engine("providers.mappers.lithops:on_this_machine", {"count": 3})}
    write_engines(folder, engines)
    assert engines_in(folder) == engines
    with pytest.raises(Unavailable, match="'lithops' is not turned on any more"):
        engine_named("lithops", engines_in(folder))


def test_an_engine_that_is_not_installed_is_unavailable(tmp_path: os.PathLike[str]) -> None:
    with pytest.raises(Unavailable, match="needs the package 'no_such_engine', which is not installed"):
        Engine("no_such_engine:mapper", {}).mapper(os.fspath(tmp_path))


def test_an_engine_makes_its_mapper_of_its_arguments_and_a_folder(tmp_path: os.PathLike[str]) -> None:
    made: object = Engine("builtins:dict", {"scheduler": "tcp://here"}).mapper(os.fspath(tmp_path))
    assert made == {"scheduler": "tcp://here", "folder": os.fspath(tmp_path)}


def test_one_after_the_other_gives_each_item_once_and_in_order() -> None:
    results = list(in_order(InTurn().map(partial(pow, 2), range(5))))
    assert results == [1, 2, 4, 8, 16]


def test_results_that_come_in_any_order_leave_in_the_items_order() -> None:
    came = iter([(2, "c"), (0, "a"), (3, "d"), (1, "b")])
    assert json.dumps(list(in_order(came))) == '["a", "b", "c", "d"]'
