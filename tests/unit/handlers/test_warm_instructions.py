"""What a further prediction takes, counted in instructions, so that no request grows unseen."""

from pathlib import Path

import pytest

from providers.deploying.keys import new_key
from tests.unit.handlers.conftest import ROWS
from tests.unit.handlers.test_cold_instructions import counted

# In thousands, by whether predictions are counted; a twelfth above what was counted with Python 3.13. Before
# you raise one, see in docs/decisions/0068-warm-requests.md what a request was spared, and why.
BUDGETS = {"0": 344, "30": 393}

# Answers one event so often as a Lambda instance does, of the folder store. It imports nothing of its own.
# What is read again after some time is not, however slow it is to count.
PROGRAM = """
import sys
root, key, days, event, times = eval(sys.argv[1])
from handlers.clouds import aws, bootstrap
from handlers.local.services import folder_services
from handlers.settings import read_settings
long = {"ML_ALIAS_TTL": "3600", "ML_KEY_TTL": "3600"}
settings = read_settings({"ML_ROOT": root, "ML_MONITORING_DAYS": days, **long})
bootstrap._SERVICES.append(folder_services(settings, lambda: [key]))
for _ in range(times):
    assert aws.api(event, None)["statusCode"] == 200
"""
FEW, MANY = 20, 120  # every 512 rows are counted column by column beside: that is not in it


@pytest.mark.parametrize("days", BUDGETS)
def test_a_warm_prediction_keeps_its_budget_of_instructions(trained: Path, days: str) -> None:
    key = new_key("predict")
    event = {
        "version": "2.0",
        "rawPath": "/v1/models/iris:predict",
        "headers": {"authorization": f"Bearer {key.key}", "content-type": "application/json"},
        "requestContext": {"http": {"method": "POST"}, "requestId": "r1", "stage": "$default"},
        "body": f'{{"instances": {[ROWS[0]]}}}',
        "isBase64Encoded": False,
    }
    few, many = (
        counted(PROGRAM, repr((str(trained), key.record, days, event, times))) for times in (FEW, MANY)
    )
    assert 1000 * (many - few) / (MANY - FEW) <= BUDGETS[days]
