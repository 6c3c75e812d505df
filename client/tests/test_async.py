"""The client as coroutines, with the real service."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from serverless_ml import AsyncClient, Client, InvalidInput, retrying

from client.tests.misbehaving import Misbehaving, Says
from client.tests.service import ROOT, Service


def done[Result](service: Service, work: Callable[[AsyncClient], Awaitable[Result]]) -> Result:
    async def whole() -> Result:
        async with AsyncClient(service.url, progress=False) as client:
            return await work(client)

    return asyncio.run(whole())


def test_everything_is_awaited(service: Service, fruit: str) -> None:
    async def work(client: AsyncClient) -> None:
        rows = [[150, 0.4], [121, 0.9]]
        answers = await asyncio.gather(
            *(client.predict(f"{fruit}@{version}", rows) for version in (1, 2, 3)),
            client.model(fruit).predict(rows),
        )
        assert answers == [["quince", "apple"]] * 4
        assert fruit in await client.models()
        model = client.model(fruit)
        assert [each.version for each in await model.versions(limit=2)] == [3, 2]
        assert (await model.canary({1: 1, 2: 1}, "awaited")).weights == {1: 1, 2: 1}
        assert [each.alias for each in await model.aliases() if each.alias == "awaited"] == ["awaited"]
        assert (await model.promote(alias="awaited")).version == 2
        assert (await model.rollback("awaited", to=1)).weights == {1: 1, 2: 1}
        assert len(await model.history("awaited")) == 3
        with pytest.raises(InvalidInput):
            await client.predict(fruit, [["much", 1]])
        assert (await client.jobs(model=fruit, limit=1))[0].state == "succeeded"

    done(service, work)


def test_a_file_is_uploaded_and_trained_on(service: Service, ml: Client) -> None:
    async def work(client: AsyncClient) -> int:
        dataset = await client.upload("awaited", ROOT / "examples" / "churn.csv")
        assert (await dataset.describe()).state == "described"
        job = await client.train("awaited", target="churned", wait=False)
        return (await job.wait()).version

    assert done(service, work) == 1
    assert ml.model("awaited").version().lineage["data"]["uri"].startswith("dataset://awaited/")


def test_what_may_pass_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST", 0.001)

    async def work(url: str) -> None:
        async with AsyncClient(url) as client:
            assert list(await client.models()) == ["a"]
            assert (await client.upload("d", b"12")).name == "d"

    with Misbehaving() as server:
        signed = {"uri": "dataset://d/1", "url": f"{server.url}/put", "headers": {}}
        page = {"models": ["a"], "next_after": None}
        server.acts.extend([Says(503), "drops", Says(200, json.dumps(page).encode())])
        server.acts.extend([Says(201, json.dumps(signed).encode()), "drops", Says(200)])
        asyncio.run(work(server.url))
        assert [came.body for came in server.asked("PUT", "/put")] == [b"12", b"12"]
