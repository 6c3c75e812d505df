"""What may be said of webhooks and topics when a service is deployed is what its functions take."""

import json
import os
import re
import subprocess
from typing import Any

import pytest

from ml_core.notices.hooks import hooks
from providers.deploying.notices import Notices, notices_of
from providers.deploying.plan import DeploymentFailed
from tests.unit.ml_core.notices.webhook_texts import RIGHT, SECRET, WRONG, WRONG_SECRETS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
TOPIC = re.compile("projects/[a-z0-9]+/topics/[a-z]+")
ARN = "arn:aws:sns:eu-central-1:111122223333:ml-events"
# Each is one parameter: a comma would make two of it.
ONE = [each for each in WRONG if "," not in each]
FAULTS = """
const { faultOf } = require('./providers/aws/options.js');
const good = { region: 'eu-central-1', architecture: 'x86_64', apiConcurrency: '20', trainConcurrency: '3',
  requestsPerSecond: '50', requestBurst: '100', trainHours: '12', monitoringDays: '90', auditDays: '365' };
const none = { alarms: '', alarmEmail: '', dashboard: '', accessLogs: '', warmInstances: '0',
  access: 'public', ingress: 'all', subnets: '', securityGroups: '', encryptionKey: '', dataKeys: '',
  tags: '', engines: '', onnx: '', onnxMemory: '2048',
  onnxConcurrency: '10', engineMemory: '1769', engineWorkers: '100', runtimeClient: 'aws' };
const given = JSON.parse(require('fs').readFileSync(0));
console.log(JSON.stringify(given.map((each) => faultOf(none, { ...good, ...each }) || null)));
"""


class Said:
    """A service, of which only its provider's members are looked at."""

    def __init__(self, **provider: Any) -> None:
        self.provider = provider


def said(**provider: Any) -> Notices:
    return notices_of(Said(**provider), TOPIC, "a topic")  # type: ignore[arg-type]


def node(given: list[dict[str, str]], secret: str = SECRET) -> list[Any]:
    """What the AWS plugin has against each of some parameters."""
    ran = subprocess.run(
        ["node", "-e", FAULTS], cwd=ROOT, input=json.dumps(given), capture_output=True, text=True,
        check=True, timeout=60, env={**os.environ, "ML_WEBHOOK_SECRET": secret},
    )  # fmt: skip
    found: list[Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("address", RIGHT)
def test_what_functions_take_is_deployed(address: str) -> None:
    assert len(hooks(address)) == 1
    told = said(webhooks=address, webhookSecret=SECRET)
    assert told.settings == {"ML_WEBHOOKS": address}
    assert told.telling == {"ML_WEBHOOKS": address, "ML_WEBHOOK_SECRET": SECRET}


@pytest.mark.parametrize("address", ONE)
def test_what_they_do_not_take_is_refused_before(address: str) -> None:
    with pytest.raises(DeploymentFailed, match="webhooks: expected https://, the name of a host"):
        said(webhooks=address, webhookSecret=SECRET)


def test_the_plugin_of_aws_says_the_same() -> None:
    assert node([{"webhooks": each} for each in RIGHT]) == [None] * len(RIGHT)
    refused = node([{"webhooks": each} for each in ONE])
    assert [each[0] for each in refused if each] == ["webhooks"] * len(ONE)
    assert node([{"topic": ARN}, {"topic": ""}]) == [None, None]
    for topic in (f"{ARN}.fifo", "ml-events", ARN.replace("sns", "sqs")):
        assert node([{"topic": topic}])[0][0] == "topic"


@pytest.mark.parametrize("secret", [*WRONG_SECRETS, f"whsec_{'A' * 87}="])
def test_without_a_secret_no_webhook_is_deployed(secret: str) -> None:
    with pytest.raises(DeploymentFailed, match="ML_WEBHOOK_SECRET") as refused:
        said(webhooks=RIGHT[0], webhookSecret=secret)
    assert len(secret) < 10 or secret not in str(refused.value)
    (found,) = node([{"webhooks": RIGHT[0]}], secret)
    assert found[0] == "webhooks"
    assert said(webhookSecret=secret).telling == {}


def test_a_list_has_so_many_entries_and_no_more() -> None:
    ten = ",".join(f"https://example.com/{number}" for number in range(10))
    assert said(webhooks=ten, webhookSecret=SECRET).webhooks == ten
    with pytest.raises(DeploymentFailed, match="webhooks: expected at most 10 addresses, got 11"):
        said(webhooks=f"{ten},https://example.com/x", webhookSecret=SECRET)
    (found,) = node([{"webhooks": f"{ten},https://example.com/x"}])
    assert found == ["webhooks", "expected at most 10 addresses, got 11"]


def test_a_topic_is_one_of_the_cloud() -> None:
    assert said(topic="projects/p/topics/t").telling == {"ML_TOPIC": "projects/p/topics/t"}
    with pytest.raises(DeploymentFailed, match="topic: expected a topic, got 'x'"):
        said(topic="x")
    assert said() == Notices()
