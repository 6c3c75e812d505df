"""What is there for people in Python without a server: `ml_core` and `providers`."""

import ml_core
import providers
from documenting.markdown import code, heading
from documenting.markdown import page as whole
from documenting.reference.docstrings import class_told, fields_table, found, function, sections

# What notebooks use of a model; the rest is for what serves and registers it.
MODEL = (
    *("predict", "predict_proba", "decision_function", "transform", "output_of", "outputs", "explain"),
    *("row_schema", "learnt", "contains_training_rows", "profile", "to_bytes", "from_bytes", "to_onnx"),
)


def page() -> str:
    """The page."""
    return whole(
        "In Python, without a server",
        "What `ml_core` and `providers` export: train and predict in a notebook, deploy a model as a "
        "function.",
        "In the project's environment. What asks a service over HTTP is the [client](client.md).",
        heading(2, code("ml_core")),
        *(
            text
            for name in ml_core.__all__
            for text in function(f"ml_core.{name}", 3, found("ml_core", name))
        ),
        "What `train_model`, `from_scikit_learn` and `from_onnx` give:",
        *class_told(found("ml_core", "model.model.Model"), 3, only=MODEL),
        heading(2, code("providers")),
        *(
            text
            for name in providers.__all__
            for text in function(f"providers.{name}", 3, found("providers", name))
        ),
        *_record("deploying.functions.DeployedFunction"),
    )


def _record(path: str) -> list[str]:
    told = found("providers", path)
    return [heading(3, code(told.name)), *sections(told), fields_table(told)]
