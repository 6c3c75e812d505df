"""The ARM template: what is on Azure when the service is, held against Azure's own types."""

import json
import re
from copy import deepcopy
from typing import Any

import pytest

from handlers.logs import log
from handlers.settings import read_settings
from providers.azure.deploying.alarms import alarms
from providers.azure.deploying.options import options_of
from providers.azure.deploying.planning import shape_of
from providers.azure.deploying.template import (
    BLOB_DATA_CONTRIBUTOR,
    BLOB_DATA_OWNER,
    BLOB_DATA_READER,
    BLOB_DELEGATOR,
    QUEUE_DATA_CONTRIBUTOR,
    QUEUE_MESSAGE_SENDER,
    template,
)
from providers.azure.deploying.workbook import pictures
from providers.azure.runtime.names import names
from providers.deploying.plan import DeploymentFailed
from tests.azure.arm_expressions import Scope
from tests.azure.conftest import make_service
from tests.azure.fake_azure import SUBSCRIPTION
from tests.azure.field_limits import faults_between_fields
from tests.azure.name_rules import faults_of_name
from tests.azure.published_types import PUBLISHED, faults_of_resource
from tests.documented_metrics import AZURE

NAMES = names("serverless-ml", "dev", SUBSCRIPTION)
WORKBOOKS = "Microsoft.Insights/workbooks"


@pytest.fixture
def document() -> dict[str, Any]:
    return template(shape_of(make_service(), NAMES))


def of_type(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in document["resources"] if each["type"] == kind]


def test_every_resource_is_one_that_azure_publishes(document: dict[str, Any]) -> None:
    assert [fault for each in document["resources"] for fault in faults_of_resource(each)] == []
    assert {each["type"] for each in document["resources"]} == set(PUBLISHED) - ALARMS


ALARMS = {"Microsoft.Insights/actionGroups", "Microsoft.Insights/scheduledQueryRules", WORKBOOKS}
SUBNET = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/corp"
    "/subnets/functions"
)
ALL_ON: dict[str, Any] = {
    "alarmEmail": "ops@example.com",
    "warmInstances": 2,
    "ingress": "internal",
    "subnet": SUBNET,
    "encryptionKey": "https://corp.vault.azure.net/keys/ml",
    "tags": "team=ml, cost-center=7",
    "dashboard": "yes",
}


def sites(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [each["properties"] for each in of_type(document, "Microsoft.Web/sites")]


class TestACompanysParameters:
    def test_with_all_on_every_resource_is_one_that_azure_publishes(self) -> None:
        document = template(shape_of(make_service(**ALL_ON), NAMES))
        assert [fault for each in document["resources"] for fault in faults_of_resource(each)] == []
        assert [fault for each in document["resources"] for fault in faults_between_fields(each)] == []
        assert {each["type"] for each in document["resources"]} == set(PUBLISHED)

    def test_all_off_is_as_if_there_were_none(self, document: dict[str, Any]) -> None:
        """What an earlier version deployed has not one property more."""
        text = json.dumps(document)
        for word in ("alwaysReady", "publicNetworkAccess", "virtualNetwork", "encryption", "actionGroups"):
            assert word not in text
        assert {each["type"] for each in document["resources"]} & ALARMS == set()
        offs: list[dict[str, Any]] = [
            {"alarms": "no"},
            {"alarms": False, "accessLogs": "no"},
            {"tags": "", "warmInstances": "0", "dashboard": "no"},
        ]
        for off in offs:
            assert template(shape_of(make_service(**off), NAMES)) == document

    def test_everything_that_can_be_is_tagged(self) -> None:
        document = template(shape_of(make_service(**ALL_ON), NAMES))
        wanted = {"team": "ml", "cost-center": "7", "service": "serverless-ml", "stage": "dev"}
        assert all(each["tags"] == wanted for each in document["resources"] if "location" in each)

    @pytest.mark.parametrize("text", ["team=ml,cost-center=7,team=ml", "team = ml ,cost-center= 7"])
    def test_a_tag_may_be_said_twice_and_with_spaces(self, text: str) -> None:
        assert options_of(make_service(tags=text)).tags == {"team": "ml", "cost-center": "7"}

    def test_instances_of_the_api_alone_are_kept_warm(self) -> None:
        service = make_service(warmInstances="2")
        api, train = [each["functionAppConfig"] for each in sites(template(shape_of(service, NAMES)))]
        assert api["scaleAndConcurrency"]["alwaysReady"] == [{"name": "http", "instanceCount": 2}]
        assert "alwaysReady" not in train["scaleAndConcurrency"]

    def test_both_apps_are_in_the_network_and_closed_to_the_internet(self) -> None:
        for site in sites(template(shape_of(make_service(**ALL_ON), NAMES))):
            assert site["virtualNetworkSubnetId"] == SUBNET
            assert site["publicNetworkAccess"] == "Disabled"

    @pytest.mark.parametrize("version", ["", "0123456789abcdef0123456789abcdef"])
    def test_every_account_is_encrypted_by_the_key(self, version: str) -> None:
        key = "https://corp.vault.azure.net/keys/ml" + (f"/{version}" if version else "")
        document = template(shape_of(make_service(encryptionKey=key), NAMES))
        for account in of_type(document, "Microsoft.Storage/storageAccounts"):
            vault = account["properties"]["encryption"]["keyvaultproperties"]
            assert (vault["keyvaulturi"], vault["keyname"]) == ("https://corp.vault.azure.net", "ml")
            assert vault.get("keyversion", "") == version
            (identity,) = account["identity"]["userAssignedIdentities"]
            assert identity in account["dependsOn"]
            assert "-encryption" in identity

    def test_every_alarm_tells_the_address(self) -> None:
        document = template(shape_of(make_service(alarmEmail="ops@example.com"), NAMES))
        (group,) = of_type(document, "Microsoft.Insights/actionGroups")
        assert group["properties"]["emailReceivers"][0]["emailAddress"] == "ops@example.com"
        rules = of_type(document, "Microsoft.Insights/scheduledQueryRules")
        assert {each["properties"]["displayName"] for each in rules} == {
            "dead-letters",
            "errors",
            "throttles",
            "waiting-jobs",
        }
        for each in rules:
            (told,) = each["properties"]["actions"]["actionGroups"]
            assert group["name"] in told

    def test_alarms_ask_for_the_very_lines_that_are_written(self, capsys: pytest.CaptureFixture[str]) -> None:
        log("error", "dead letter", job="j")
        log("info", "sweep", sent=3, ended=0)
        letter, swept = capsys.readouterr().out.splitlines()
        queries = {each.name: each.query for each in alarms(NAMES.app("api"), NAMES.app("train"))}
        (words,) = re.findall(r"message has '(.*?)'", queries["dead-letters"])
        assert words.replace('\\"', '"') in letter
        (pattern,) = re.findall(r"extract\('(.*?)', 1", queries["waiting-jobs"])
        found = re.search(pattern.replace('\\"', '"'), swept)
        assert found is not None
        assert found[1] == "3"

    def test_the_dashboard_asks_for_columns_that_are_documented_and_lines_that_are_written(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        document = template(shape_of(make_service(dashboard="yes"), NAMES))
        (workbook,) = of_type(document, WORKBOOKS)
        scope = Scope(SUBSCRIPTION, "serverless-ml-dev", {}, {})
        found = scope.value(workbook["properties"])
        component = found["sourceId"]
        assert component.endswith(f"/providers/Microsoft.Insights/components/{NAMES.insights}")
        shown = json.loads(found["serializedData"])
        assert shown["fallbackResourceIds"] == [component]
        time_range, *items = shown["items"]
        assert time_range["content"]["parameters"][0]["name"] == "TimeRange"
        queries = [each["content"]["query"] for each in items]
        assert len({each["content"]["title"] for each in items}) == len(items) == 9
        assert [each.replace('"', "'") for each in queries] == [
            each.query.replace('"', "'") for each in pictures(NAMES.app("api"), NAMES.app("train"))
        ]
        for query in queries:
            table, _, rest = query.partition(" | ")
            named = set(
                re.findall(r"\b(?:[a-z]+_)?[a-z]+[A-Z]\w+|\b(?:timestamp|message|duration|success)\b", rest)
            )
            assert named - {"TimeRange"} <= AZURE[table], query
        log("error", "dead letter", job="j")
        log("info", "sweep", sent=3, ended=0)
        letter, swept = capsys.readouterr().out.splitlines()
        assert "dead letter" in letter
        assert 'message has "dead letter"' in queries[-1]
        assert (json.loads(swept)["event"], json.loads(swept)["sent"]) == ("sweep", 3)
        assert 'message has "sweep"' in queries[-2]
        (pattern,) = re.findall(r'extract\("(.*?)", 1, message\)', queries[-2])
        sent = re.search(pattern, swept)
        assert sent is not None
        assert sent[1] == "3"
        assert len(workbook["properties"]["serializedData"]) < 24_576, "an expression may not be longer"

    @pytest.mark.parametrize(
        ("parameter", "value"),
        [
            ("alarms", "maybe"),
            ("dashboard", "maybe"),
            ("alarmEmail", "nobody"),
            ("alarmEmail", "a@example.com,b@example.com"),
            ("accessLogs", "on"),
            ("trainHours", "nan"),
            ("trainHours", 9000),
            ("monitoringDays", "²"),
            ("monitoringDays", 3651),
            ("auditDays", "a year"),
            ("warmInstances", "-1"),
            ("warmInstances", "1.5"),
            ("warmInstances", 11),
            ("access", "private"),
            ("access", "secret"),
            ("ingress", "internal-and-gclb"),
            ("subnet", "functions"),
            ("subnet", SUBNET + "_1"),
            ("encryptionKey", "ml"),
            ("encryptionKey", "https://corp.vault.azure.net/secrets/ml"),
            ("tags", "team"),
            ("tags", "team=ml,Team=7"),
            ("tags", "a/b=c"),
            ("tags", "stage=prod"),
            ("tags", "team=" + "x" * 257),
        ],
    )
    def test_what_cannot_be_is_one_line_before_packaging(self, parameter: str, value: Any) -> None:
        with pytest.raises(DeploymentFailed, match=f"^{parameter}: expected .*, got ") as raised:
            shape_of(make_service(**{parameter: value}), NAMES)
        assert "\n" not in str(raised.value)

    @pytest.mark.parametrize(
        ("app", "setting", "value"),
        [
            ("api", "memory", 1024),
            ("train", "memory", "4G"),
            ("api", "instances", 0),
            ("train", "instances", "1001"),
            ("api", "instances", "ten"),
        ],
    )
    def test_a_size_that_flex_consumption_lacks_is_told(self, app: str, setting: str, value: object) -> None:
        service = make_service()
        service.functions[app].settings[setting] = value
        with pytest.raises(DeploymentFailed, match=f"^{app}{setting.title()}: expected .*, got '{value}'"):
            shape_of(service, NAMES)

    @pytest.mark.parametrize("value", ["4096", 4096])
    def test_a_size_that_it_has_is_taken_from_the_command_line_too(self, value: object) -> None:
        service = make_service()
        service.functions["train"].settings["memory"] = value
        train = sites(template(shape_of(service, NAMES)))[1]
        assert train["functionAppConfig"]["scaleAndConcurrency"]["instanceMemoryMB"] == 4096


def test_both_apps_know_which_containers_may_be_read() -> None:
    shape = shape_of(make_service(dataBuckets="az://exports,az://lake@theirs"), NAMES)
    for site in of_type(template(shape), "Microsoft.Web/sites"):
        settings = {each["name"]: each["value"] for each in site["properties"]["siteConfig"]["appSettings"]}
        assert settings["ML_DATA_BUCKETS"] == "az://exports,az://lake@theirs"


def test_the_api_alone_knows_where_the_documentation_is() -> None:
    address = "https://docs.example.com"
    for site in of_type(
        template(shape_of(make_service(documentation=address), NAMES)), "Microsoft.Web/sites"
    ):
        app = {each["name"]: each["value"] for each in site["properties"]["siteConfig"]["appSettings"]}
        assert app.get("ML_DOCUMENTATION") == (address if site["name"] == NAMES.app("api") else None)


def test_pages_of_named_origins_may_call_and_use_signed_addresses_and_else_none() -> None:
    origins = "https://app.example.com, http://localhost:3000"
    for service, settings, rules in (
        (make_service(), ("", ""), []),
        (
            make_service(corsOrigins=origins, basePath="/ml"),
            (origins.replace(" ", ""), "/ml"),
            [["https://app.example.com", "http://localhost:3000"]],
        ),
        (make_service(corsOrigins="*"), ("*", ""), [["*"]]),
        (make_service(customDomains="ml.example.com, ml.example.org"), ("", ""), []),
    ):
        document = template(shape_of(service, NAMES))
        assert [fault for each in document["resources"] for fault in faults_of_resource(each)] == []
        (blobs,) = of_type(document, "Microsoft.Storage/storageAccounts/blobServices")
        found = blobs["properties"]["cors"]["corsRules"]
        domains = [f"https://ml.example.{end}" for end in ("com", "org") if service.provider["customDomains"]]
        own = [f"https://{NAMES.app('api')}.azurewebsites.net", *domains]
        assert [each["allowedOrigins"] for each in found] == [own, *rules], "the service's own page, always"
        assert all(each["allowedHeaders"] == ["*"] for each in found), "also those that Blob Storage wants"
        assert all({"GET", "PUT"} <= set(each["allowedMethods"]) for each in found)
        for site in of_type(document, "Microsoft.Web/sites"):
            # The platform's own rules would answer in the app's place.
            assert "cors" not in site["properties"]["siteConfig"]
            app = {each["name"]: each["value"] for each in site["properties"]["siteConfig"]["appSettings"]}
            if site["name"] == NAMES.app("api"):
                assert (app["ML_CORS_ORIGINS"], app["ML_BASE_PATH"]) == settings
                assert app["ML_TRAIN_HOURS"] == "12", "what takes requests knows how long they may train"
            else:
                assert "ML_CORS_ORIGINS" not in app


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("corsOrigins", "https://app.example.com/"),
        ("customDomains", "https://api.example.com"),
        ("basePath", "ml"),
        ("documentation", "http://docs.example.com"),
    ],
)
def test_a_parameter_of_the_web_that_cannot_be_is_one_clear_line(parameter: str, value: str) -> None:
    with pytest.raises(DeploymentFailed, match=f"^{parameter}: expected .*{value}"):
        shape_of(make_service(**{parameter: value}), NAMES)


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Microsoft.Web/sites", ("properties", "functionAppConfig", "scaling"), {}),
        ("Microsoft.Web/sites", ("properties", "functionAppConfig", "runtime", "name"), "pyton"),
        ("Microsoft.Web/sites", ("properties", "httpsOnly"), "true"),
        ("Microsoft.Web/sites", ("properties", "state"), "Running"),
        ("Microsoft.Storage/storageAccounts", ("kind",), "StorageV9"),
        ("Microsoft.Storage/storageAccounts", ("properties", "allowBlobPublicAces"), False),
        ("Microsoft.Authorization/roleAssignments", ("properties", "principal"), "x"),
        ("Microsoft.Insights/components", ("properties", "AppId"), "x"),
    ],
)
def test_the_comparison_with_azures_types_is_strict(
    document: dict[str, Any], kind: str, path: tuple[str, ...], value: Any
) -> None:
    """An unknown property, another type, an unknown choice and what only Azure may write are found."""
    broken = deepcopy(of_type(document, kind)[0])
    inner = broken
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert faults_of_resource(broken) != []


def test_the_account_is_closed_to_the_public_and_to_account_keys(document: dict[str, Any]) -> None:
    accounts = of_type(document, "Microsoft.Storage/storageAccounts")
    assert [each["name"] for each in accounts] == [
        NAMES.storage,
        NAMES.host_account("api"),
        NAMES.host_account("train"),
    ]
    for account in accounts:
        assert account["properties"]["allowBlobPublicAccess"] is False
        assert account["properties"]["allowSharedKeyAccess"] is False
    containers = of_type(document, "Microsoft.Storage/storageAccounts/blobServices/containers")
    assert {each["properties"]["publicAccess"] for each in containers} == {"None"}


def test_old_states_are_kept_for_a_while_and_then_end(document: dict[str, Any]) -> None:
    (blobs,) = of_type(document, "Microsoft.Storage/storageAccounts/blobServices")
    assert blobs["properties"]["isVersioningEnabled"] is True
    assert blobs["properties"]["deleteRetentionPolicy"] == {"enabled": True, "days": 30}
    (policy,) = of_type(document, "Microsoft.Storage/storageAccounts/managementPolicies")
    (rule,) = policy["properties"]["policy"]["rules"]
    assert rule["definition"]["actions"]["version"]["delete"] == {"daysAfterCreationGreaterThan": 30}


def rights_in(document: dict[str, Any]) -> dict[str, set[tuple[str, str]]]:
    """Each app's roles, with the last part of their scopes."""
    found: dict[str, set[tuple[str, str]]] = {"api": set(), "train": set()}
    for each in of_type(document, "Microsoft.Authorization/roleAssignments"):
        app = "api" if f"'{NAMES.identity('api')}'" in each["properties"]["principalId"] else "train"
        role = each["properties"]["roleDefinitionId"].rpartition(", '")[2].removesuffix("')]")
        found[app].add((role, each["scope"].rpartition("/")[2]))
        assert each["properties"]["principalType"] == "ServicePrincipal"
    return found


def test_each_app_may_do_what_it_has_to_and_no_more(document: dict[str, Any]) -> None:
    """The api neither reaches the trainer's package nor takes messages; only its host owns an account.

    The trainer's app has the sweep, which asks for the keys of who wrote schedules.
    """
    assert rights_in(document) == {
        "api": {
            (BLOB_DATA_OWNER, NAMES.host_account("api")),
            (BLOB_DATA_CONTRIBUTOR, "models"),
            (BLOB_DATA_CONTRIBUTOR, "packages-api"),
            (BLOB_DATA_READER, "keys"),
            (BLOB_DELEGATOR, NAMES.storage),
            (QUEUE_MESSAGE_SENDER, "training"),
        },
        "train": {
            (BLOB_DATA_OWNER, NAMES.host_account("train")),
            (BLOB_DATA_CONTRIBUTOR, "models"),
            (BLOB_DATA_CONTRIBUTOR, "packages-train"),
            (BLOB_DATA_READER, "keys"),
            (QUEUE_DATA_CONTRIBUTOR, "training"),
            (QUEUE_DATA_CONTRIBUTOR, "training-poison"),
        },
    }


def test_the_trainer_reads_containers_of_data_and_the_api_does_not() -> None:
    """One of another account is opened by its owner; one of our own by the template, which makes it."""
    service = make_service(dataBuckets="az://exports/2026, az://lake@theirs,az://models/x")
    document = template(shape_of(service, NAMES))
    found = rights_in(document)
    assert (BLOB_DATA_READER, "exports") in found["train"]
    assert {scope for _, scope in found["api"] | found["train"]} & {"lake", "exports"} == {"exports"}
    assert (BLOB_DATA_READER, "exports") not in found["api"]
    containers = of_type(document, "Microsoft.Storage/storageAccounts/blobServices/containers")
    names_ = {each["name"].rpartition("/")[2] for each in containers}
    assert names_ == {"models", "keys", "exports", "packages-api", "packages-train"}


def test_the_trainer_writes_results_to_containers_that_are_named_and_the_api_does_not() -> None:
    """As of data: of our own account the template makes the container and gives the role."""
    written = "az://results/2026, az://lake@theirs,az://exports"
    shape = shape_of(make_service(dataBuckets="az://exports", outputBuckets=written), NAMES)
    document = template(shape)
    found = rights_in(document)
    assert {(BLOB_DATA_CONTRIBUTOR, "results"), (BLOB_DATA_CONTRIBUTOR, "exports")} <= found["train"]
    assert (BLOB_DATA_READER, "exports") not in found["train"], "who may write may read"
    assert not {"lake", "results", "exports"} & {scope for _, scope in found["api"]}
    assert "lake" not in {scope for _, scope in found["train"]}
    containers = of_type(document, "Microsoft.Storage/storageAccounts/blobServices/containers")
    names_ = {each["name"].rpartition("/")[2] for each in containers}
    assert names_ == {"models", "keys", "exports", "results", "packages-api", "packages-train"}
    for site in of_type(document, "Microsoft.Web/sites"):
        settings = {each["name"]: each["value"] for each in site["properties"]["siteConfig"]["appSettings"]}
        assert settings["ML_OUTPUT_BUCKETS"] == written


@pytest.mark.parametrize("named", ["az://models/scores", "az://results, az://keys"])
def test_results_are_not_written_among_what_the_service_keeps(named: str) -> None:
    with pytest.raises(DeploymentFailed, match="outputBuckets: expected other containers than the service"):
        shape_of(make_service(outputBuckets=named), NAMES)


@pytest.mark.parametrize("parameter", ["dataBuckets", "outputBuckets"])
@pytest.mark.parametrize("named", ["exports", "s3://lake", "az://lake,az://Lake", "az://a@b@c", "az:///x"])
def test_another_container_that_cannot_be_is_one_clear_line(parameter: str, named: str) -> None:
    with pytest.raises(DeploymentFailed, match=f"^{parameter}: expected az://container .*, got '"):
        shape_of(make_service(**{parameter: named}), NAMES)


def test_there_are_two_capped_flex_consumption_apps_on_a_plan_each(document: dict[str, Any]) -> None:
    plans = of_type(document, "Microsoft.Web/serverfarms")
    assert [plan["sku"] for plan in plans] == [{"name": "FC1", "tier": "FlexConsumption"}] * 2
    scale = [
        each["properties"]["functionAppConfig"]["scaleAndConcurrency"]
        for each in of_type(document, "Microsoft.Web/sites")
    ]
    assert scale == [
        {
            "maximumInstanceCount": 10,
            "instanceMemoryMB": 512,
            "triggers": {"http": {"perInstanceConcurrency": 8}},
        },
        {"maximumInstanceCount": 5, "instanceMemoryMB": 2048},
    ]


def test_an_instance_has_a_thread_for_each_request_and_not_all_of_them_may_wait(
    document: dict[str, Any],
) -> None:
    threads = [
        int(each["value"])
        for site in of_type(document, "Microsoft.Web/sites")
        for each in site["properties"]["siteConfig"]["appSettings"]
        if each["name"] == "PYTHON_THREADPOOL_THREAD_COUNT"
    ]
    assert threads == [8], "as many as perInstanceConcurrency, of the api alone"
    assert threads[0] >= 2 * read_settings({}).max_waiting


def test_no_setting_holds_a_secret(document: dict[str, Any]) -> None:
    """Storage is reached by identity; the keys' hashes come as a secure parameter, outside the document."""
    assert document["parameters"]["keyRecords"]["type"] == "securestring"
    for site in of_type(document, "Microsoft.Web/sites"):
        settings = {each["name"]: each["value"] for each in site["properties"]["siteConfig"]["appSettings"]}
        assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
        assert "AzureWebJobsStorage" not in settings
        assert settings.get("ML_KEYS", "[parameters('keyRecords')]") == "[parameters('keyRecords')]"


def test_everything_that_can_be_is_tagged_with_service_and_stage(document: dict[str, Any]) -> None:
    tagged = [each for each in document["resources"] if "location" in each]
    assert {each["type"].partition("/")[0] for each in tagged} >= {"Microsoft.Storage", "Microsoft.Web"}
    assert all(each["tags"] == {"service": "serverless-ml", "stage": "dev"} for each in tagged)


@pytest.mark.parametrize("group", ["g", "serverless-ml-dev", "a" * 54, "a" * 55, "rg_ml.(dev)-" + "w" * 78])
def test_names_fit_azures_rules_whatever_the_group_is_called(group: str) -> None:
    """The stand-in holds every name of the template against the documents' rules."""
    found = names("serverless-ml", "dev", SUBSCRIPTION, group=group)
    service = make_service(resourceGroup=group)
    for each in template(shape_of(service, found))["resources"]:
        assert faults_of_name(each["type"], each["name"]) == []
    assert len(found.host("train")) <= 32
    assert found.host("api") != found.host("train")
    assert len({found.storage, found.host_account("api"), found.host_account("train")}) == 3


def test_names_of_groups_that_earlier_versions_could_deploy_are_as_they_were() -> None:
    found = names("serverless-ml", "dev", SUBSCRIPTION, group="a" * 40 + "-" + "b" * 13)
    assert found.plan("train") == found.identity("train") == "a" * 40 + "-" + "b" * 13 + "-train"
    assert found.workspace == "a" * 40 + "-" + "b" * 13 + "-logs"
    assert found.app("train") == "a" * 40 + "-train-" + found.suffix
    assert names("a", "b", "one").storage != names("a", "b", "two").storage


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Microsoft.Web/serverfarms", "a" * 61),
        ("Microsoft.Web/sites", "-a"),
        ("Microsoft.OperationalInsights/workspaces", "a" * 64),
        ("Microsoft.OperationalInsights/workspaces", "a_b"),
        ("Microsoft.Storage/storageAccounts", "Capitals"),
        ("Microsoft.Storage/storageAccounts", "a" * 25),
        ("Microsoft.Storage/storageAccounts/blobServices/containers", "x/default/two--hyphens"),
        ("Microsoft.Authorization/roleAssignments", "no-guid"),
    ],
)
def test_names_that_azure_refuses_are_found(kind: str, name: str) -> None:
    assert len(faults_of_name(kind, name)) == 1
