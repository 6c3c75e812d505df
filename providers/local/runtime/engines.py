"""Engines on the laptop: Lithops in processes of this machine, and Dask here or on a cluster."""

from collections.abc import Mapping

from ml_core.engines import Engine


def engine_here(name: str, env: Mapping[str, str]) -> Engine:
    """How an engine is run here.

    Args:
        name: "lithops" or "dask".
        env: `ML_DASK_SCHEDULER` is the address of a cluster's scheduler, such as `tcp://10.0.0.7:8786`.
    """
    if name == "dask":
        return Engine("providers.mappers.dask:mapper", {"scheduler": env.get("ML_DASK_SCHEDULER", "")})
    return Engine("providers.mappers.lithops:on_this_machine", {})
