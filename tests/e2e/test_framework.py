"""The framework's verbs that need no account: choosing a cloud, packaging, and running on the laptop."""

import json
import os
from typing import Any

import boto3
import pytest
import yaml

from tests.framework import Packages, Project
from tests.ministack import Ministack

CLOUDS = sorted(
    entry.name for entry in os.scandir("providers") if os.path.exists(os.path.join(entry.path, "config.yml"))
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project, as a person has it who did `make setup` and has no account anywhere."""
    return Project(str(tmp_path_factory.mktemp("laptop")), {})


def answer_in(said: str) -> Any:
    """The JSON that the framework prints after the function's own lines."""
    return json.loads(said[said.index("\n{\n") if not said.startswith("{\n") else 0 :])


def test_the_events_train_and_predict_on_the_laptop_without_an_activated_environment(
    project: Project,
) -> None:
    trained = project.serverless("invoke", "local", "--function", "train", "--path", "events/train.json")
    assert answer_in(trained)["state"] == "succeeded"
    assert os.path.isdir(project.path(".serverless-ml"))
    said = project.serverless("invoke", "local", "--function", "api", "--path", "events/predict.json")
    answer = answer_in(said)
    assert answer["statusCode"] == 200
    labels = [each["label"] for each in json.loads(answer["body"])["predictions"]]
    assert labels == ["setosa", "virginica"]


@pytest.mark.parametrize("said", ["parameter", "environment"])
def test_an_unknown_cloud_is_one_clear_line(project: Project, said: str) -> None:
    if said == "parameter":
        ran = project.try_serverless("print", "--param", "cloud=mars")
    else:
        ran = project.try_serverless("print", CLOUD="mars")
    assert ran.status == 1
    (line,) = [line for line in ran.said.splitlines() if not line.startswith("npm warn")]
    assert line.startswith(f'unknown cloud "mars": choose one of {", ".join(CLOUDS)}')


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_parameter_that_nothing_reads_is_refused_before_anything(project: Project, cloud: str) -> None:
    ran = project.try_serverless("deploy", "--param", f"cloud={cloud}", "--param", "apiMemmory=1024")
    assert ran.status == 1
    assert f"--param: expected parameters of {cloud} (" in ran.said
    assert "got apiMemmory, which nothing reads" in ran.said


def test_without_credentials_a_deployment_ends_before_it_builds(project: Project) -> None:
    def zips() -> list[str]:
        built = project.path(".serverless")
        return [name for name in os.listdir(built) if name.endswith(".zip")] if os.path.exists(built) else []

    before = zips()
    ran = project.try_serverless("deploy", HOME=project.folder, AWS_EC2_METADATA_DISABLED="true")
    assert ran.status == 1
    assert "cannot find out whose AWS credentials these are" in ran.said
    assert zips() == before


def test_aws_is_the_cloud_that_nobody_has_to_name(project: Project) -> None:
    assert yaml.safe_load(project.serverless("print", "--path", "provider"))["name"] == "aws"


def test_arm64_is_a_parameter(project: Project) -> None:
    said = project.serverless("print", "--param", "architecture=arm64")
    printed = yaml.safe_load(said)
    assert printed["provider"]["architecture"] == "arm64"
    arguments = printed["custom"]["pythonRequirements"]["pipCmdExtraArgs"]
    assert "--platform manylinux_2_28_aarch64" in arguments


def template(packages: Packages) -> dict[str, Any]:
    folder = os.path.dirname(packages.code)
    with open(os.path.join(folder, "cloudformation-template-update-stack.json"), encoding="utf-8") as source:
        found: dict[str, Any] = json.load(source)["Resources"]
    return found


def test_a_message_is_hidden_for_six_times_the_trainers_timeout(aws_packages: Packages) -> None:
    resources = template(aws_packages)
    timeout = resources["TrainLambdaFunction"]["Properties"]["Timeout"]
    queue = resources["TrainQueue"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * timeout
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 20


def test_each_function_has_a_role_of_its_own_that_names_what_it_touches(aws_packages: Packages) -> None:
    resources = template(aws_packages)
    functions = {name for name, each in resources.items() if each["Type"] == "AWS::Lambda::Function"}
    roles = {resources[name]["Properties"]["Role"]["Fn::GetAtt"][0] for name in functions}
    assert len(roles) == len(functions) == 3
    assert roles == {name for name, each in resources.items() if each["Type"] == "AWS::IAM::Role"}
    for role in roles:
        policies = resources[role]["Properties"]["Policies"]
        for statement in statements(policies):
            assert statement["Resource"] not in ("*", ["*"])
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not [action for action in actions if "*" in action]


def statements(policies: list[dict[str, Any]]) -> list[Any]:
    """What policies allow, those with a condition included."""
    named = [each["Fn::If"][1] if "Fn::If" in each else each for each in policies]
    return [statement for policy in named for statement in policy["PolicyDocument"]["Statement"]]


EVERYTHING = "whatever its name"


@pytest.mark.parametrize(
    ("buckets", "read", "listed"),
    [
        (
            "s3://lake/exports, s3://lake/raw/a,s3://archive/",
            ["lake/exports/*", "lake/raw/a/*", "archive/*"],
            {"lake": ["exports/*", "raw/a/*"], "archive": EVERYTHING},
        ),
        ("s3://lake/exports,s3://lake", ["lake/exports/*", "lake/*"], {"lake": EVERYTHING}),
        ("", [], {}),
    ],
)
def test_the_trainer_may_read_and_list_the_buckets_of_data_and_no_others(
    project: Project, buckets: str, read: list[str], listed: dict[str, Any]
) -> None:
    printed = printed_with(project, "dataBuckets", buckets)
    reading, *listing = of_other_buckets(printed, "data", named=bool(read))
    assert reading["Action"] == "s3:GetObject"
    if read:
        assert [each["Fn::Sub"].partition(":::")[2] for each in reading["Resource"]] == read
    assert {each["Action"] for each in listing} == ({"s3:ListBucket"} if read else set())
    assert listed == {
        each["Resource"]["Fn::Sub"].partition(":::")[2]: each["Condition"]["StringLike"]["s3:prefix"]
        if "Condition" in each
        else EVERYTHING
        for each in listing
    }
    for name in ("api", "train"):
        assert (printed["functions"][name]["environment"]["ML_DATA_BUCKETS"] or "") == buckets


@pytest.mark.parametrize(
    ("buckets", "written"),
    [("s3://lake/scores, s3://results/", ["lake/scores/*", "results/*"]), ("", [])],
)
def test_the_trainer_may_write_results_to_the_places_that_are_named_and_no_others(
    project: Project, buckets: str, written: list[str]
) -> None:
    printed = printed_with(project, "outputBuckets", buckets)
    (statement,) = of_other_buckets(printed, "outputs", named=bool(written))
    if written:
        assert statement["Action"] == ["s3:PutObject", "s3:GetObject"]
        assert [each["Fn::Sub"].partition(":::")[2] for each in statement["Resource"]] == written
    for name in ("api", "train"):
        assert (printed["functions"][name]["environment"]["ML_OUTPUT_BUCKETS"] or "") == buckets
    of_other_buckets(printed, "data", named=False)


def printed_with(project: Project, parameter: str, value: str) -> Any:
    """What the framework makes of the configuration with a parameter, or without it where it is empty."""
    parameters = ["--param", f"{parameter}={value}"] if value else []
    return yaml.safe_load(project.serverless("print", *parameters))


def of_other_buckets(printed: Any, name: str, *, named: bool) -> list[Any]:
    """The statements of the trainer's policy of that name, which is there only where buckets are named.

    The sweep has the same policy of data, since it looks whether a schedule's have changed.
    """
    resources = printed["resources"]
    (found,) = _policies_of_some(printed, "TrainRole", name)
    condition, _, otherwise = found
    asked = resources["Conditions"][condition]["Fn::Equals"]
    assert (asked[0] == asked[1]) == named
    assert otherwise == {"Ref": "AWS::NoValue"}
    assert _policies_of_some(printed, "SweepRole", name) == ([found] if name == "data" else [])
    assert _policies_of_some(printed, "ApiRole", name) == []
    return statements([{"Fn::If": found}])


def _policies_of_some(printed: Any, role: str, name: str) -> list[Any]:
    """A role's policies of that name that only some deployments have."""
    policies = printed["resources"]["Resources"][role]["Properties"]["Policies"]
    conditional = [each["Fn::If"] for each in policies if "Fn::If" in each]
    return [each for each in conditional if each[1]["PolicyName"] == name]


@pytest.mark.parametrize("origins", ["https://app.example.com, http://localhost:3000", "*", ""])
def test_pages_of_named_origins_may_call_and_use_signed_addresses_and_else_none(
    project: Project, origins: str
) -> None:
    domain = "customDomains=ml.example.com, ml.example.org"
    address = "documentation=https://docs.example.com"
    parameters = (
        [
            "--param",
            f"corsOrigins={origins}",
            "--param",
            "basePath=/ml",
            "--param",
            domain,
            "--param",
            address,
        ]
        if origins
        else []
    )
    printed = yaml.safe_load(project.serverless("print", *parameters))
    cors = printed["resources"]["Resources"]["Models"]["Properties"]["CorsConfiguration"]["CorsRules"]
    own, named = cors
    assert own["AllowedOrigins"] == [
        {"Fn::Sub": "https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"},
        *(["https://ml.example.com", "https://ml.example.org"] if origins else []),
    ]
    assert {"GET", "PUT"} <= set(own["AllowedMethods"])
    assert own["AllowedHeaders"] == ["*"]
    (condition, rule, otherwise) = named["Fn::If"]
    asked = printed["resources"]["Conditions"][condition]["Fn::Equals"]
    assert (asked[0] == asked[1]) == bool(origins)
    assert otherwise == {"Ref": "AWS::NoValue"}
    if origins:
        assert rule["AllowedOrigins"] == [each.strip() for each in origins.split(",")]
        assert {"GET", "PUT"} <= set(rule["AllowedMethods"])
    environment = printed["functions"]["api"]["environment"]
    assert (environment["ML_CORS_ORIGINS"] or "") == origins
    assert (environment["ML_BASE_PATH"] or "") == ("/ml" if origins else "")
    assert (environment["ML_DOCUMENTATION"] or "") == ("https://docs.example.com" if origins else "")
    assert str(environment["ML_TRAIN_HOURS"]) == "12", "what takes requests knows how long they may train"
    assert "cors" not in printed["provider"]["httpApi"], "the gateway would answer in the function's place"


def test_a_buckets_rule_for_pages_comes_and_goes_with_the_parameter(
    project: Project, ministack: Ministack
) -> None:
    """CloudFormation on the emulator, with the bucket and the condition of config.yml, and an HTTP API."""

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=ministack.url,
            region_name=ministack.env["AWS_REGION"],
            aws_access_key_id=ministack.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ministack.env["AWS_SECRET_ACCESS_KEY"],
        )

    def template_of(*parameters: str) -> str:
        resources = yaml.safe_load(project.serverless("print", *parameters))["resources"]
        bucket = resources["Resources"]["Models"]
        bucket = {**bucket, "Properties": {**bucket["Properties"], "BucketName": "rules-for-pages"}}
        api = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "pages", "ProtocolType": "HTTP"}}
        held = {"Models": bucket, "HttpApi": api}
        return json.dumps({"Conditions": resources["Conditions"], "Resources": held})

    def rules() -> Any:
        own, *others = storage.get_bucket_cors(Bucket="rules-for-pages")["CORSRules"]
        (api,) = [each for each in client("apigatewayv2").get_apis()["Items"] if each["Name"] == "pages"]
        origin, *domains = own["AllowedOrigins"]
        assert origin.startswith(f"https://{api['ApiId']}.execute-api.")
        assert domains == ["https://ml.example.com"], "beside the API's own"
        assert {"GET", "PUT"} <= set(own["AllowedMethods"])
        return others

    formation, storage = client("cloudformation"), client("s3")
    domain = ("--param", "customDomains=ml.example.com")
    parameters = ("--param", "corsOrigins=https://app.example.com,http://localhost:3000", *domain)
    formation.create_stack(StackName="pages", TemplateBody=template_of(*parameters))
    formation.get_waiter("stack_create_complete").wait(StackName="pages", WaiterConfig={"Delay": 1})
    (rule,) = rules()
    assert rule["AllowedOrigins"] == ["https://app.example.com", "http://localhost:3000"]
    assert {"GET", "PUT"} <= set(rule["AllowedMethods"])
    formation.update_stack(StackName="pages", TemplateBody=template_of(*domain))
    formation.get_waiter("stack_update_complete").wait(StackName="pages", WaiterConfig={"Delay": 1})
    assert rules() == [], "the service's own page uploads all the same"
    formation.delete_stack(StackName="pages")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("corsOrigins", "https://app.example.com/"),
        ("customDomains", "https://api.example.com"),
        ("basePath", "ml"),
        ("documentation", "http://docs.example.com"),
    ],
)
def test_a_parameter_of_the_web_that_cannot_be_is_one_clear_line(
    project: Project, parameter: str, value: str
) -> None:
    ran = project.try_serverless("print", "--param", f"{parameter}={value}")
    assert ran.status == 1
    (line,) = [line for line in ran.said.splitlines() if not line.startswith("npm warn")]
    assert line.startswith(f"{parameter}: expected ")
    assert value in line


@pytest.mark.parametrize("parameter", ["dataBuckets", "outputBuckets"])
def test_a_bucket_that_is_none_is_one_clear_line(project: Project, parameter: str) -> None:
    ran = project.try_serverless("print", "--param", f"{parameter}=s3://lake,http://lake")
    assert ran.status == 1
    (line,) = [line for line in ran.said.splitlines() if not line.startswith("npm warn")]
    assert line.startswith(f"{parameter}: expected s3://bucket or s3://bucket/folder")


def test_a_table_trains_on_the_laptop_by_its_address(project: Project) -> None:
    os.makedirs(project.path(".serverless-ml", "data"), exist_ok=True)
    with open(project.path(".serverless-ml", "data", "churn.csv"), "w", encoding="utf-8") as file:
        file.write("age;plan;churned\n" + "31;basic;yes\n;pro;no\n45,5;;yes\n22;basic;no\n" * 10)
    event = {
        "model": "churn",
        "algorithm": "logistic_regression",
        "data": {"uri": "file:churn.csv", "target": "churned"},
    }
    said = project.serverless("invoke", "local", "--function", "train", "--data", json.dumps(event))
    assert answer_in(said)["state"] == "succeeded", said


def test_a_stranger_cannot_run_up_a_bill(aws_packages: Packages) -> None:
    resources = template(aws_packages)
    throttle = resources["HttpApiStage"]["Properties"]["DefaultRouteSettings"]
    assert throttle == {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100}
    for name in ("Api", "Train"):
        cap = resources[f"{name}LambdaFunction"]["Properties"]["ReservedConcurrentExecutions"]["Fn::If"]
        assert cap[0] == f"{name}IsCapped"
        assert 1 <= int(cap[1]) <= 50
    mapping = resources["TrainEventSourceMappingSQSTrainQueue"]["Properties"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_the_models_are_private_encrypted_versioned_and_outlive_the_stack(aws_packages: Packages) -> None:
    bucket = template(aws_packages)["Models"]
    assert bucket["DeletionPolicy"] == "RetainExceptOnCreate"
    assert bucket["UpdateReplacePolicy"] == "Retain"
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketEncryption" in properties
    rules = properties["LifecycleConfiguration"]["Rules"]
    assert any("NoncurrentVersionExpiration" in rule for rule in rules)
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)


def test_logs_are_kept_for_a_while_and_not_for_ever(aws_packages: Packages) -> None:
    groups = [each for each in template(aws_packages).values() if each["Type"] == "AWS::Logs::LogGroup"]
    assert [group["Properties"]["RetentionInDays"] for group in groups] == [30, 30, 30]


def test_reserving_nothing_is_a_parameter_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A new account cannot reserve any of its ten concurrent functions."""
    fresh = Project(str(tmp_path_factory.mktemp("new account")), {})
    fresh.serverless("package", "--param", "apiConcurrency=none", "--param", "trainConcurrency=none")
    path = fresh.path(".serverless", "cloudformation-template-update-stack.json")
    with open(path, encoding="utf-8") as source:
        conditions = json.load(source)["Conditions"]
    for name in ("ApiIsCapped", "TrainIsCapped"):
        assert conditions[name] == {"Fn::Not": [{"Fn::Equals": ["none", "none"]}]}
