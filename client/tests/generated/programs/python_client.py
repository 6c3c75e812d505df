"""Trains, predicts and infers by what openapi-python-client made of the service's description."""

import json
import os
import time
from http import HTTPStatus
from io import BytesIO

from httpx import Timeout
from ml_service import AuthenticatedClient
from ml_service.api.algorithms import list_algorithms
from ml_service.api.aliases import get_alias, get_alias_history, put_alias
from ml_service.api.datasets import list_datasets, upload_dataset
from ml_service.api.explanation import explain
from ml_service.api.inference import get_model_metadata, get_model_ready, get_server, infer
from ml_service.api.jobs import get_job, list_jobs
from ml_service.api.models import get_model, get_version, list_models, list_versions
from ml_service.api.monitoring import get_alias_monitoring, get_version_monitoring
from ml_service.api.onnx import get_version_onnx
from ml_service.api.parameters import get_version_parameters
from ml_service.api.prediction import predict, predict_version
from ml_service.api.profiles import get_version_profile
from ml_service.api.schemas import get_model_schema
from ml_service.api.training import train
from ml_service.models import (
    AliasRequest,
    AliasRequestWeights,
    ExplainRequest,
    InferenceRequest,
    InputTensor,
    Job,
    JobState,
    LogisticRegressionHyperparameters,
    Predictions,
    PredictRequest,
    Problem,
    RequestedOutput,
    RowByName,
    RowOutputs,
    TrainKmeans,
    TrainLogisticRegression,
    UnknownColumns,
)
from ml_service.types import File, Unset

MODEL, PLAIN = "generated-python", "generated-python-plain"


def finished(client: AuthenticatedClient, model: str, body: TrainLogisticRegression) -> Job:
    """The job of a training, once it is over."""
    job = train.sync(model, client=client, body=body, prefer="wait=20")
    while isinstance(job, Job) and job.state in (JobState.QUEUED, JobState.RUNNING):
        time.sleep(0.2)
        job = get_job.sync(job.id, client=client)
    assert isinstance(job, Job), job
    assert job.state is JobState.SUCCEEDED, job.error
    return job


def everything_else(client: AuthenticatedClient) -> list[str]:
    """What else can be read of a model; the kinds of what came back, as this client knows them."""
    change = AliasRequest(weights=AliasRequestWeights.from_dict({"1": 1}))
    answers = (
        put_alias.sync(PLAIN, "live", client=client, body=change),
        get_alias.sync(PLAIN, "live", client=client),
        get_alias_history.sync(PLAIN, "live", client=client),
        get_alias_monitoring.sync(PLAIN, "live", client=client),
        get_model.sync(PLAIN, client=client),
        list_versions.sync(PLAIN, client=client),
        get_version_parameters.sync(PLAIN, "1", client=client),
        get_version_profile.sync(PLAIN, "1", client=client),
        get_version_monitoring.sync(PLAIN, "1", client=client),
        get_version_onnx.sync(PLAIN, "1", client=client),
        get_model_schema.sync(PLAIN, client=client),
        get_model_metadata.sync(PLAIN, client=client),
        get_model_ready.sync(PLAIN, client=client),
        explain.sync(PLAIN, client=client, body=ExplainRequest(instances=[[121, 0.9]])),
        upload_dataset.sync("fruit", client=client),
        list_datasets.sync(client=client),
        list_jobs.sync(client=client, state=JobState.SUCCEEDED),
        list_algorithms.sync(client=client),
        get_server.sync(client=client),
    )
    return [type(answer).__name__ for answer in answers]


def main() -> None:
    """Everything, one after another; what it saw, on standard output."""
    key = os.environ.get("KEY", "none")
    client = AuthenticatedClient(base_url=os.environ["URL"], token=key, timeout=Timeout(60))

    mixed = TrainLogisticRegression(
        algorithm="logistic_regression",
        feature_names=["grams", "colour"],
        instances=[
            [120, "red"],
            [130, "red"],
            [None, "red"],
            [118, "yellow"],
            [170, "yellow"],
            [160, None],
            [155, "yellow"],
            [175, "yellow"],
        ],
        targets=[*["apple"] * 4, *["quince"] * 4],
        hyperparameters=LogisticRegressionHyperparameters(c=0.5),
        test_fraction=0,
    )
    job = finished(client, MODEL, mixed)
    assert job.version == 1

    answer = predict.sync(
        MODEL, client=client, body=PredictRequest(instances=[[125, "red"], [None, "yellow"], [172, None]])
    )
    assert isinstance(answer, Predictions), answer
    assert not isinstance(answer.predictions, Unset)
    labels = answer.predictions

    named = RowByName.from_dict({"grams": 172, "colour": "yellow", "customer": 7})
    asked = PredictRequest(
        instances=[named], outputs=["label", "probability"], unknown_columns=UnknownColumns.IGNORE
    )
    answer = predict_version.sync(MODEL, "1", client=client, body=asked)
    assert isinstance(answer, Predictions), answer
    assert not isinstance(answer.predictions, Unset)
    (outputs,) = answer.predictions
    assert isinstance(outputs, RowOutputs), outputs

    table = predict.sync(
        MODEL, client=client, body=File(payload=BytesIO(b"grams,colour\n125,red\n,yellow\n"))
    )
    assert isinstance(table, Predictions), table

    version = get_version.sync(MODEL, "1", client=client)
    assert version is not None
    assert not isinstance(version, Problem)
    models = list_models.sync(client=client)
    assert models is not None
    assert not isinstance(models, Problem)

    clusters = TrainKmeans(algorithm="kmeans", instances=[[1, 2], [1, 3], [9, 8], [9, 9]], test_fraction=0)
    refused = train.sync_detailed(PLAIN, client=client, body=clusters)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert isinstance(refused.parsed, Problem)
    assert not isinstance(refused.parsed.faults, Unset)

    numbers = TrainLogisticRegression(
        algorithm="logistic_regression",
        instances=[[120, 0.9], [130, 0.8], [170, 0.2], [160, 0.1]] * 10,
        targets=["apple", "apple", "quince", "quince"] * 10,
        test_fraction=0,
    )
    finished(client, PLAIN, numbers)
    tensor = InputTensor(name="input-0", shape=[2, 2], datatype="FP64", data=[121, 0.9, 171, 0.2])
    inferred = infer.sync(
        PLAIN,
        client=client,
        body=InferenceRequest(inputs=[tensor], outputs=[RequestedOutput(name="predict")]),
    )
    assert inferred is not None
    assert not isinstance(inferred, Problem | File), inferred

    read = everything_else(client)
    wrong = predict.sync_detailed(MODEL, client=client, body=PredictRequest(instances=[[125]]))
    assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert isinstance(wrong.parsed, Problem)
    assert not isinstance(wrong.parsed.faults, Unset)

    told = {
        "read": read,
        "labels": labels,
        "label": outputs.label,
        "probability": outputs.probability,
        "from a table": table.predictions,
        "algorithm": version.algorithm,
        "models": sorted(name for name in models.models if name in (MODEL, PLAIN)),
        "inferred": inferred.outputs[0].data,
        "training": [fault.path for fault in refused.parsed.faults],
        "code": wrong.parsed.code,
        "faults": [[fault.path, fault.message] for fault in wrong.parsed.faults],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
