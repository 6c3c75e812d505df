"""Deploying to a stand-in for Azure: what is sent, what happens when Azure is not well, and removing."""

import io
import json
import re
import time
import uuid
import zipfile
from collections.abc import Callable  # noqa: TC003
from copy import deepcopy

import pytest

from providers.azure.deploying import deployer as module
from providers.azure.deploying.cloud import Polling
from providers.azure.deploying.deployer import AzureDeployer
from providers.azure.deploying.key_store import key_store
from providers.azure.deploying.template import (
    BLOB_DATA_OWNER,
    QUEUE_DATA_CONTRIBUTOR,
    QUEUE_MESSAGE_SENDER,
)
from providers.azure.runtime.names import names
from providers.deploying.keys import Target
from providers.deploying.parameters import Parameters
from providers.deploying.plan import DeploymentFailed, DeploymentRun
from providers.deploying.service import Service
from tests.azure.conftest import deployer, make_service
from tests.azure.fake_azure import ASSIGNMENTS, IDENTITIES, SUBSCRIPTION, Answer, FakeAzure, group_id

NAMES = names("serverless-ml", "dev", SUBSCRIPTION)
GROUP = "serverless-ml-dev"


@pytest.fixture(autouse=True)
def functions_are_found(azure: FakeAzure) -> None:
    """The stand-in finds the functions that a package's function_app.py declares."""

    def declared(package: bytes) -> list[str]:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            text = archive.read("function_app.py").decode()
        return [part.partition("'")[0] for part in text.split("function_name('")[1:]]

    azure.functions_in = declared


def deployed(azure: FakeAzure, service: Service | None = None, polling: Polling | None = None) -> list[str]:
    """Deploy; the lines that were printed."""
    out = io.StringIO()
    found = deployer(azure, service) if polling is None else deployer(azure, service, polling)
    found.deploy(DeploymentRun(out=out))
    return out.getvalue().splitlines()


def steps(lines: list[str]) -> list[str]:
    """The lines that say a finished step."""
    return [line for line in lines if re.search(r"\(\d+\.\d s\)$", line)]


def changes(azure: FakeAzure, since: int = 0) -> list[tuple[str, str]]:
    return [(each.method, each.path) for each in azure.changes()[since:]]


def test_a_first_deploy_makes_group_template_and_both_apps(azure: FakeAzure) -> None:
    lines = deployed(azure)
    assert [line.split(" (")[0] for line in steps(lines)] == [
        "1/4 create the resource group serverless-ml-dev in westeurope",
        "2/4 deploy the template",
        "3/4 publish api",
        "4/4 publish train",
    ]
    assert azure.group(GROUP)["tags"]["service"] == "serverless-ml"
    assert {app: len(zips) for app, zips in azure.packages.items()} == {
        NAMES.app("api"): 1,
        NAMES.app("train"): 1,
    }
    (published,) = {each.query["RemoteBuild"] for each in azure.seen if each.path == "/api/publish"}
    assert published == "false"


def test_a_second_deploy_changes_nothing_and_is_quick(azure: FakeAzure) -> None:
    deployed(azure)
    before, started = len(azure.changes()), time.monotonic()
    assert "nothing to change" in deployed(azure)
    assert changes(azure, before) == []
    assert time.monotonic() - started < 5


def test_a_dry_run_prints_the_steps_and_changes_nothing(azure: FakeAzure) -> None:
    out = io.StringIO()
    deployer(azure).deploy(DeploymentRun(dry=True, out=out))
    assert out.getvalue().count("would: ") == 4
    assert azure.changes() == []


def test_a_changed_setting_deploys_the_template_alone(azure: FakeAzure) -> None:
    deployed(azure)
    lines = steps(deployed(azure, make_service(logGigabytesPerDay=0.5)))
    assert [line.split(" (")[0] for line in lines] == ["1/1 deploy the template"]


def test_a_parameter_that_goes_back_is_told(azure: FakeAzure) -> None:
    defaults = {"apiInstances": "10"}
    service = make_service()
    given = service._replace(parameters=Parameters({"apiInstances": "20"}, defaults))
    assert "goes back" not in deployed(azure, given)
    assert "nothing to change" in deployed(azure, given)
    said = deployed(azure, service._replace(parameters=Parameters({}, defaults)))
    assert said[0].startswith("the parameter apiInstances goes back from 20 to its default, 10: pass --param")
    assert "goes back" not in deployed(azure)


def test_origins_that_are_named_no_more_leave_the_account_too(azure: FakeAzure) -> None:
    def rules() -> list[dict[str, object]]:
        (found,) = [each for path, each in azure.resources.items() if path.endswith("/blobServices/default")]
        rules: list[dict[str, object]] = found["properties"]["cors"]["corsRules"]
        return rules

    deployed(azure, make_service(corsOrigins="https://app.example.com"))
    own, *others = [each["allowedOrigins"] for each in rules()]
    assert others == [["https://app.example.com"]]
    lines = steps(deployed(azure))
    assert [line.split(" (")[0] for line in lines] == ["1/1 deploy the template"]
    assert [each["allowedOrigins"] for each in rules()] == [own]


def test_an_app_that_somebody_deleted_comes_back(azure: FakeAzure) -> None:
    deployed(azure)
    del azure.resources[f"{group_id(GROUP)}/providers/Microsoft.Web/sites/{NAMES.app('train')}"]
    del azure.packages[NAMES.app("train")]
    lines = steps(deployed(azure))
    assert [line.split(" (")[0] for line in lines] == ["1/2 deploy the template", "2/2 publish train"]


def deleted(azure: FakeAzure, form: str) -> None:
    """Somebody deletes the first resource whose id is of that form."""
    found = next(each for each in azure.resources if re.search(form, each))
    del azure.resources[found]


PARTS = {
    "containers/models": "/containers/models$",
    "queues/training": "/queues/training$",
    "queues/training-poison": "/queues/training-poison$",
    "managementPolicies/default": "/managementPolicies/default$",
    "rights/train at training-poison": "/queues/training-poison/providers/.*/roleAssignments/",
    "rights/api at models": "/containers/models/providers/.*/roleAssignments/",
}


@pytest.mark.usefixtures("small_packages")
class TestPartsThatWentAway:
    """A group's listing does not show them."""

    @pytest.mark.parametrize("part", PARTS)
    def test_it_comes_back(self, azure: FakeAzure, part: str) -> None:
        deployed(azure)
        before = sorted(azure.resources)
        deleted(azure, PARTS[part])
        (line,) = steps(deployed(azure))
        assert re.search(rf"^1/1 deploy the template \(\d+ resources; missing: {part}\)", line)
        assert sorted(azure.resources) == before
        assert "nothing to change" in deployed(azure)

    @pytest.mark.parametrize("name", ["ML_QUEUE", "ML_STORAGE__clientId"])
    def test_a_setting_comes_back(self, azure: FakeAzure, name: str) -> None:
        deployed(azure)
        before = azure.settings[NAMES.app("api")].pop(name)
        (line,) = steps(deployed(azure))
        assert f"; missing: settings/{name})" in line
        assert azure.settings[NAMES.app("api")][name] == before
        assert "nothing to change" in deployed(azure)

    def test_a_setting_of_another_value_is_set_right(self, azure: FakeAzure) -> None:
        deployed(azure)
        azure.settings[NAMES.app("train")]["ML_QUEUE"] = "elsewhere"
        deployed(azure)
        assert azure.settings[NAMES.app("train")]["ML_QUEUE"] == "training"

    @pytest.mark.parametrize(
        ("form", "path", "value"),
        [
            (f"/storageAccounts/{NAMES.storage}$", ("allowSharedKeyAccess",), True),
            ("/storageAccounts/api[0-9a-f]+host$", ("allowBlobPublicAccess",), True),
            ("/blobServices/default$", ("isVersioningEnabled",), False),
            ("/blobServices/default$", ("deleteRetentionPolicy", "days"), 1),
            ("/containers/models$", ("publicAccess",), "Blob"),
            ("/managementPolicies/default$", ("policy", "rules"), []),
            (
                f"/sites/{NAMES.app('api')}$",
                ("functionAppConfig", "scaleAndConcurrency", "maximumInstanceCount"),
                1000,
            ),
            (f"/sites/{NAMES.app('train')}$", ("httpsOnly",), False),
            (f"/{NAMES.app('api')}/basicPublishingCredentialsPolicies/scm$", ("allow",), True),
        ],
    )
    def test_what_somebody_changed_is_set_right(
        self, azure: FakeAzure, form: str, path: tuple[str, ...], value: object
    ) -> None:
        deployed(azure)
        found = next(each for each in azure.resources if re.search(form, each))
        inner = azure.resources[found]["properties"] = deepcopy(azure.resources[found]["properties"])
        for step in path[:-1]:
            inner = inner[step]
        before, inner[path[-1]] = inner[path[-1]], value
        (line,) = steps(deployed(azure))
        assert f"; changed: {'/'.join(found.rsplit('/', 2)[-2:])})" in line
        inner = azure.resources[found]["properties"]
        for step in path[:-1]:
            inner = inner[step]
        assert inner[path[-1]] == before
        assert "nothing to change" in deployed(azure)

    def test_models_account_comes_back_with_both_packages(self, azure: FakeAzure) -> None:
        deployed(azure)
        for each in [each for each in azure.resources if f"/storageAccounts/{NAMES.storage}" in each]:
            del azure.resources[each]
        lines = steps(deployed(azure, make_service(logGigabytesPerDay=0.5)))
        assert [line.split(" (")[0] for line in lines] == [
            "1/3 deploy the template",
            "2/3 publish api",
            "3/3 publish train",
        ]

    def test_a_package_comes_back_with_its_container(self, azure: FakeAzure) -> None:
        deployed(azure)
        deleted(azure, "/containers/packages-train$")
        lines = steps(deployed(azure))
        assert [line.split(" (")[0] for line in lines] == ["1/2 deploy the template", "2/2 publish train"]


def given(azure: FakeAzure) -> set[tuple[str, str, str]]:
    """Each right that there is: principal, role and scope."""
    return {
        (
            each["properties"]["principalId"],
            each["properties"]["roleDefinitionId"].rpartition("/")[2],
            path.rpartition("/providers/")[0],
        )
        for path, each in azure.resources.items()
        if each["type"] == ASSIGNMENTS
    }


def made_before_rights_were_narrow(azure: FakeAzure) -> set[str]:
    """As an earlier version deployed: both apps own the account, and assignments are named by the group."""
    deployed(azure)
    for path in [each for each in azure.resources if each.endswith("host") or "/roleAssignments/" in each]:
        del azure.resources[path]
    roles = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
    account = f"Microsoft.Storage/storageAccounts/{NAMES.storage}"
    queue = f"{account}/queueServices/default/queues/training"
    made = set()
    for app, role, scope in [
        ("api", BLOB_DATA_OWNER, account),
        ("train", BLOB_DATA_OWNER, account),
        ("api", QUEUE_MESSAGE_SENDER, queue),
        ("train", QUEUE_DATA_CONTRIBUTOR, queue),
        ("train", QUEUE_DATA_CONTRIBUTOR, f"{queue}-poison"),
    ]:
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{GROUP}/{NAMES.suffix}/{app}/{role}/{scope}")
        path = f"{group_id(GROUP)}/providers/{scope}/providers/{ASSIGNMENTS}/{name}"
        identity = f"{group_id(GROUP)}/providers/{IDENTITIES}/{NAMES.identity(app)}"
        own = {"roleDefinitionId": f"{roles}/{role}", "principalId": azure.principals[identity.lower()]}
        azure.resources[path] = {"type": ASSIGNMENTS, "properties": own}
        made.add(path)
    azure.group(GROUP)["tags"]["template"] = "of an earlier version"
    return made


@pytest.mark.usefixtures("small_packages")
class TestRights:
    """Role assignments hang on a principal; what an earlier version gave is taken where it is too much."""

    def test_an_earlier_deployment_loses_what_it_does_not_use(self, azure: FakeAzure) -> None:
        deployed(azure)
        wanted = given(azure)
        earlier = made_before_rights_were_narrow(azure)
        lines = steps(deployed(azure))
        assert [line.split(" (")[0] for line in lines] == [
            "1/2 deploy the template",
            "2/2 take rights away that no app uses",
        ]
        assert given(azure) == wanted
        # What stays keeps its name: Azure refuses a second assignment of the same role.
        assert len([path for path in earlier if path in azure.resources]) == 3
        assert azure.settings[NAMES.app("api")]["AzureWebJobsStorage__accountName"] == NAMES.host_account(
            "api"
        )
        assert "nothing to change" in deployed(azure)

    def test_a_right_is_taken_only_after_its_successor_was_given(self, azure: FakeAzure) -> None:
        made_before_rights_were_narrow(azure)
        azure.group(GROUP)["tags"]["package-api"] = "of an earlier version"
        before = len(azure.changes())
        deployed(azure)
        sent = [(method, "/deployments/" in path) for method, path in changes(azure, before)]
        assert sent.index(("PUT", True)) < sent.index(("DELETE", False))
        # Publishing as the new rights allow comes before, and so does the time that it takes.
        assert [path for _, path in changes(azure, before)].index("/api/publish") < sent.index(
            ("DELETE", False)
        )

    @pytest.mark.parametrize("app", ["api", "train"])
    def test_an_identity_that_was_deleted_comes_back_with_its_rights(
        self, azure: FakeAzure, app: str
    ) -> None:
        """It is somebody else to Azure, and an assignment's principal cannot be changed."""
        deployed(azure)
        before = given(azure)
        path = f"{group_id(GROUP)}/providers/{IDENTITIES}/{NAMES.identity(app)}"
        old = azure.principals[path.lower()]
        del azure.resources[path]
        (line,) = steps(deployed(azure))
        assert line.startswith("1/1 deploy the template")
        new = azure.principals[path.lower()]
        assert new != old
        assert given(azure) >= {(new if who == old else who, *what) for who, *what in before}
        assert "nothing to change" in deployed(azure)

    def test_a_right_that_somebody_added_is_taken_and_one_elsewhere_stays(self, azure: FakeAzure) -> None:
        deployed(azure)
        identity = f"{group_id(GROUP)}/providers/{IDENTITIES}/{NAMES.identity('api')}"
        own = {
            "roleDefinitionId": f"/providers/roleDefinitions/{BLOB_DATA_OWNER}",
            "principalId": azure.principals[identity.lower()],
        }
        accounts = f"{group_id(GROUP)}/providers/Microsoft.Storage/storageAccounts"
        for account in (NAMES.storage, "lake"):
            path = f"{accounts}/{account}/providers/{ASSIGNMENTS}/{uuid.uuid4()}"
            azure.resources[path] = {"type": ASSIGNMENTS, "properties": own}
        (line,) = steps(deployed(azure))
        assert line.startswith("1/1 take rights away that no app uses (1)")
        left = {scope.rpartition("/")[2] for _, role, scope in given(azure) if role == BLOB_DATA_OWNER}
        assert left == {"lake", NAMES.host_account("api"), NAMES.host_account("train")}


def test_keys_outlive_a_deployment(azure: FakeAzure) -> None:
    """The template replaces an app's settings; the key records go along, and are in no template."""
    deployed(azure)
    store = key_store(Target("dev"), {"AZURE_SUBSCRIPTION_ID": SUBSCRIPTION, "AZURE_ENDPOINT_URL": azure.url})
    assert not store.read()
    records = [{"id": "1", "role": "admin", "sha256": "ab" * 32}]
    store.write(records)
    deployed(azure, make_service(logGigabytesPerDay=0.5))
    assert store.read() == records
    sent = [each.json for each in azure.seen if "/deployments/" in each.path and each.method == "PUT"]
    assert "ab" * 32 not in json.dumps([each["properties"]["template"] for each in sent])


def test_somebody_elses_resource_group_is_left_alone(azure: FakeAzure) -> None:
    azure.groups[group_id(GROUP)] = {"name": GROUP, "location": "westeurope", "tags": {}}
    with pytest.raises(DeploymentFailed, match="is not of this service and stage: expected"):
        deployed(azure)
    with pytest.raises(DeploymentFailed, match="is not of this service and stage: expected"):
        deployer(azure).remove(DeploymentRun(yes=True, out=io.StringIO()))
    assert azure.changes() == []


class TestPassingTroubles:
    """What Azure gets over by itself is waited for."""

    def test_too_many_requests_are_repeated_when_azure_says(self, azure: FakeAzure) -> None:
        azure.fail("arm", "PUT", "/resourcegroups/", Answer(429, {}, {"Retry-After": "1"}))
        started = time.monotonic()
        deployed(azure)
        assert time.monotonic() - started >= 1
        assert group_id(GROUP) in azure.groups

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_a_servers_error_is_repeated(self, azure: FakeAzure, status: int) -> None:
        azure.fail("arm", "PUT", "/deployments/", Answer(status, {}), times=2)
        assert len(steps(deployed(azure))) == 4

    def test_a_group_that_is_still_being_deleted_is_waited_for(self, azure: FakeAzure) -> None:
        busy = Answer(409, {"error": {"code": "ResourceGroupBeingDeleted", "message": "being deprovisioned"}})
        azure.fail("arm", "PUT", "/resourcegroups/", busy)
        assert len(steps(deployed(azure))) == 4

    def test_an_interrupted_deployment_that_still_runs_is_waited_for(self, azure: FakeAzure) -> None:
        active = Answer(409, {"error": {"code": "DeploymentActive", "message": "still active"}})
        azure.fail("arm", "PUT", "/deployments/", active, times=2)
        assert len(steps(deployed(azure))) == 4

    def test_an_identity_that_is_not_known_everywhere_yet_is_waited_for(self, azure: FakeAzure) -> None:
        """The role assignment fails with the whole deployment, which is sent again."""
        inner = {"code": "PrincipalNotFound", "message": "Principal 0a does not exist in the directory"}
        azure.deployment_ends = [
            {"code": "DeploymentFailed", "message": "At least one operation failed.", "details": [inner]}
        ]
        assert len(steps(deployed(azure))) == 4
        assert changes(azure).count(("PUT", deployment_path())) == 2

    def test_a_role_that_is_not_there_yet_is_waited_for(self, azure: FakeAzure) -> None:
        """The publish fails (status 3, HTTP 200) because the app may not write its package yet."""
        azure.publish_ends = [(3, "AuthorizationPermissionMismatch: This request is not authorized")]
        assert len(steps(deployed(azure))) == 4
        assert len(azure.packages[NAMES.app("api")]) == 1

    def test_a_publish_that_meets_another_is_repeated(self, azure: FakeAzure) -> None:
        azure.fail("scm", "POST", "/api/publish", Answer(409, {"message": "another deployment"}))
        assert len(steps(deployed(azure))) == 4

    def test_functions_that_are_not_listed_yet_are_waited_for(self, azure: FakeAzure) -> None:
        azure.fail("arm", "GET", "/functions$", Answer(200, {"value": []}), times=2)
        assert len(steps(deployed(azure))) == 4


def deployment_path() -> str:
    base = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}"
    return f"{base}/providers/Microsoft.Resources/deployments/serverless-ml"


class TestFailures:
    """What does not pass is one line, and what was done stays for the next deploy to complete."""

    def test_a_publish_that_failed_says_the_last_words_of_its_log(self, azure: FakeAzure) -> None:
        azure.publish_ends = [(3, "the package is malformed")]
        with pytest.raises(DeploymentFailed, match=r"publishing failed: .*the package is malformed"):
            deployed(azure)
        assert len(steps(deployed(azure))) == 2

    def test_a_failed_deployment_says_the_innermost_reason(self, azure: FakeAzure) -> None:
        inner = {"code": "StorageAccountAlreadyTaken", "message": "The name\nis taken."}
        azure.deployment_ends = [{"code": "DeploymentFailed", "message": "failed", "details": [inner]}]
        with pytest.raises(DeploymentFailed, match="StorageAccountAlreadyTaken: The name is taken") as raised:
            deployed(azure)
        assert "\n" not in str(raised.value)
        assert len(steps(deployed(azure))) == 3

    def test_a_missing_permission_is_not_waited_for(self, azure: FakeAzure) -> None:
        refused = Answer(403, {"error": {"code": "AuthorizationFailed", "message": "no permission"}})
        azure.fail("arm", "PUT", "/deployments/", refused)
        with pytest.raises(DeploymentFailed, match="AuthorizationFailed: no permission"):
            deployed(azure)

    def test_an_app_without_functions_is_not_deployed(self, azure: FakeAzure) -> None:
        """A publish that succeeds and leaves nothing to call is the commonest failure of them all."""
        azure.functions_in = lambda _: []
        with pytest.raises(
            DeploymentFailed,
            match="timed out after 0 s waiting for the app to know its functions: deploy again",
        ):
            deployed(azure, polling=Polling(interval=0.01, patience=0.3))

    def test_an_endpoint_that_does_not_answer_is_a_failure(self, azure: FakeAzure) -> None:
        azure.fail("app", "GET", "/v2/health/ready", Answer(404, {}), times=10_000)
        with pytest.raises(
            DeploymentFailed,
            match=r"timed out after 0 s waiting for http.*/v2/health/ready to answer: deploy again",
        ):
            deployed(azure, polling=Polling(interval=0.01, patience=0.3))

    @pytest.mark.parametrize("at", ["/deployments/", "/api/publish"])
    def test_an_interrupted_deploy_is_completed_by_the_next(self, azure: FakeAzure, at: str) -> None:
        server = "scm" if "publish" in at else "arm"
        method = "POST" if "publish" in at else "PUT"
        azure.fail(server, method, at, Answer(400, {"error": {"code": "Interrupted", "message": "gone"}}))
        with pytest.raises(DeploymentFailed, match="Interrupted"):
            deployed(azure)
        deployed(azure)
        assert "nothing to change" in deployed(azure)


@pytest.mark.usefixtures("small_packages")
class TestACompanysSubscription:
    """What it refuses is one line, with what to do."""

    def test_a_policy(self, azure: FakeAzure) -> None:
        azure.disallowed = {"Microsoft.Storage/storageAccounts"}
        with pytest.raises(DeploymentFailed, match=r"RequestDisallowedByPolicy: .*an exemption") as raised:
            deployed(azure)
        assert "\n" not in str(raised.value)

    def test_a_provider_that_is_not_registered(self, azure: FakeAzure) -> None:
        azure.unregistered = {"Microsoft.Web"}
        with pytest.raises(
            DeploymentFailed, match=r"'Microsoft.Web'.*az provider register --wait --namespace"
        ):
            deployed(azure)

    def test_a_key_that_the_storage_may_not_use_yet(self, azure: FakeAzure) -> None:
        service = make_service(encryptionKey="https://corp.vault.azure.net/keys/ml")
        with pytest.raises(DeploymentFailed, match="Key Vault Crypto Service Encryption User on the key"):
            deployed(azure, service)
        # Its identity is there by now, so that the key's owner can let it in.
        identity = NAMES.identity("encryption")
        assert f"{group_id(GROUP)}/providers/{IDENTITIES}/{identity}" in azure.resources
        azure.may_use_key = {identity}
        deployed(azure, service)
        assert "nothing to change" in deployed(azure, service)

    def test_an_app_that_is_closed_is_deployed_from_inside_alone(self, azure: FakeAzure) -> None:
        service = make_service(ingress="internal")
        with pytest.raises(DeploymentFailed, match="answers only in your network"):
            deployed(azure, service)
        azure.inside = True
        deployed(azure, service)
        assert "nothing to change" in deployed(azure, service)

    def test_an_app_that_is_closed_from_outside_is_not_waited_for(self, azure: FakeAzure) -> None:
        deployed(azure)
        lines = deployed(azure, make_service(ingress="internal"))
        assert lines[-1].endswith(
            "answers only in your network (ingress=internal): it was not checked from here"
        )

    def test_what_was_turned_on_is_turned_off_again(self, azure: FakeAzure) -> None:
        network = (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/n/providers/Microsoft.Network/virtualNetworks/v"
        )
        on = make_service(
            alarmEmail="ops@example.com",
            dashboard="yes",
            ingress="internal",
            subnet=f"{network}/subnets/s",
            warmInstances=1,
            tags="team=ml",
        )
        azure.inside = True
        deployed(azure)
        before = sorted(azure.resources)
        deployed(azure, on)
        assert len(azure.resources) == len(before) + 6
        assert azure.group(GROUP)["tags"]["team"] == "ml"
        azure.inside = False
        (line,) = steps(deployed(azure))
        assert line.startswith("1/1 deploy the template")
        assert sorted(azure.resources) == before
        for app in ("api", "train"):
            site = azure.resources[f"{group_id(GROUP)}/providers/Microsoft.Web/sites/{NAMES.app(app)}"]
            assert site["properties"]["publicNetworkAccess"] == "Enabled"
            assert "virtualNetworkSubnetId" not in site["properties"]
        assert "nothing to change" in deployed(azure)


class TestRemoving:
    def test_the_group_goes_and_everything_in_it(self, azure: FakeAzure) -> None:
        deployed(azure)
        deployer(azure).remove(DeploymentRun(yes=True, out=io.StringIO()))
        assert azure.groups == {}

    @pytest.mark.parametrize("blob", ["models/iris.json", "datasets/churn/01"])
    def test_models_and_uploads_are_not_deleted_unasked(self, azure: FakeAzure, blob: str) -> None:
        deployed(azure)
        azure.blobs[NAMES.storage] = [blob]
        with pytest.raises(DeploymentFailed, match="--yes"):
            deployer(azure).remove(DeploymentRun(out=io.StringIO(), ask=lambda _: "n"))
        assert group_id(GROUP) in azure.groups
        deployer(azure).remove(DeploymentRun(yes=True, out=io.StringIO()))
        assert azure.groups == {}

    def test_who_may_not_look_into_the_container_is_asked(self, azure: FakeAzure) -> None:
        """Whoever deploys need not have a role on the data; not to know is a reason to ask."""
        deployed(azure)
        azure.may_list_blobs = False
        asked: list[str] = []

        def ask(question: str) -> str:
            asked.append(question)
            return "y"

        deployer(azure).remove(DeploymentRun(out=io.StringIO(), ask=ask))
        assert len(asked) == 1
        assert azure.groups == {}

    def test_what_is_kept_is_said(self, azure: FakeAzure) -> None:
        deployed(azure)
        out = io.StringIO()
        deployer(azure).remove(DeploymentRun(dry=True, out=out))
        assert "kept: " in out.getvalue()
        assert group_id(GROUP) in azure.groups

    def test_nothing_is_removed_twice(self, azure: FakeAzure) -> None:
        out = io.StringIO()
        deployer(azure).remove(DeploymentRun(out=out))
        assert "nothing to remove" in out.getvalue()
        assert azure.changes() == []


class TestOtherVerbs:
    @pytest.fixture
    def there(self, azure: FakeAzure) -> AzureDeployer:
        deployed(azure)
        return deployer(azure)

    def test_info_says_endpoint_and_functions(self, there: AzureDeployer) -> None:
        facts = there.info()
        assert facts["endpoint"].startswith("http")
        assert facts["app train"].endswith("train, sweep")

    def test_invoke_sends_the_events_request(self, there: AzureDeployer) -> None:
        event = {"rawPath": "/v1/models", "requestContext": {"http": {"method": "GET"}}}
        answer = there.invoke("api", event)
        assert isinstance(answer, dict)
        assert (answer["statusCode"], json.loads(answer["body"])["path"]) == (200, "/v1/models")

    def test_invoke_of_the_trainer_asks_for_a_training(self, there: AzureDeployer) -> None:
        answer = there.invoke("train", {"model": "iris", "algorithm": "kmeans", "instances": [[1.0]]})
        assert isinstance(answer, dict)
        assert answer["path"] == "/v1/models/iris:train"

    def test_invoke_of_the_sweep_starts_it_with_the_master_key(self, there: AzureDeployer) -> None:
        assert there.invoke("sweep", {}) == {"started": "sweep"}

    def test_logs_come_from_application_insights(self, there: AzureDeployer, azure: FakeAzure) -> None:
        assert list(there.logs("train", 0.0)) == ["2026-11-23T18:00:00Z a line"]
        query = azure.seen[-1].json["query"]
        assert NAMES.app("train") in query
        assert "1970-01-01T00:00:00Z" in query

    @pytest.mark.parametrize("verb", ["invoke", "logs"])
    def test_what_is_not_deployed_is_one_line(self, azure: FakeAzure, verb: str) -> None:
        calls: dict[str, Callable[[], object]] = {
            "invoke": lambda: deployer(azure).invoke("api", {"model": "iris"}),
            "logs": lambda: list(deployer(azure).logs("api", 0.0)),
        }
        with pytest.raises(DeploymentFailed, match="not deployed"):
            calls[verb]()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("subscription", "Pay-As-You-Go"),
        ("resourceGroup", "g" * 91),
        ("resourceGroup", "ends-in-a-dot."),
        ("resourceGroup", "über"),
        ("resourceGroup", "_first"),
    ],
)
def test_a_place_that_azure_refuses_is_told_before_packaging(parameter: str, value: str) -> None:
    with pytest.raises(DeploymentFailed, match=f"^{parameter}: expected .*, got '{value[:80]}"):
        module.deployer(make_service(**{parameter: value}), {})


@pytest.mark.usefixtures("small_packages")
def test_a_group_of_the_longest_name_is_deployed_and_found_again(azure: FakeAzure) -> None:
    service = make_service(resourceGroup="rg_ml.(dev)-" + "w" * 78)
    deployed(azure, service)
    assert "nothing to change" in deployed(azure, service)
    assert deployer(azure, service).info()["endpoint"].startswith("http")


def test_a_missing_subscription_is_one_clear_line() -> None:
    with pytest.raises(DeploymentFailed, match="AZURE_SUBSCRIPTION_ID"):
        module.deployer(make_service(subscription=""), {})
