"""`deploy_model` takes what scikit-learn fitted, as the model that is made of it."""

from types import SimpleNamespace
from typing import Any

import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml_core.errors import NotConverted
from ml_core.model.model import Model
from providers import deploy_model
from providers.deploying import functions

X, Y = load_iris(return_X_y=True)


def test_a_fitted_pipeline_is_deployed_as_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []

    def deploy(artifact: bytes, name: str, **options: Any) -> functions.DeployedFunction:
        sent.append(artifact)
        return functions.DeployedFunction(name, str(options["memory_mb"]), True)

    # What a cloud does with an artifact is tested of every cloud; here it is which artifact that is.
    monkeypatch.setattr(functions, "_cloud", lambda _: SimpleNamespace(deploy=deploy))
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    assert deploy_model(fitted, "iris").name == "iris"
    model = Model.from_bytes(sent[0])
    assert model.predict(X).tolist() == fitted.predict(X).tolist()
    assert deploy_model(model, "iris").changed
    assert sent[1] == sent[0]
    with pytest.raises(NotConverted, match="pca: PCA is not converted"):
        deploy_model(make_pipeline(PCA(2), LogisticRegression()).fit(X, Y), "iris")
    assert len(sent) == 2
