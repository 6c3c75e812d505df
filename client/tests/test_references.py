"""How models, versions and aliases are named."""

import pytest
from serverless_ml import BadReference
from serverless_ml.references import Reference, reference, segment


@pytest.mark.parametrize(
    ("text", "found", "path"),
    [
        ("churn", Reference("churn"), "/v1/models/churn"),
        ("churn@2", Reference("churn", version=2), "/v1/models/churn/versions/2"),
        ("churn@production", Reference("churn", alias="production"), "/v1/models/churn/aliases/production"),
        ("churn@v2", Reference("churn", alias="v2"), "/v1/models/churn/aliases/v2"),
        ("churn@02", Reference("churn", alias="02"), "/v1/models/churn/aliases/02"),
        ("a/b", Reference("a/b"), "/v1/models/a%2Fb"),
        ("a?b#c@d:e", Reference("a?b#c", alias="d:e"), "/v1/models/a%3Fb%23c/aliases/d%3Ae"),
    ],
)
def test_a_reference_is_read_and_told(text: str, found: Reference, path: str) -> None:
    assert reference(text) == found
    assert str(found) == text
    assert found.path == path


def test_version_and_alias_may_stand_beside_the_name() -> None:
    assert reference("churn", version=3) == Reference("churn", version=3)
    assert reference("churn", alias="staging") == Reference("churn", alias="staging")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", {}),
        ("@2", {}),
        ("churn@", {}),
        ("churn@2", {"version": 2}),
        ("churn@2", {"alias": "production"}),
        ("churn", {"version": 1, "alias": "production"}),
        ("churn", {"version": 0}),
        ("churn", {"version": True}),
        (7, {}),
    ],
)
def test_what_is_no_reference_is_refused(text: str, said: dict[str, object]) -> None:
    with pytest.raises(BadReference, match="expected"):
        reference(text, **said)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_what_is_no_segment_of_a_path_is_refused(name: str) -> None:
    with pytest.raises(BadReference, match="expected a name"):
        segment(name)
