"""Where a command acts: whatever the spelling, on the deployment that is there, and on no other."""

import base64
import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from ml_core.errors import RevisionMismatch, Unavailable
from providers.__main__ import main
from providers.azure.deploying import packaging
from providers.azure.deploying.cloud import Azure
from providers.azure.deploying.key_store import AppSettingKeys, BlobKeys, key_store
from providers.azure.deploying.planning import ObservedGroup, Wanted, apps_of, package_at, plan, shape_of
from providers.azure.deploying.template import template
from providers.azure.runtime.names import Names, names
from providers.deploying.keys import Record, Target
from providers.deploying.plan import DeploymentFailed, DeploymentRun
from providers.deploying.service import Service
from tests.azure.conftest import QUICK, deployer, make_service, names_as_typed
from tests.azure.fake_azure import (
    ACCOUNTS,
    SECOND_SUBSCRIPTION,
    SITES,
    SUBSCRIPTION,
    Answer,
    FakeAzure,
    group_id,
)

pytestmark = pytest.mark.usefixtures("small_packages")

GROUP = "serverless-ml-dev"
RECORDS = [{"id": "3f9a0c1e", "role": "admin", "sha256": "ab" * 32}]


class Spelling(NamedTuple):
    """One way to write a subscription and a group."""

    subscription: str = SUBSCRIPTION
    group: str = GROUP

    @property
    def service(self) -> Service:
        return make_service(subscription=self.subscription, resourceGroup=self.group)


PLAIN = Spelling()
GROUP_MIXED = Spelling(group="Serverless-ML-dev")
SUBSCRIPTION_CAPITALS = Spelling(SUBSCRIPTION.upper())
BOTH = Spelling(SUBSCRIPTION.upper(), "Serverless-ML-dev")
SHOUTED = Spelling(SUBSCRIPTION.upper(), "SERVERLESS-ML-DEV")


def deployed(azure: FakeAzure, service: Service, first: Names | None = None) -> str:
    """Deploy; what was printed."""
    out = io.StringIO()
    deployer(azure, service, first=first).deploy(DeploymentRun(out=out))
    return out.getvalue()


def made_earlier(azure: FakeAzure, spelling: Spelling) -> None:
    """A deployment that an earlier version made."""
    deployed(azure, spelling.service, names_as_typed(*spelling))


def made_now(azure: FakeAzure, spelling: Spelling) -> None:
    """A deployment of today."""
    deployed(azure, spelling.service)


def keys_of(azure: FakeAzure, target: Target, **env: str) -> BlobKeys | AppSettingKeys:
    return key_store(target, {"AZURE_SUBSCRIPTION_ID": SUBSCRIPTION, "AZURE_ENDPOINT_URL": azure.url} | env)


def declined(azure: FakeAzure, service: Service) -> list[str]:
    """The questions that `remove` asks of someone who answers no."""
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return "n"

    with pytest.raises(DeploymentFailed, match="nothing was removed"):
        deployer(azure, service).remove(DeploymentRun(out=io.StringIO(), ask=ask))
    return asked


# --- one check for each verb: it meets the account and the apps that are there


def info_says_them(azure: FakeAzure, asked: Spelling, account: str, api: str) -> None:
    facts = deployer(azure, asked.service).info()
    assert facts["storage account"].startswith(account)
    assert facts["app api"].startswith(api)
    assert facts["endpoint"].startswith("http")


def invoke_calls_it(azure: FakeAzure, asked: Spelling, account: str, api: str) -> None:
    del account
    deployer(azure, asked.service).invoke("api", {"rawPath": "/v1/models"})
    assert azure.seen[-1].server == f"app {api}".lower()


def logs_ask_for_it(azure: FakeAzure, asked: Spelling, account: str, api: str) -> None:
    del account
    assert list(deployer(azure, asked.service).logs("api", 0.0)) == ["2026-11-23T18:00:00Z a line"]
    assert api in azure.seen[-1].json["query"]


def keys_are_its(azure: FakeAzure, asked: Spelling, account: str, api: str) -> None:
    del api
    options = {"subscription": asked.subscription, "resource_group": asked.group}
    keys_of(azure, Target("dev", options=options)).write(RECORDS)
    assert list(azure.written) == [f"{account}/keys/records.json"]


def remove_asks_for_its_models(azure: FakeAzure, asked: Spelling, account: str, api: str) -> None:
    del api
    azure.blobs[account] = ["models/iris.json"]
    (question,) = declined(azure, asked.service)
    assert account in question
    assert group_id(GROUP) in azure.groups


def deploy_changes_nothing(azure: FakeAzure, asked: Spelling, account: str, api: str) -> None:
    before = len(azure.changes())
    assert "nothing to change" in deployed(azure, asked.service)
    assert azure.changes()[before:] == []
    assert azure.accounts(GROUP) == [account]
    assert api in azure.named(SITES, GROUP)


@pytest.mark.parametrize(
    "verb",
    [
        info_says_them,
        invoke_calls_it,
        logs_ask_for_it,
        keys_are_its,
        remove_asks_for_its_models,
        deploy_changes_nothing,
    ],
)
@pytest.mark.parametrize(
    ("make", "made", "asked"),
    [
        (made_earlier, GROUP_MIXED, PLAIN),
        (made_earlier, SUBSCRIPTION_CAPITALS, PLAIN),
        (made_earlier, BOTH, SHOUTED),
        (made_earlier, PLAIN, GROUP_MIXED),
        (made_earlier, PLAIN, SUBSCRIPTION_CAPITALS),
        (made_now, BOTH, PLAIN),
    ],
)
def test_every_verb_finds_the_deployment_under_any_spelling(
    azure: FakeAzure,
    make: Callable[[FakeAzure, Spelling], None],
    made: Spelling,
    asked: Spelling,
    verb: Callable[[FakeAzure, Spelling, str, str], None],
) -> None:
    make(azure, made)
    (account,) = azure.accounts(GROUP)
    (api,) = [site for site in azure.named(SITES, GROUP) if "-api-" in site]
    verb(azure, asked, account, api)


@pytest.mark.parametrize("asked", [GROUP_MIXED, SUBSCRIPTION_CAPITALS, BOTH])
def test_a_first_deployments_names_are_the_same_under_any_spelling(asked: Spelling) -> None:
    first = names("serverless-ml", "dev", SUBSCRIPTION)
    found = names("serverless-ml", "dev", asked.subscription, group=asked.group)
    assert (found.storage, found.suffix) == (first.storage, first.suffix)
    assert first == names_as_typed(*PLAIN)


@pytest.mark.parametrize("made", [GROUP_MIXED, BOTH, PLAIN])
@pytest.mark.parametrize("asked", [PLAIN, SHOUTED])
def test_an_earlier_deployment_is_updated_and_not_built_again(
    azure: FakeAzure, made: Spelling, asked: Spelling
) -> None:
    made_earlier(azure, made)
    before = sorted(azure.resources)
    service = make_service(subscription=asked.subscription, resourceGroup=asked.group, logGigabytesPerDay=0.5)
    lines = deployed(azure, service)
    assert "1/1 deploy the template" in lines
    assert sorted(azure.resources) == before
    assert "nothing to change" in deployed(azure, service)


def test_a_deployment_that_changed_its_spelling_before_its_template_is_updated(azure: FakeAzure) -> None:
    """The names of its role assignments are hashes of the spelling that the template was given."""
    azure.fail("arm", "PUT", "/deployments/", Answer(403, {"error": {"code": "Denied", "message": "no"}}))
    with pytest.raises(DeploymentFailed, match="Denied"):
        made_earlier(azure, PLAIN)
    made_earlier(azure, GROUP_MIXED)
    before = sorted(azure.resources)
    deployed(azure, make_service(logGigabytesPerDay=0.5))
    assert sorted(azure.resources) == before


class TestTwoSetsInOneGroup:
    """What an earlier version built when it was given two spellings."""

    @pytest.fixture(autouse=True)
    def two_sets(self, azure: FakeAzure) -> None:
        made_earlier(azure, PLAIN)
        service, second = GROUP_MIXED.service, names_as_typed(*GROUP_MIXED)
        shape = shape_of(service, second)
        built = packaging.build(service, apps_of(service))
        wanted = Wanted(shape, template(shape), {app: package_at(path) for app, path in built.items()})
        # It did not see what is there under the other names.
        access = Azure(SUBSCRIPTION, {"AZURE_ENDPOINT_URL": azure.url}, QUICK)
        DeploymentRun(out=io.StringIO()).apply(plan(wanted, ObservedGroup()), access)
        assert len(azure.accounts(GROUP)) == 2

    @pytest.mark.parametrize("holding", [PLAIN, GROUP_MIXED])
    @pytest.mark.parametrize("asked", [PLAIN, GROUP_MIXED])
    def test_remove_looks_into_both(self, azure: FakeAzure, holding: Spelling, asked: Spelling) -> None:
        account = names_as_typed(*holding).storage
        azure.blobs[account] = ["models/iris.json"]
        (question,) = declined(azure, asked.service)
        assert account in question

    def test_remove_speaks_of_no_models_when_both_were_seen_empty(self, azure: FakeAzure) -> None:
        assert declined(azure, PLAIN.service) == ["delete all of this? [y/N] "]
        deployer(azure).remove(DeploymentRun(yes=True, out=io.StringIO()))
        assert azure.groups == {}
        assert azure.resources == {}

    def test_nothing_else_guesses_which_is_meant(self, azure: FakeAzure) -> None:
        there = deployer(azure)
        calls: list[Callable[[], object]] = [
            lambda: there.deploy(DeploymentRun(out=io.StringIO())),
            there.info,
            lambda: there.invoke("api", {"rawPath": "/"}),
            lambda: list(there.logs("api", 0.0)),
            lambda: keys_of(azure, Target("dev")),
        ]
        before = len(azure.changes())
        for call in calls:
            with pytest.raises(DeploymentFailed, match="two sets") as raised:
                call()
            assert names_as_typed(*PLAIN).storage in str(raised.value)
            assert names_as_typed(*GROUP_MIXED).storage in str(raised.value)
        assert azure.changes()[before:] == []

    @pytest.mark.parametrize("kept", [PLAIN, GROUP_MIXED])
    def test_one_that_is_left_is_deployed_to_again(self, azure: FakeAzure, kept: Spelling) -> None:
        other = names_as_typed(*GROUP_MIXED if kept == PLAIN else PLAIN)
        for each in list(azure.resources):
            if re.search(rf"/{other.storage}\b|{other.storage[-13:]}host\b|-{other.suffix}\b", each):
                del azure.resources[each]
        before = sorted(azure.resources)
        deployed(azure, make_service(logGigabytesPerDay=0.5))
        assert sorted(azure.resources) == before


class TestWhatIsNotKnownIsNotEmpty:
    MISSING = Answer(404, {"error": {"code": "ResourceNotFound", "message": "not found"}})

    @pytest.mark.parametrize(
        ("path", "answer"),
        [
            (f"/{ACCOUNTS}/[^/]+$", MISSING),
            (f"/{ACCOUNTS}/[^/]+$", Answer(403, {"error": {"code": "AuthorizationFailed", "message": "no"}})),
            ("^/blobs/", Answer(404, "<Error><Code>ContainerNotFound</Code></Error>")),
            ("^/blobs/", Answer(403, "<Error><Code>AuthorizationPermissionMismatch</Code></Error>")),
            ("^/blobs/", Answer(500, "<Error><Code>InternalError</Code></Error>")),
            ("^/blobs/", Answer(200, "<html><body>Log in to the hotel's network</body></html>")),
            (
                "^/blobs/",
                Answer(200, "<EnumerationResults><Blobs /><NextMarker>2!8</NextMarker></EnumerationResults>"),
            ),
        ],
    )
    def test_a_look_that_failed_is_a_reason_to_ask(self, azure: FakeAzure, path: str, answer: Answer) -> None:
        made_now(azure, PLAIN)
        azure.fail("arm", "GET", path, answer, times=100)
        assert len(declined(azure, PLAIN.service)) == 1
        assert group_id(GROUP) in azure.groups

    def test_an_account_that_does_not_answer_is_a_reason_to_ask(
        self, azure: FakeAzure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made_now(azure, PLAIN)
        state = azure._state
        dead = {"blob": "http://127.0.0.1:1/"}
        monkeypatch.setattr(azure, "_state", lambda each: {**state(each), "primaryEndpoints": dead})
        assert len(declined(azure, PLAIN.service)) == 1

    @pytest.mark.parametrize("kind", [f"{ACCOUNTS}/[^/]+$", ".*/containers/models$"])
    def test_what_was_deleted_by_hand_is_a_reason_to_ask(self, azure: FakeAzure, kind: str) -> None:
        made_now(azure, PLAIN)
        for each in [each for each in azure.resources if re.search(f"providers/{kind}", each)]:
            del azure.resources[each]
        assert len(declined(azure, PLAIN.service)) == 1

    def test_an_account_of_someone_else_is_looked_into_too(self, azure: FakeAzure) -> None:
        made_now(azure, PLAIN)
        azure.resources[f"{group_id(GROUP)}/providers/{ACCOUNTS}/lake"] = {"location": "westeurope"}
        (question,) = declined(azure, PLAIN.service)
        assert "lake" in question

    def test_a_subscription_that_is_not_found_is_no_empty_one(self, azure: FakeAzure) -> None:
        unknown = make_service(subscription="0a0b0c0d-0000-0000-0000-000000000003")
        with pytest.raises(DeploymentFailed, match="subscription could not be found"):
            deployer(azure, unknown).remove(DeploymentRun(out=io.StringIO()))


class TestLocation:
    def test_another_one_is_refused_with_what_to_do(self, azure: FakeAzure) -> None:
        made_now(azure, PLAIN)
        before = len(azure.changes())
        with pytest.raises(DeploymentFailed, match="in westeurope, not in northeurope") as raised:
            deployed(azure, make_service(location="northeurope"))
        assert "--param location=westeurope" in str(raised.value)
        assert azure.changes()[before:] == []

    @pytest.mark.parametrize("named_location", ["westeurope", "northeurope"])
    def test_the_place_that_is_said_is_the_true_one(self, azure: FakeAzure, named_location: str) -> None:
        made_now(azure, GROUP_MIXED)
        place = deployer(azure, make_service(location=named_location)).place
        assert place == f"azure, subscription {SUBSCRIPTION}, resource group Serverless-ML-dev in westeurope"

    def test_resources_in_another_location_than_their_group_are_where_they_are(
        self, azure: FakeAzure
    ) -> None:
        """An earlier version went on elsewhere after a first try that ended with the group."""
        tags = {"service": "serverless-ml", "stage": "dev"}
        azure.groups[group_id(GROUP)] = {"name": GROUP, "location": "northeurope", "tags": tags}
        first = deployer(azure, make_service(location="northeurope"))
        first.deploy(DeploymentRun(out=io.StringIO()))
        azure.group(GROUP)["location"] = "westeurope"
        assert first.place.endswith("in northeurope")
        assert "nothing to change" in deployed(azure, make_service(location="northeurope"))

    def test_the_stand_in_moves_nothing_either(self, azure: FakeAzure) -> None:
        made_now(azure, PLAIN)
        access = Azure(SUBSCRIPTION, {"AZURE_ENDPOINT_URL": azure.url})
        with pytest.raises(DeploymentFailed, match="InvalidResourceGroupLocation"):
            access.put_group(GROUP, "northeurope", {})
        azure.group(GROUP)["location"] = "northeurope"
        for each in [each for each in azure.resources if "/storageAccounts/" in each]:
            azure.resources[each] = {**azure.resources[each], "location": "northeurope"}
        with pytest.raises(DeploymentFailed, match="InvalidResourceLocation"):
            deployed(azure, make_service(location="northeurope", logGigabytesPerDay=0.5))


def things_of(azure: FakeAzure, service: Service) -> dict[str, object]:
    """A deployment's group, resources, settings and keys, as they are."""
    name, subscription = f"{service.name}-{service.stage}", service.provider["subscription"]
    group = group_id(name, subscription)
    (account,) = azure.accounts(name, subscription)
    return {
        "group": deepcopy(azure.group(name, subscription)),
        **{each: deepcopy(body) for each, body in azure.resources.items() if each.startswith(f"{group}/")},
        **{site: dict(azure.settings[site]) for site in azure.named(SITES, name, subscription)},
        "keys": azure.written.get(f"{account}/keys/records.json"),
    }


class TestNeighbours:
    """Another subscription, stage or service keeps its models and its keys."""

    @pytest.mark.parametrize(
        "other",
        [
            make_service(subscription=SECOND_SUBSCRIPTION),
            make_service(stage="prod"),
            make_service("renamed"),
        ],
        ids=["subscription", "stage", "service"],
    )
    def test_it_is_left_alone(self, azure: FakeAzure, other: Service) -> None:
        deployed(azure, PLAIN.service)
        deployed(azure, other)
        subscription = other.provider["subscription"]
        group = group_id(f"{other.name}-{other.stage}", subscription)
        theirs = {each: body for each, body in azure.resources.items() if each.startswith(group)}
        place = {"subscription": subscription}
        keys_of(azure, Target(other.stage, other.name, place)).write(RECORDS)
        assert not keys_of(azure, Target("dev")).read()
        deployer(azure).remove(DeploymentRun(yes=True, out=io.StringIO()))
        assert list(azure.groups) == [group]
        assert azure.resources == theirs
        assert keys_of(azure, Target(other.stage, other.name, place)).read() == RECORDS

    @pytest.mark.parametrize(
        "other",
        [
            make_service(subscription=SECOND_SUBSCRIPTION),
            make_service(subscription=SECOND_SUBSCRIPTION, location="northeurope"),
            make_service(stage="prod"),
            make_service(stage="prod", location="northeurope"),
            make_service("renamed"),
            make_service("renamed", "prod", location="northeurope", subscription=SECOND_SUBSCRIPTION),
        ],
        ids=["subscription", "both", "stage", "location", "service", "all"],
    )
    def test_every_verb_acts_on_the_one_that_it_names(self, azure: FakeAzure, other: Service) -> None:
        """Of each pair first the one, then the other is meant; the one that is not is as it was."""
        for pair in (PLAIN.service, other), (other, PLAIN.service):
            meant, left = pair
            for each in pair:
                deployed(azure, each)
                target = Target(each.stage, each.name, {"subscription": each.provider["subscription"]})
                keys_of(azure, target).write([{"id": each.stage}])
            before = things_of(azure, left)
            there = deployer(azure, meant)
            group = f"{meant.name}-{meant.stage}"
            assert f"resource group {group} in {meant.provider['location']}" in there.place
            assert meant.provider["subscription"] in there.place
            seen = len(azure.seen)
            assert there.info()["resource group"] == group
            there.invoke("api", {"rawPath": "/v1/models"})
            list(there.logs("api", 0.0))
            changed = meant._replace(provider={**meant.provider, "logGigabytesPerDay": 0.5})
            assert "1/1 deploy the template" in deployed(azure, changed)
            target = Target(meant.stage, meant.name, {"subscription": meant.provider["subscription"]})
            store = keys_of(azure, target)
            assert store.read() == [{"id": meant.stage}]
            store.write([])
            there.remove(DeploymentRun(yes=True, out=io.StringIO()))
            subscription = meant.provider["subscription"]
            told = [each.path for each in azure.seen[seen:] if each.method != "GET" and each.server == "arm"]
            arm = [path for path in told if path.startswith("/subscriptions/")]
            assert all(path.lower().startswith(group_id(group, subscription).lower()) for path in arm)
            assert things_of(azure, left) == before
            assert group_id(group, subscription) not in azure.groups
            azure.written.clear()

    @pytest.mark.parametrize("other", [make_service(stage="prod"), make_service("renamed")])
    def test_its_group_is_refused_by_every_verb(self, azure: FakeAzure, other: Service) -> None:
        deployed(azure, other)
        group = f"{other.name}-{other.stage}"
        ours = deployer(azure, make_service(resourceGroup=group))
        calls: list[Callable[[], object]] = [
            lambda: ours.deploy(DeploymentRun(out=io.StringIO())),
            lambda: ours.remove(DeploymentRun(yes=True, out=io.StringIO())),
            ours.info,
            lambda: ours.invoke("api", {"rawPath": "/"}),
            lambda: list(ours.logs("api", 0.0)),
            lambda: keys_of(azure, Target("dev", options={"resource_group": group})),
            lambda: keys_of(azure, Target("dev"), AZURE_RESOURCE_GROUP=group),
        ]
        before = len(azure.changes())
        for call in calls:
            with pytest.raises(
                DeploymentFailed, match="is not of this service and stage: expected"
            ) as raised:
                call()
            assert "expected the tags service=serverless-ml, stage=dev" in str(raised.value)
            assert f"got service={other.name}, stage={other.stage}" in str(raised.value)
        assert azure.changes()[before:] == []


class TestWhichDeploymentsKeys:
    @pytest.mark.parametrize("group", ["", "Serverless-ML-dev", "elsewhere"])
    @pytest.mark.parametrize("source", ["parameter", "environment"])
    def test_the_deployment_is_found_wherever_it_was_put(
        self, azure: FakeAzure, group: str, source: str
    ) -> None:
        """Named or not; when it is not named, by the tags that `deploy` gave its group."""
        deployed(azure, make_service(resourceGroup=group or "elsewhere"))
        if source == "parameter":
            options = {"subscription": SUBSCRIPTION, **({"resource_group": group} if group else {})}
            store = keys_of(azure, Target("dev", options=options), AZURE_SUBSCRIPTION_ID=SECOND_SUBSCRIPTION)
        else:
            store = keys_of(azure, Target("dev"), **({"AZURE_RESOURCE_GROUP": group} if group else {}))
        store.write(RECORDS)
        assert store.read() == RECORDS
        (account,) = azure.accounts(group or "elsewhere")
        assert list(azure.written) == [f"{account}/keys/records.json"]
        assert store.place == (
            f"blob keys/records.json, storage account {account}, resource group {group or 'elsewhere'}, "
            f"subscription {SUBSCRIPTION}"
        )

    def test_two_with_the_same_tags_are_not_guessed_between(self, azure: FakeAzure) -> None:
        for group in ("one", "two"):
            deployed(azure, make_service(resourceGroup=group))
        with pytest.raises(
            DeploymentFailed,
            match=r"expected one resource group of .*, got one, two: name one with --resource-group",
        ):
            keys_of(azure, Target("dev"))
        keys_of(azure, Target("dev", options={"resource_group": "two"})).write(RECORDS)
        assert not keys_of(azure, Target("dev"), AZURE_RESOURCE_GROUP="one").read()

    def test_none_is_one_line_that_says_where_it_looked(
        self, azure: FakeAzure, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        deployed(azure, PLAIN.service)
        monkeypatch.setenv("AZURE_ENDPOINT_URL", azure.url)
        monkeypatch.delenv("AZURE_RESOURCE_GROUP", raising=False)
        arguments = ["keys", "new", "--cloud", "azure", "--role", "admin", "--subscription", SUBSCRIPTION]
        assert main([*arguments, "--service", "another"]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert f"{SUBSCRIPTION} carries the tags service=another, stage=dev" in said
        assert main(arguments) == 0
        out, err = capsys.readouterr()
        assert out.startswith("sml_")
        assert f"resource group {GROUP}, subscription {SUBSCRIPTION}" in err
        assert "warning" not in err


class Printed(io.StringIO):
    """What is printed; calls `then` once, at the first line that says `sign`."""

    def __init__(self, sign: str, then: Callable[[], None]) -> None:
        super().__init__()
        self._sign, self._then = sign, [then]

    def write(self, text: str) -> int:
        if self._sign in text and self._then:
            self._then.pop()()
        return super().write(text)


class TestKeysWhileADeploymentRuns:
    """No deployment writes them."""

    def test_a_key_that_is_revoked_meanwhile_stays_revoked(self, azure: FakeAzure) -> None:
        deployed(azure, PLAIN.service)
        store = keys_of(azure, Target("dev"))
        store.write(RECORDS)
        store.read()
        azure.looks_until_done = 1_000_000

        def revoke() -> None:
            store.write([])
            azure.looks_until_done = 0

        changed = make_service(logGigabytesPerDay=0.5)
        deployer(azure, changed).deploy(DeploymentRun(out=Printed("running", revoke)))
        assert keys_of(azure, Target("dev")).read() == []
        assert store.warning is None


class TestKeysOfOthersAtTheSameTime:
    def test_six_that_are_made_at_once_are_all_there(
        self, azure: FakeAzure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployed(azure, PLAIN.service)
        for name, value in {"AZURE_ENDPOINT_URL": azure.url, "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AZURE_RESOURCE_GROUP", raising=False)
        arguments = ["keys", "new", "--cloud", "azure", "--role", "predict"]
        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(lambda _: main(arguments), range(6))) == [0] * 6
        records = keys_of(azure, Target("dev")).read()
        assert records is not None
        assert len({each["id"] for each in records}) == 6

    @pytest.mark.parametrize("first", [None, RECORDS])
    def test_a_stale_one_is_refused(self, azure: FakeAzure, first: list[Record] | None) -> None:
        deployed(azure, PLAIN.service)
        ours, theirs = keys_of(azure, Target("dev")), keys_of(azure, Target("dev"))
        if first:
            ours.write(first)
        assert (ours.read() or None, theirs.read() or None) == (first, first)
        theirs.write([*(first or []), {"id": "theirs"}])
        with pytest.raises(RevisionMismatch):
            ours.write([])
        assert ours.read() == [*(first or []), {"id": "theirs"}]

    def test_a_missing_right_says_which_and_how_to_get_it(self, azure: FakeAzure) -> None:
        deployed(azure, PLAIN.service)
        store = keys_of(azure, Target("dev"))
        azure.may_write_blobs = False
        (account,) = azure.accounts(GROUP)
        for call in (store.read, lambda: store.write([])):
            with pytest.raises(Unavailable, match="Storage Blob Data Contributor") as raised:
                call()
            assert f"{account}/blobServices/default/containers/keys" in str(raised.value)

    def test_a_container_that_is_gone_is_not_taken_for_no_keys(self, azure: FakeAzure) -> None:
        deployed(azure, PLAIN.service)
        store = keys_of(azure, Target("dev"))
        del azure.resources[next(each for each in azure.resources if each.endswith("/containers/keys"))]
        with pytest.raises(Unavailable, match="was deleted: deploy again"):
            store.read()


class TestWhoDeploysMayWriteKeys:
    ME = "0e0b0c0d-0000-0000-0000-00000000000e"

    def test_it_is_given_once_and_said(self, azure: FakeAzure, monkeypatch: pytest.MonkeyPatch) -> None:
        """To be Owner of a subscription is no right to its data."""
        monkeypatch.setattr(Azure, "myself", lambda _: self.ME)
        assert "giving you Storage Blob Data Contributor of the container keys" in deployed(
            azure, PLAIN.service
        )
        assert "giving you" not in deployed(azure, make_service(logGigabytesPerDay=0.5))
        (mine,) = [path for path, each in azure.resources.items() if self.ME in str(each)]
        assert "/containers/keys/providers/" in mine

    def test_it_is_who_the_token_says(self, azure: FakeAzure) -> None:
        claims = base64.urlsafe_b64encode(b'{"oid": "me"}').decode().rstrip("=")
        access = Azure(SUBSCRIPTION, {"AZURE_ENDPOINT_URL": azure.url})
        assert access.myself() is None
        access._endpoint = ""
        access._credential = SimpleNamespace(get_token=lambda _: SimpleNamespace(token=f"head.{claims}.sign"))
        assert access.myself() == "me"


class TestKeysOfAnEarlierVersion:
    """They are a setting of the app, which a template replaces: what it holds goes along."""

    @pytest.fixture
    def store(self, azure: FakeAzure) -> AppSettingKeys:
        deployed(azure, PLAIN.service)
        (api,) = [site for site in azure.named(SITES, GROUP) if "-api-" in site]
        del azure.settings[api]["ML_KEYS_CONTAINER"]
        store = keys_of(azure, Target("dev"))
        assert isinstance(store, AppSettingKeys)
        store.write(RECORDS)
        return store

    def test_they_outlive_its_successor_and_move_with_the_first_change(
        self, azure: FakeAzure, store: AppSettingKeys
    ) -> None:
        deployed(azure, PLAIN.service)
        (api,) = [site for site in azure.named(SITES, GROUP) if "-api-" in site]
        assert "3f9a0c1e" in azure.settings[api]["ML_KEYS"]
        now = keys_of(azure, Target("dev"))
        assert now.read() == store.read() == RECORDS
        now.write([*RECORDS, {"id": "next"}])
        # Only the blob counts: emptied, the setting brings no revoked key back.
        assert azure.settings[api]["ML_KEYS"] == ""
        assert keys_of(azure, Target("dev")).read() == [*RECORDS, {"id": "next"}]
        now.read()
        now.write([])
        assert keys_of(azure, Target("dev")).read() == []

    def test_nothing_is_changed_that_it_would_change_back(
        self, azure: FakeAzure, store: AppSettingKeys
    ) -> None:
        refused: list[str] = []
        azure.looks_until_done = 1_000_000

        def revoke() -> None:
            try:
                store.write([])
            except Exception as error:  # noqa: BLE001 - whatever it is, the deployment has to end
                refused.append(str(error))
            refused.append(str(store.warning))
            azure.looks_until_done = 0

        changed = make_service(logGigabytesPerDay=0.5)
        deployer(azure, changed).deploy(DeploymentRun(out=Printed("running", revoke)))
        assert "is running and would restore the previous keys: nothing was changed" in refused[0]
        assert "try again when it has ended" in refused[0]
        assert "check with `keys list` when it has ended" in refused[1]
        assert store.warning is None
        store.write([])
        assert store.read() == []

    def test_a_second_attempt_takes_the_records_of_now(self, azure: FakeAzure, store: AppSettingKeys) -> None:
        """A template that failed is sent again; a key that was revoked in between stays revoked."""
        inner = {"code": "PrincipalNotFound", "message": "not known in the directory yet"}
        azure.deployment_ends = [{"code": "DeploymentFailed", "message": "failed", "details": [inner]}]
        (api,) = [site for site in azure.named(SITES, GROUP) if "-api-" in site]
        azure.after_deployments = [lambda: azure.settings[api].update(ML_KEYS="[]")]
        deployed(azure, make_service(logGigabytesPerDay=0.5))
        assert azure.after_deployments == []
        assert store.read() == []

    def test_a_key_that_was_made_is_shown_though_nobody_knows_of_deployments(
        self, azure: FakeAzure, store: AppSettingKeys
    ) -> None:
        refused = Answer(403, {"error": {"code": "AuthorizationFailed", "message": "no permission"}})
        azure.fail("arm", "GET", "/resourcegroups/[^/]+$", refused)
        warning = str(store.warning)
        assert warning.startswith("could not check whether a deployment of ")
        assert "is running (Azure refused: AuthorizationFailed: no permission" in warning

    def test_settings_that_are_not_found_are_not_taken_for_no_keys(
        self, azure: FakeAzure, store: AppSettingKeys
    ) -> None:
        missing = Answer(404, {"error": {"code": "ResourceNotFound", "message": "not found"}})
        for _ in ("the parameters of the last deployment", "the keys"):
            azure.fail("arm", "POST", "/config/appsettings/list$", missing)
        with pytest.raises(DeploymentFailed, match="were not found, nor its keys: deploy again"):
            deployed(azure, make_service(logGigabytesPerDay=0.5))
        deployed(azure, make_service(logGigabytesPerDay=0.5))
        assert store.read() == RECORDS

    def test_an_interrupted_deployment_is_told_and_keeps_nobody_from_revoking(
        self, azure: FakeAzure, store: AppSettingKeys
    ) -> None:
        azure.fail("arm", "PUT", "/deployments/", Answer(400, {"error": {"code": "Gone", "message": "gone"}}))
        with pytest.raises(DeploymentFailed, match="Gone"):
            deployed(azure, make_service(logGigabytesPerDay=0.5))
        store.write([])
        assert "was interrupted" in str(store.warning)
        deployed(azure, make_service(logGigabytesPerDay=0.5))
        assert store.read() == []
        assert store.warning is None
