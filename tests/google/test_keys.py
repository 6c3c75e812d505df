"""Keys on Google Cloud: written to Secret Manager by the command line, read by functions from a file."""

import json
import threading
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest

from ml_core.errors import RevisionMismatch, TooLarge, Unavailable
from providers.__main__ import main
from providers.deploying.keys import KeyLimits, Target, _change, new_key
from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service
from providers.google.deploying.access import Access
from providers.google.deploying.key_records import ABANDONED, CLAIM, KeyRecords
from providers.google.deploying.key_store import key_store
from providers.google.deploying.names import names_of
from providers.google.runtime.keys import read_records
from tests.google.conftest import Bench, Clock, Google, make_service

NAMES = names_of(make_service())
SECRET = f"projects/demo-1/secrets/{NAMES.secret}"
LOCATION, API = "projects/demo-1/locations/europe-west1", "serverless-ml-dev-api"
RECORD = {"id": "3f9a0c1e", "role": "predict", "sha256": "0" * 64}


@pytest.fixture
def deployed(google: Google) -> Google:
    labels = {"service": "serverless-ml", "stage": "dev", "region": "europe-west1"}
    google.cloud.resources[SECRET] = {"name": SECRET, "labels": labels, "etag": '"1"'}
    return google


def test_what_is_written_is_read(deployed: Google) -> None:
    store = key_store(Target("dev"), deployed.env)
    store.write([RECORD])
    assert store.read() == [RECORD]


def test_records_with_limits_are_read_as_they_were_made(deployed: Google, tmp_path: Path) -> None:
    """A secret holds sixteen of the longest; what is more is refused before it is sent."""
    patterns = [f"{number:03d}-{'x' * 50}" for number in range(68)]
    limits = KeyLimits(models=patterns, expires="2999-12-31T23:59:59Z")
    records = [new_key("predict", limits=limits).record for _ in range(17)]
    store = key_store(Target("dev"), deployed.env)
    store.write(records[:16])
    assert store.read() == records[:16]
    (tmp_path / "mounted").write_text(json.dumps(held(deployed, SECRET)))
    assert read_records(str(tmp_path / "mounted")) == records[:16]
    with pytest.raises(TooLarge, match="a secret holds at most 65,536: revoke keys"):
        store.write(records)
    assert held(deployed, SECRET) == records[:16]


def test_only_the_newest_version_is_kept(deployed: Google) -> None:
    """Each version that is not destroyed costs, and an old one would still hold a revoked key's digest."""
    store = key_store(Target("dev"), deployed.env)
    for records in ([RECORD], [RECORD, RECORD], []):
        store.write(records)
    assert [each["state"] for each in deployed.cloud.versions[SECRET]] == [
        "ENABLED",
        "DESTROYED",
        "DESTROYED",
    ]
    assert store.read() == []


def test_before_the_first_deploy_there_is_none_and_none_can_be_made(google: Google) -> None:
    store = key_store(Target("dev"), google.env)
    assert store.read() is None
    with pytest.raises(
        DeploymentFailed, match="there is no secret serverless-ml-dev-keys, project demo-1: dep"
    ):
        store.write([RECORD])


def test_without_a_project_it_is_said_in_a_line() -> None:
    with pytest.raises(DeploymentFailed, match="set GOOGLE_CLOUD_PROJECT"):
        key_store(Target("dev"), {})


def test_a_function_reads_the_mounted_file(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    assert read_records(str(path)) is None
    path.write_text('[{"id": "a"}]')
    assert read_records(str(path)) == [{"id": "a"}]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_a_damaged_secret_closes_the_service_as_unavailable(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "records.json"
    path.write_bytes(content)
    with pytest.raises(Unavailable):
        read_records(str(path))


def held(google: Google, secret: str) -> list[Any]:
    """The records that a function reads which mounts the secret."""
    newest = next(each for each in google.cloud.versions[secret] if each["state"] == "ENABLED")
    records: list[Any] = json.loads(b64decode(newest["data"]))
    return records


def test_keys_are_where_the_function_reads_whatever_its_region(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.deploy(make_service(region="us-central1"))
    for name, value in bench.google.env.items():
        monkeypatch.setenv(name, value)
    assert main(["keys", "new", "--cloud", "google", "--role", "admin"]) == 0
    out, err = capsys.readouterr()
    assert (
        "(role admin) in the secret serverless-ml-dev-us-central1-keys, project demo-1, read in us-cen" in err
    )
    assert "warning" not in err
    theirs = SECRET.replace("europe-west1", "us-central1")
    assert [each["id"] for each in held(bench.google, theirs)] == [out.split("_")[1]]


def test_a_region_without_functions_is_warned_of_and_the_right_one_named(
    bench: Bench, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.deploy(service)
    for name, value in bench.google.env.items():
        monkeypatch.setenv(name, value)
    assert main(["keys", "list", "--cloud", "google", "--region", "us-central1"]) == 0
    assert (
        "warning: no function of serverless-ml, stage dev, reads keys in us-central1 of "
        "demo-1; functions in europe-west1 do: pass --region europe-west1"
    ) in capsys.readouterr().err
    assert main(["keys", "list", "--cloud", "google", "--region", "europe-west1"]) == 0
    assert "warning" not in capsys.readouterr().err


def test_two_regions_of_one_stage_have_keys_of_their_own(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    bench.deploy(make_service(region="us-central1"))
    with pytest.raises(
        DeploymentFailed, match=r"expected a deployment in one region, got europe-west1: .*--region"
    ):
        key_store(Target("dev"), bench.google.env)
    for region in ("europe-west1", "us-central1"):
        store = key_store(Target("dev", options={"region": region}), bench.google.env)
        assert store.place == f"secret serverless-ml-dev-{region}-keys, project demo-1, read in {region}"
        assert store.warning is None
        store.write([{**RECORD, "id": region}])
    for region in ("europe-west1", "us-central1"):
        secret = SECRET.replace("europe-west1", region)
        assert [each["id"] for each in held(bench.google, secret)] == [region]


def test_without_functions_the_secret_is_found_by_its_labels(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    bench.google.cloud.functions.clear()
    assert key_store(Target("dev"), bench.google.env).place == f"secret {NAMES.secret}, project demo-1"
    bench.deploy(make_service(region="us-central1"))
    bench.google.cloud.functions.clear()
    with pytest.raises(
        DeploymentFailed, match=r"expected one secret of serverless-ml, stage dev, got .*--region"
    ):
        key_store(Target("dev"), bench.google.env)
    here = key_store(Target("dev", options={"region": "europe-west1"}), bench.google.env)
    assert here.place == f"secret {NAMES.secret}, project demo-1"


def test_the_keys_of_a_renamed_service_and_of_another_stage_or_project_are_its_own(
    bench: Bench, service: Service
) -> None:
    others = [
        (Target("dev", "churn"), make_service()._replace(name="churn")),
        (Target("prod"), make_service(stage="prod")),
        (Target("dev", options={"project": "demo-2"}), make_service(project="demo-2")),
    ]
    for each in (service, *(other for _, other in others)):
        bench.deploy(each)
    for number, (target, _) in enumerate(others):
        store = key_store(target, bench.google.env)
        assert store.warning is None
        store.write([{**RECORD, "id": str(number)}])
    assert held(bench.google, SECRET) == []
    names = (
        "demo-1/secrets/churn-dev",
        "demo-1/secrets/serverless-ml-prod",
        "demo-2/secrets/serverless-ml-dev",
    )
    for number, name in enumerate(names):
        assert [each["id"] for each in held(bench.google, f"projects/{name}-europe-west1-keys")] == [
            str(number)
        ]


def test_the_secret_is_the_one_that_the_function_mounts(bench: Bench, service: Service) -> None:
    """Not the one that has the name: an earlier or a foreign deployment may have called it otherwise."""
    bench.deploy(service)
    cloud = bench.google.cloud
    other = "projects/keys-1/secrets/ours"
    cloud.resources[other] = {"name": other, "etag": '"1"'}
    volume = cloud.functions[f"{LOCATION}/functions/{API}"]["serviceConfig"]["secretVolumes"][0]
    volume |= {"projectId": cloud.number("keys-1"), "secret": "ours"}
    store = key_store(Target("dev"), bench.google.env)
    assert store.place == f"secret ours, project {cloud.number('keys-1')}, read in europe-west1"
    store.write([RECORD])
    assert held(bench.google, other) == store.read() == [RECORD]
    assert held(bench.google, SECRET) == []


def test_regions_that_read_different_secrets_are_told_apart(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    bench.deploy(make_service(region="us-central1"))
    path = f"{LOCATION}/functions/{API}".replace("europe-west1", "us-central1")
    bench.google.cloud.functions[path]["serviceConfig"]["secretVolumes"][0]["secret"] = "others"
    with pytest.raises(
        DeploymentFailed,
        match=r"europe-west1: serverless-ml-dev-europe-west1-keys .*us-central1: others .*-r",
    ):
        key_store(Target("dev"), bench.google.env)
    store = key_store(Target("dev", options={"region": "us-central1"}), bench.google.env)
    assert store.place == "secret others, project demo-1, read in us-central1"


def test_what_could_not_be_looked_at_is_said(deployed: Google) -> None:
    deployed.cloud.unreachable = {"us-central1"}
    warning = key_store(Target("dev"), deployed.env).warning
    assert str(warning).endswith(
        "in any region of demo-1; Google cannot list the functions in us-central1 now"
    )
    deployed.cloud.fail("GET", r"/functions$", 403, "Cloud Functions API has not been used\nin demo-1")
    store = key_store(Target("dev"), deployed.env)
    store.write([RECORD])
    assert store.place == f"secret {NAMES.secret}, project demo-1"
    warning = str(store.warning)
    assert warning.startswith("could not check whether a function reads it: Google refuses: ")
    assert warning.endswith("Cloud Functions API has not been used in demo-1")


@pytest.mark.parametrize("path", [r"/functions$", r"/versions$"])
def test_a_failure_is_one_line(deployed: Google, path: str) -> None:
    deployed.cloud.fail("GET", path, 400, "no\nsuch\nthing")
    with pytest.raises(DeploymentFailed, match=r"^Google answers 400: .*no such thing$"):
        key_store(Target("dev"), deployed.env).read()


def made_at_once(google: Google, count: int) -> list[str]:
    """Ids of keys that so many commands make at the same moment, each a process's worth of its own."""
    start = threading.Barrier(count)

    def one(number: int) -> str:
        store = key_store(Target("dev"), google.env)
        start.wait()
        _change(store, lambda records: [*records, {**RECORD, "id": f"{number}"}], sleep=lambda _: None)
        return str(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_of_six_keys_made_at_once_none_is_lost(deployed: Google) -> None:
    key_store(Target("dev"), deployed.env).write([{**RECORD, "id": "first"}])
    made = made_at_once(deployed, 6)
    assert sorted(each["id"] for each in held(deployed, SECRET)) == sorted([*made, "first"])
    assert [each["state"] for each in deployed.cloud.versions[SECRET]].count("ENABLED") == 1
    assert deployed.cloud.resources[SECRET]["annotations"] == {}, "nobody claims it any more"


def test_a_command_that_was_overtaken_is_told(deployed: Google) -> None:
    slow, quick = (key_store(Target("dev"), deployed.env) for _ in range(2))
    slow.read()
    quick.write([RECORD])
    with pytest.raises(RevisionMismatch):
        slow.write([])
    assert held(deployed, SECRET) == [RECORD]


def test_a_claim_whose_writer_died_is_taken_over(deployed: Google) -> None:
    deployed.cloud.resources[SECRET]["annotations"] = {CLAIM: "dead", "theirs": "kept"}
    clock = Clock()
    records = KeyRecords(Access("demo-1", "", deployed.env, sleep=clock.sleep), f"/v1/{SECRET}")
    assert records.write([RECORD])
    assert ABANDONED <= sum(clock.slept) < ABANDONED + 5
    assert held(deployed, SECRET) == [RECORD]
    assert deployed.cloud.resources[SECRET]["annotations"] == {"theirs": "kept"}


def test_a_writer_that_was_taken_for_dead_gives_way(deployed: Google) -> None:
    """It wakes up after its claim was taken over: what the other was told to hold still holds."""
    path, waking = f"/v1/{SECRET}", Access("demo-1", "", deployed.env, sleep=lambda _: None)
    slow = KeyRecords(waking, path)
    slow.read()
    add = slow._add
    other = [{**RECORD, "id": "other"}]

    def asleep(data: bytes) -> Any:
        slow._add = add  # type: ignore[method-assign]
        assert KeyRecords(waking, path).write(other)
        return add(data)

    slow._add = asleep  # type: ignore[method-assign]
    with pytest.raises(RevisionMismatch):
        slow.write([RECORD])
    assert held(deployed, SECRET) == other


def test_a_deployment_writes_no_records_and_a_key_that_is_made_meanwhile_is_kept(
    bench: Bench, service: Service
) -> None:
    bench.deploy(service)
    key_store(Target("dev"), bench.google.env).write([RECORD])
    before = len(bench.google.cloud.versions[SECRET])
    bench.deploy(make_service(tags="team=ml"))
    assert len(bench.google.cloud.versions[SECRET]) == before
    assert held(bench.google, SECRET) == [RECORD]
    newest = bench.google.cloud.versions[SECRET][0]
    newest["state"] = "DESTROYED"
    assert f"complete the secret {NAMES.secret}" in bench.deploy(service)
    assert held(bench.google, SECRET) == []


def test_a_version_that_is_destroyed_while_it_is_read_is_read_anew(deployed: Google) -> None:
    """Between the look for the newest version and its contents another command made a newer one."""
    key_store(Target("dev"), deployed.env).write([RECORD])
    records = KeyRecords(Access("demo-1", "", deployed.env), f"/v1/{SECRET}")
    look, other = records._newest_version, [{**RECORD, "id": "other"}]

    def overtaken() -> Any:
        found = look()
        records._newest_version = look  # type: ignore[method-assign]
        key_store(Target("dev"), deployed.env).write(other)
        return found

    records._newest_version = overtaken  # type: ignore[method-assign]
    assert records.read() == other
    deployed.cloud.fail("GET", r":access$", 400, "no such thing")
    with pytest.raises(BadRequest):
        records.read()
