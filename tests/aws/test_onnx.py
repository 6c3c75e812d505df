"""The function that runs imported models on AWS: what it reaches, and who reaches it."""

import json
import os
from copy import deepcopy
from typing import Any

import pytest

from tests.aws.test_lithops_rights import role
from tests.aws.test_options import KEY, OFF, ROOT, node
from tests.framework import Packages

ACCOUNT_ARN = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:serverless-ml-dev-onnx"
# As the framework does it between the two.
CHANGE = """
const { optionsOf } = require('./providers/aws/options.js');
const { configure, extend } = require('./providers/aws/template.js');
const { given, service, template } = JSON.parse(require('fs').readFileSync(0));
configure(service, optionsOf(given), { pages: false });
Object.assign(template.Resources, service.resources.Resources);
extend(template, optionsOf(given), { base: 'serverless-ml-dev', tags: service.provider.tags });
console.log(JSON.stringify([service, template]));
"""
INTERFACES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
SERVICE: dict[str, Any] = {
    "service": "serverless-ml",
    "provider": {
        "stage": "dev",
        "tags": {"service": "serverless-ml", "stage": "dev"},
        "runtime": "python3.13",
    },
    "layers": {"training": {}},
    "functions": {
        name: {
            "name": f"serverless-ml-dev-{name}",
            "layers": [],
            "environment": {"ML_BUCKET": {"Ref": "Models"}},
            "events": [],
        }
        for name in ("api", "train", "sweep")
    },
    "resources": {"Resources": {f"{name.title()}Role": role(name) for name in ("api", "train", "sweep")}},
}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Models": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"BucketEncryption": {"ServerSideEncryptionConfiguration": []}},
        },
        # As the framework compiles the function and its log.
        "OnnxLambdaFunction": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"FunctionName": "serverless-ml-dev-onnx"},
        },
        "OnnxLogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {}},
    },
    "Outputs": {},
}
NETWORK = {"subnets": "subnet-0a1b2c3d", "securityGroups": "sg-0a1b2c3d"}


# What CloudFormation does, in the name of whoever deploys, to make, change, tag and delete one of a type.
OF_TYPES = {
    "AWS::EC2::VPC": ("CreateVpc", "DeleteVpc", "DescribeVpcs", "DescribeVpcAttribute", "ModifyVpcAttribute"),
    "AWS::EC2::Subnet": (
        *("CreateSubnet", "DeleteSubnet", "DescribeSubnets", "ModifySubnetAttribute"),
        *("DescribeNetworkAcls", "DescribeAvailabilityZones"),
    ),
    "AWS::EC2::RouteTable": ("CreateRouteTable", "DeleteRouteTable", "DescribeRouteTables"),
    "AWS::EC2::SubnetRouteTableAssociation": ("AssociateRouteTable", "DisassociateRouteTable"),
    "AWS::EC2::SecurityGroup": (
        *("CreateSecurityGroup", "DeleteSecurityGroup", "DescribeSecurityGroups"),
        *("AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress"),
    ),
    "AWS::EC2::VPCEndpoint": (
        *("CreateVpcEndpoint", "DeleteVpcEndpoints", "DescribeVpcEndpoints", "ModifyVpcEndpoint"),
    ),
}
TAGGING = {"ec2:CreateTags", "ec2:DeleteTags"}


def changed(**given: str) -> tuple[Any, Any]:
    asked = {"given": {**OFF, **given}, "service": SERVICE, "template": deepcopy(TEMPLATE)}
    service, template = node(CHANGE, asked)
    return service, template["Resources"]


def statements(resources: Any, name: str) -> list[Any]:
    """All that a role says, whichever policy it is in."""
    policies = resources[name]["Properties"]["Policies"]
    return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]


def actions(statement: Any) -> set[str]:
    said = statement["Action"]
    return {said} if isinstance(said, str) else set(said)


@pytest.mark.parametrize(
    "more",
    [
        {},
        NETWORK,
        {"encryptionKey": KEY, "dataKeys": KEY},
        {"engines": "lithops", "alarms": "yes", "dashboard": "yes", "tags": "team=ml"},
    ],
)
def test_the_functions_role_may_write_its_log_and_nothing_else(more: dict[str, str]) -> None:
    """Whatever else is asked for: no right to the bucket, a queue, a parameter, a key or a function."""
    _, resources = changed(onnx="yes", **more)
    log, interfaces, refused = statements(resources, "OnnxRole")
    assert log == {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": {"Fn::GetAtt": ["OnnxLogGroup", "Arn"]},
    }
    # Those that Lambda makes interfaces with, which the code that runs in the function is denied.
    assert (interfaces["Effect"], actions(interfaces)) == ("Allow", INTERFACES)
    assert (refused["Effect"], refused["Resource"]) == ("Deny", "*")
    assert actions(refused) >= INTERFACES
    assert refused["Condition"] == {"ArnEquals": {"lambda:SourceFunctionArn": {"Fn::Sub": ACCOUNT_ARN}}}
    assert "ManagedPolicyArns" not in resources["OnnxRole"]["Properties"]


def test_api_and_train_alone_may_invoke_it() -> None:
    _, resources = changed(onnx="yes")
    invoke = {
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": {"Fn::GetAtt": ["OnnxLambdaFunction", "Arn"]},
    }
    assert statements(resources, "ApiRole") == statements(resources, "TrainRole") == [invoke]
    assert statements(resources, "SweepRole") == []
    assert not [each for each in resources.values() if each["Type"] == "AWS::Lambda::Permission"]


def test_the_one_way_out_of_its_network_is_to_artifacts_by_addresses_of_the_service() -> None:
    service, resources = changed(onnx="yes")
    (endpoint,) = (each for each in resources.values() if each["Type"] == "AWS::EC2::VPCEndpoint")
    properties = endpoint["Properties"]
    assert properties["VpcEndpointType"] == "Gateway"
    assert properties["ServiceName"] == {"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"}
    (statement,) = properties["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "s3:GetObject")
    assert statement["Resource"] == {"Fn::Sub": "${Models.Arn}/artifacts/*"}
    signers = statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]
    assert signers == [{"Fn::GetAtt": [name, "Arn"]} for name in ("ApiRole", "TrainRole")]
    # Nothing else leads out of it, and nothing that costs while nobody calls is made.
    before = {**TEMPLATE["Resources"], **SERVICE["resources"]["Resources"]}
    assert {each["Type"] for name, each in resources.items() if name not in before} == {
        *("AWS::IAM::Role", "AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::RouteTable"),
        *("AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::SecurityGroup", "AWS::EC2::VPCEndpoint"),
    }
    network = resources["OnnxVpc"]["Properties"]
    # As a gateway endpoint asks for, where Amazon's servers resolve names.
    assert (network["EnableDnsSupport"], network["EnableDnsHostnames"]) == (True, True)
    group = resources["OnnxSecurityGroup"]["Properties"]
    assert "SecurityGroupIngress" not in group
    (rule,) = group["SecurityGroupEgress"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)
    subnets = [name for name, each in resources.items() if each["Type"] == "AWS::EC2::Subnet"]
    function = service["functions"]["onnx"]
    assert function["vpc"] == {
        "subnetIds": [{"Ref": name} for name in subnets],
        "securityGroupIds": [{"Ref": "OnnxSecurityGroup"}],
    }
    routed = [
        each["Properties"]["SubnetId"]
        for each in resources.values()
        if each["Type"] == "AWS::EC2::SubnetRouteTableAssociation"
    ]
    assert routed == function["vpc"]["subnetIds"]
    assert not any("vpc" in service["functions"][name] for name in ("api", "train", "sweep"))


def test_who_deploys_it_needs_the_rights_of_its_network_and_those_through_cloudformation_alone() -> None:
    with open(os.path.join(ROOT, "providers", "aws", "deployer-policy-onnx.json"), encoding="utf-8") as file:
        (statement,) = json.load(file)["Statement"]
    _, resources = changed(onnx="yes")
    kinds = {each["Type"] for each in resources.values() if each["Type"].startswith("AWS::EC2::")}
    assert kinds == OF_TYPES.keys()
    needed = {f"ec2:{action}" for each in OF_TYPES.values() for action in each} | TAGGING
    assert set(statement["Action"]) == needed
    assert statement["Action"] == sorted(statement["Action"])
    assert statement["Condition"] == {
        "ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}
    }


def test_every_reference_of_its_resources_leads_somewhere() -> None:
    _, resources = changed(onnx="yes")
    ours = {name: each for name, each in resources.items() if name.startswith("Onnx")}

    def referred(value: Any) -> set[str]:
        if isinstance(value, list):
            return {name for each in value for name in referred(each)}
        if not isinstance(value, dict):
            return set()
        if "Ref" in value:
            return {value["Ref"]}
        if "Fn::GetAtt" in value:
            return {value["Fn::GetAtt"][0]}
        return {name for each in value.values() for name in referred(each)}

    assert referred(list(ours.values())) <= resources.keys()


def test_in_a_network_of_the_persons_no_other_is_made() -> None:
    service, resources = changed(onnx="yes", **NETWORK)
    assert service["functions"]["onnx"]["vpc"] == {
        "subnetIds": ["subnet-0a1b2c3d"],
        "securityGroupIds": ["sg-0a1b2c3d"],
    }
    assert not [each for each in resources.values() if each["Type"].startswith("AWS::EC2::")]


def test_the_function_has_a_package_of_its_own_and_knows_where_artifacts_are() -> None:
    service, _ = changed(onnx="yes", onnxMemory="4096", onnxConcurrency="3")
    function = service["functions"]["onnx"]
    assert function["package"] == {"artifact": ".serverless/onnx.zip"}
    assert "layers" not in function
    assert function["environment"] == {
        "ML_ARTIFACTS": {"Fn::Sub": "https://s3.${AWS::Region}.amazonaws.com/${Models}/artifacts/"}
    }
    assert (function["memorySize"], function["reservedConcurrency"]) == (4096, 3)
    assert function["timeout"] == 28
    for name in ("api", "train"):
        assert service["functions"][name]["environment"]["ML_ONNX"] == function["name"]
    assert "ML_ONNX" not in service["functions"]["sweep"]["environment"]
    assert "reservedConcurrency" not in changed(onnx="yes", onnxConcurrency="none")[0]["functions"]["onnx"]


def test_what_addresses_begin_with_is_what_the_signer_signs() -> None:
    from providers.aws.runtime.signer import S3Signer

    service, _ = changed(onnx="yes")
    said = service["functions"]["onnx"]["environment"]["ML_ARTIFACTS"]["Fn::Sub"]
    place = said.replace("${AWS::Region}", "eu-central-1").replace("${Models}", "the-models")
    assert f"{S3Signer('the-models', {'AWS_REGION': 'eu-central-1'}).below}artifacts/" == place


@pytest.mark.parametrize("value", ["", "no", "false"])
def test_off_nothing_is_made_said_or_allowed(value: str) -> None:
    service, resources = changed(onnx=value)
    for each in resources.values():
        each["Properties"].pop("Tags", None)
    assert resources == {**TEMPLATE["Resources"], **SERVICE["resources"]["Resources"]}
    for each in service["resources"]["Resources"].values():
        each["Properties"].pop("Tags", None)
    assert service == SERVICE


def test_off_the_compiled_template_and_its_packages_know_nothing_of_it(aws_packages: Packages) -> None:
    folder = os.path.dirname(aws_packages.code)
    assert not os.path.exists(os.path.join(folder, "onnx.zip"))
    with open(os.path.join(folder, "cloudformation-template-update-stack.json"), encoding="utf-8") as file:
        said = file.read()
    assert "nnx" not in said
    assert "ML_ONNX" not in said
    assert "AWS::EC2" not in said


def test_alarms_and_the_dashboard_show_it_where_it_is() -> None:
    _, resources = changed(onnx="yes", alarms="yes", dashboard="yes")
    alarms = {
        each["Properties"]["AlarmName"]
        for each in resources.values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert {"serverless-ml-dev-onnx-errors", "serverless-ml-dev-onnx-throttles"} <= alarms
    assert "OnnxLambdaFunction" in json.dumps(resources["Dashboard"])
    _, without = changed(alarms="yes", dashboard="yes")
    assert not [name for name in without if name.startswith("Onnx") and name not in TEMPLATE["Resources"]]
