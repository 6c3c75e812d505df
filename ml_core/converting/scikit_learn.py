"""A fitted model of scikit-learn's as a model of this project's: labels equal, numbers within 1e-9.

What cannot be said exactly is refused, with the name of the step. The model that comes of it predicts without
scikit-learn.
"""

from typing import TYPE_CHECKING, Any

from ml_core.converting.coded_rows import coded_rows
from ml_core.converting.fitted import is_text
from ml_core.converting.last_steps import check_kind, converted, is_linear
from ml_core.converting.matrix_columns import SourceValue
from ml_core.converting.steps import transformed
from ml_core.converting.unwrapping import names_in, unwrapped, width_in
from ml_core.errors import InvalidInput, shown
from ml_core.model.model import Model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ml_core.converting.matrix_columns import Column
    from ml_core.converting.unwrapping import FittedStep


def from_scikit_learn(
    estimator: Any,  # noqa: ANN401 - scikit-learn is untyped
    *,
    feature_names: "Sequence[str] | None" = None,
    rows: Any = None,  # noqa: ANN401 - whatever a notebook holds
) -> Model:
    """A fitted object of scikit-learn's as a model that can be deployed, registered and explained.

    It is a LogisticRegression(CV), SVC, LinearSVC, KMeans or MiniBatchKMeans, alone or as the last step of
    Pipelines with scalers, SimpleImputer, OneHotEncoder and ColumnTransformer before it, or a search such as
    GridSearchCV around these. docs/scikit-learn.md says what each may be.

    Args:
        estimator: the fitted object; nothing in it is changed.
        feature_names: what its columns are called; without them as in the data frame that it was fitted to,
            else as in `rows`, or else x0, x1 and so on. Columns that nothing looks at are no features.
        rows: some rows as it takes them, better yet those that it was fitted to. They tell which columns are
            truth values, their answers are compared, and a profile of them is kept in the model, by which
            `explain` works without a background.

    Raises:
        NotConverted: what it does cannot be said exactly; the path of the fault is the step's name.
        InvalidInput: of `feature_names` or `rows`.
        TooLarge: it has more support vectors than a model may hold.
    """
    steps = unwrapped(estimator)
    check_kind(steps[-1].estimator, steps[-1].path)
    names = _names(steps, feature_names, rows)
    if rows is None:
        return _whole(_parts(steps, names, {})[0])
    from ml_core.converting.sample import Sample, compare

    sample = Sample(rows, names, named=names_in(steps) is not None)
    model, sources = _parts(steps, names, sample.kinds())
    compare(estimator, model, sample, sources)
    return _whole(model)


def answers(estimator: Any, X: Any, output: str) -> list[Any]:  # noqa: ANN401
    """One output of what a fitted object becomes here, for every row of its own columns.

    Raises `NotConverted`, `InvalidInput`, `TooLarge`.
    """
    from ml_core.converting.sample import Sample

    steps = unwrapped(estimator)
    check_kind(steps[-1].estimator, steps[-1].path)
    names = _names(steps, None, X)
    sample = Sample(X, names, named=names_in(steps) is not None, where="X")
    model, sources = _parts(steps, names, sample.kinds())
    return model.output_of(sample.of_model(sources), output)


def _whole(model: Model) -> Model:
    """The model as its artifact has it: what was made is read as strictly as any other."""
    return Model.from_bytes(model.to_bytes())


def _parts(
    steps: "list[FittedStep]", names: tuple[str, ...], kinds: "Mapping[int, str]"
) -> "tuple[Model, tuple[int, ...]]":
    """The model, and the numbers of the columns that it looks at."""
    *before, last = steps
    columns: list[Column] = [SourceValue(source) for source in range(len(names))]
    for step in before:
        columns = transformed(step.estimator, columns, step.path)
    rows = coded_rows(columns, names, kinds, last.path, linear=is_linear(last.estimator))
    found = converted(last.estimator, rows, names, last.path)
    scaling = rows.scaling
    together = found.estimator.absorb_scaling(scaling) if scaling else None
    hyperparameters = dict(found.hyperparameters)
    if scaling is None:
        hyperparameters["scale"] = False
    model = Model(
        together or found.estimator,
        algorithm=found.algorithm,
        hyperparameters=hyperparameters,
        features=tuple(feature.name for feature in rows.features),
        classes=found.classes,
        scaling=None if together else scaling,
        encoding=rows.encoding,
    )
    return model, rows.sources


def _names(
    steps: "list[FittedStep]",
    given: "Sequence[str] | None",
    rows: Any,  # noqa: ANN401
) -> tuple[str, ...]:
    """The names of the columns that it was fitted to; of a frame, where it knows none, by their order.

    Raises `InvalidInput`, `NotConverted`.
    """
    width, fitted = width_in(steps), names_in(steps)
    where = "feature_names"
    if given is None:
        framed = tuple(str(column) for column in getattr(rows, "columns", ()))
        counted = framed if len(framed) == width else tuple(f"x{place}" for place in range(width))
        names, where = fitted or counted, "columns"
    else:
        names = tuple(str(each) if isinstance(each, str) else each for each in given)
    if len(names) != width:
        raise InvalidInput.at(
            where, f"expected {width} names, one for each column that it was fitted to, got {len(names)}"
        )
    seen: set[str] = set()
    for place, name in enumerate(names):
        if not name or not is_text(name):
            raise InvalidInput.at(f"{where}[{place}]", f"expected a name, got {shown(name)}")
        if name in seen:
            raise InvalidInput.at(f"{where}[{place}]", f"{shown(name)} is there more than once")
        if fitted and name != fitted[place]:
            raise InvalidInput.at(
                f"{where}[{place}]",
                f"expected {shown(fitted[place])}, which it was fitted to, got {shown(name)}",
            )
        seen.add(name)
    return names
