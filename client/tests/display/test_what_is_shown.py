"""What is shown is what the service answered: the numbers, on the right side and of the right size."""

import copy
import re
from typing import Any

import pytest
from serverless_ml import display
from serverless_ml.display import text

from client.tests.display.conftest import on_terminal, without_colours
from client.tests.display.page import Page

type Documents = dict[tuple[str, str], Any]


def page(kind: str, raw: object) -> Page:
    return Page(display.as_html(kind, raw))


def test_a_version_has_its_metrics_side_by_side(documents: Documents) -> None:
    raw = documents["version", "two classes"]
    shown = page("version", raw)
    for name, said in (("accuracy", "accuracy"), ("roc_auc", "ROC AUC"), ("log_loss", "log loss")):
        test, training = raw["metrics"]["test"][name], raw["metrics"]["training"][name]
        assert shown.row(said)[1:] == [text.aligned(test), text.aligned(training)]
    assert shown.row("baseline")[1] == text.aligned(raw["metrics"]["test"]["baseline"])
    assert f"trained on {raw['rows']} rows, {raw['test_rows']} held out (at random)" in shown.words
    assert "dataset://shown, to predict churned" in shown.words
    for warning in raw["warnings"]:
        assert warning in shown.words
    assert raw["created"][:10] in shown.words


def test_a_scored_table_has_its_rows_and_files(documents: Documents) -> None:
    raw = documents["job", "scored"]
    words = page("job", raw).words
    assert "scoring" in words
    assert "shown@1" in words
    assert f"rows {raw['result']['rows']}" in words
    assert text.size(raw["result"]["bytes"]) in words
    row = page("job_files", documents["job_files", "scored"]).row("part-00000.parquet")
    assert row[1:3] == ["scores", str(raw["result"]["rows"])]


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ({"name": "streamed", "passes": 6, "parts": 12}, "streamed, 6 passes over 12 parts"),
        ({"name": "lithops", "passes": 1, "parts": None}, "lithops, 1 pass"),
        ({"name": "memory", "passes": None, "parts": None}, None),
        (None, None),
    ],
)
@pytest.mark.parametrize("kind", ["job", "version"])
def test_an_engine_is_told_where_it_is_more_than_a_process(
    documents: Documents, kind: str, engine: Any, said: str | None
) -> None:
    raw = documents[kind, "two classes"]
    words = page(kind, {**raw, "engine": engine}).words
    assert said in words if said else words == page(kind, {**raw, "engine": None}).words


def test_a_confusion_matrix_has_counts_and_shares_of_each_true_class(documents: Documents) -> None:
    for label in ("two classes", "four classes", "pictures"):
        raw = documents["version", label]
        shown = page("version", raw)
        matrix = raw["metrics"]["test"]["confusion_matrix"]
        for name, counts in zip(raw["classes"], matrix, strict=True):
            row = shown.row(text.plain(name), after="true ↓ \xa0predicted →")
            assert row[1:] == [f"{count} {text.percent(count / sum(counts))}" for count in counts]
        assert "Confusion, held out" in without_colours(on_terminal("version", raw))


def test_of_many_classes_the_most_frequent_mistakes_are_told() -> None:
    counts = [[5 if true == predicted else 0 for predicted in range(30)] for true in range(30)]
    counts[3][7] = 4
    shown = page("version", {"classes": list(range(30)), "metrics": {"test": {"confusion_matrix": counts}}})
    assert shown.row("3") == ["3", "7", "4"]


def test_curves_go_from_corner_to_corner(documents: Documents) -> None:
    html = display.as_html("version", documents["version", "two classes"])
    charts = dict(re.findall(r"<title>([^<]*)</title><desc>([^<]*)</desc>", html))
    assert "from (0, 0) to (1, 1)" in charts["ROC of yes"]
    assert {"Precision and recall of yes", "Calibration of yes"} <= set(charts)
    # One line for each class, and no more.
    more = display.as_html("version", documents["version", "four classes"])
    drawn = next(svg for svg in re.findall(r"<svg.*?</svg>", more) if "<title>ROC</title>" in svg)
    assert drawn.count('stroke-width="1.8"') == 4


def test_what_each_epoch_reached_is_a_line_on_both(documents: Documents) -> None:
    for kind in ("version", "job"):
        raw = documents[kind, "pictures"]
        history = raw["metrics"]["history"]
        assert "Loss per epoch" in page(kind, raw).words
        ends = f"{text.number(history[0]['loss'])} → {text.number(history[-1]['loss'])}"
        assert ends in without_colours(on_terminal(kind, raw))


def test_clusters_have_bars_and_no_classes(documents: Documents) -> None:
    raw = documents["version", "clusters"]
    shown = page("version", raw)
    sizes = raw["metrics"]["training"]["cluster_sizes"]
    row = shown.row("0", after="cluster")
    assert row[1] == f"{sizes[0]} ({text.percent(sizes[0] / sum(sizes))})"
    assert "inertia" in shown.words
    assert "Confusion" not in shown.words


def test_importance_is_in_the_services_order(documents: Documents) -> None:
    raw = documents["version", "two classes"]
    shown = without_colours(on_terminal("version", raw))
    told = shown[shown.index("Importance") :]
    names = [each["column"] for each in raw["importance"]["columns"]]
    places = [told.index(f"\n{name} ") for name in names]
    assert places == sorted(places)


def test_a_registered_version_says_where_it_came_from(documents: Documents) -> None:
    there, raw = documents["version", "two classes"], documents["version", "registered"]
    shown = page("version", raw)
    assert shown.row("description") == ["description", "trained in <dev>"]
    assert shown.row("was there")[1].startswith("shown@1 · ")
    assert f"scikit-learn {there['library_versions']['scikit-learn']}" in shown.row("made with")[1]
    assert shown.row("when")[1] == text.time(raw["registered"]["at"])
    assert display.as_line("version", raw) == "shown-brought@1, logistic regression, registered"
    # What somebody says of it is told as that.
    assert "Metrics, as it was told" in shown.words
    assert shown.row("accuracy")[1] == text.aligned(there["metrics"]["test"]["accuracy"])
    assert "registering" in page("job", documents["job", "registered"]).words


def test_of_versions_the_best_on_the_same_rows_is_marked(documents: Documents) -> None:
    raw = copy.deepcopy(documents["versions", "shown"])
    shown = page("versions", raw)
    head = next(row for row in shown.rows if row[0] == "version")
    newest, oldest = shown.rows[shown.rows.index(head) + 1 :][:2]
    assert (newest[0][0], oldest[0][0]) == ("2", "1")
    for name, said in (("accuracy", "accuracy ↑"), ("roc_auc", "ROC AUC ↑"), ("log_loss", "log loss ↓")):
        values = [each["metrics"]["test"][name] for each in raw["versions"]]
        best = min(values) if name == "log_loss" else max(values)
        for row, value in zip((newest, oldest), values, strict=True):
            marked = "★ " if value == best and len(set(values)) > 1 else ""
            assert row[head.index(said)] == marked + text.aligned(value)
    # Other rows, no comparison.
    raw["versions"][0]["lineage"]["seed"] = 2
    other = page("versions", raw)
    assert "★" not in other.words
    assert "compare those with the same letter" in other.words
    assert [row[-1] for row in other.rows[1:3]] == ["A", "B"]


def test_versions_say_which_alias_leads_there_and_with_what_share(documents: Documents) -> None:
    listed = documents["versions", "shown"]["versions"]
    aliases = documents["model", "shown"]["aliases"]
    shown = page("versions", {"versions": listed, "aliases": aliases})
    assert "1  ← production 90 %" in shown.words
    assert "2  ← production 10 %, staging" in shown.words
    assert "1  ← production" in page("versions", listed).words
    model = page("model", documents["model", "one deleted"])
    assert model.row("2", after="can be restored until")[1].endswith("UTC")
    assert model.row("production") == ["production", "1", "100 %", *model.row("production")[3:]]


def test_a_roll_back_says_to_where(documents: Documents) -> None:
    shown = page("history", documents["history", "production"])
    rows = [row[2:5] for row in shown.rows[1:]]
    assert rows[0] == ["set", "version 1", "version 1 90 %, version 2 10 %"]
    assert rows[1] == ["rolled back to change 1", "version 1 90 %, version 2 10 %", "version 1"]
    assert rows[-1] == ["set", "–", "version 1"]


def test_explanations_are_bars_to_the_side_that_they_speak_for(documents: Documents) -> None:
    raw = documents["explanations", "table"]
    html = display.as_html("explanations", raw)
    shown = Page(html)
    largest = max(abs(part) for each in raw["explanations"] for part in each["attributions"].values())
    for each in raw["explanations"]:
        parts = each["attributions"]
        order = sorted(parts, key=lambda name: -abs(parts[name]))
        for name in order:
            said = text.signed_beside(parts[name], largest)
            side = "left" if parts[name] >= 0 else "right"
            width = f"{abs(parts[name]) / largest * 50:.4g}"
            # The bar, and beside it the number.
            number = rf'</i></span><span class="v">(?:<bdi>)?{re.escape(said)}<'
            bar = rf'style="{side}:50%;width:{re.escape(width)}%;[^"]*">'
            assert re.search(bar + number, html), (name, parts[name])
        assert f"← for {each['against']} · for {each['label']} →" in shown.words
        assert any(row[0] == "margin" and row[1].endswith(" log-odds") for row in shown.rows)
    assert "exact" in shown.words
    top = documents["explanations", "kernel"]["explanations"][0]
    assert "all others" in page("explanations", documents["explanations", "kernel"]).words
    assert len(top["attributions"]) == 2


def test_base_and_what_is_shown_add_up_to_the_margin(documents: Documents) -> None:
    for label in ("table", "kernel", "changed"):
        raw = documents["explanations", label]
        rows = page("explanations", {**raw, "explanations": raw["explanations"][:1]}).rows
        begin = next(place for place, row in enumerate(rows) if row[0] == "column") + 1
        end = next(place for place, row in enumerate(rows) if row[0] == "margin")
        numbers = [
            float(row[1].split()[0].replace("−", "-").replace(",", "")) for row in rows[begin : end + 1]
        ]
        assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=0.001 * len(numbers))


def test_parts_that_are_estimates_have_their_errors() -> None:
    raw = {
        "label": "a",
        "against": "b",
        "attributions": {"x": 1.5, "y": -0.5},
        "standard_errors": {"x": 0.25, "y": 0.125},
        "base": 0.0,
        "margin": 1.0,
        "exact": False,
        "method": "permutations",
    }
    shown = page("explanations", [raw])
    assert shown.row("x")[1] == "+1.500 ± 0.250"
    assert "estimated by permutations, not exact" in shown.words


def test_words_and_pixels_are_shown_as_they_count(documents: Documents) -> None:
    raw = documents["explanations", "texts"]
    shown = page("explanations", raw)
    words = [each["text"] for each in raw["explanations"][1]["attributions"]]
    assert "unheard" in words
    assert all(word in shown.words for word in words)
    assert any(found.get("title") == "not in the vocabulary" for _, found in shown.elements)
    pictures = documents["explanations", "pictures"]
    html = display.as_html("explanations", pictures)
    pixels = [value for row in pictures["explanations"][0]["attributions"] for value in row]
    blue = sum(value > max(map(abs, pixels)) / 200 for value in pixels)
    assert re.findall(r"<svg.*?</svg>", html)[0].count('fill="#3b82f6"') == blue


def test_what_would_change_a_label_is_told(documents: Documents) -> None:
    raw = documents["explanations", "changed"]
    single = next(each for each in raw["explanations"][:10] if each["counterfactual"]["single"])
    change = single["counterfactual"]["single"][0]
    shown = page("explanations", [single])
    assert shown.row(change["column"], after="what would change it")[-1] == change["label"]


def test_a_job_says_what_is_wrong_and_where(documents: Documents) -> None:
    raw = documents["job", "failed"]
    shown = page("job", raw)
    fault = raw["error"]["faults"][0]
    assert shown.row(fault["path"]) == [fault["path"], fault["message"]]
    assert "failed" in shown.words
    assert fault["message"] in display.as_line("job", raw)
    running = {
        **raw,
        "state": "running",
        "phase": "fitting",
        "percentage": 40,
        "error": None,
        "cancelling": True,
    }
    assert "fitting, 40 %" in page("job", running).words
    assert "running, to be cancelled" in page("job", running).words


def test_a_dataset_has_its_columns_with_histograms(documents: Documents) -> None:
    raw = documents["dataset", "shown"]
    shown = page("dataset", raw)
    for column in raw["description"]["columns"]:
        row = shown.row(column["name"])
        assert row[1] == column["type"]
        assert row[2].split()[0] == str(column["missing"])
        assert row[3] == str(column["distinct"])
    assert "left out: holds another word in each row" in shown.words
    html = display.as_html("dataset", raw)
    age = next(each for each in raw["description"]["columns"] if each["name"] == "age")
    counts = ", ".join(map(str, age["histogram"]["counts"]))
    assert f"<title>histogram: {counts}</title>" in html


def test_drifted_columns_come_first_with_then_and_now(documents: Documents) -> None:
    raw = documents["monitoring", "1"]
    assert raw["drifted"] == ["age"]
    shown = page("monitoring", raw)
    head = next(place for place, row in enumerate(shown.rows) if row[:2] == ["column", "state"])
    assert shown.rows[head + 1][:3] == ["age", "drifted", f"{raw['features']['age']['psi']:.3f}"]
    assert shown.row("predicted")[1].startswith(f"{raw['predicted']} rows")
    accuracy = raw["feedback"]["accuracy"]
    assert text.aligned(accuracy["value"]) in shown.words
    assert f"live, of {raw['feedback']['labelled']} labels" in shown.words


def test_a_canary_has_its_versions_side_by_side(documents: Documents) -> None:
    raw = documents["alias_monitoring", "production"]
    shown = page("alias_monitoring", raw)
    assert shown.rows[0][1:] == [f"version {each['version']}" for each in raw["versions"]]
    assert shown.row("weight")[1:] == ["90 %", "10 %"]
    assert shown.row("rows predicted")[1:] == [text.number(each["predicted"]) for each in raw["versions"]]


def test_coefficients_and_centres(documents: Documents) -> None:
    raw = documents["parameters", "two classes"]
    shown = page("parameters", raw)
    for each in raw["decisions"][0]["coefficients"]:
        name = each["column"] + (" is missing" if each.get("missing") else "")
        name += f" = {each['category']}" if "category" in each else ""
        assert shown.row(name)[1] == text.signed(each["coefficient"])
    centres = documents["parameters", "clusters"]
    row = page("parameters", centres).row("age")
    ages = [cluster["values"][0]["value"] for cluster in centres["clusters"]]
    assert row[1:] == [text.number(age) for age in ages]


def test_algorithms_say_what_each_hyperparameter_takes(documents: Documents) -> None:
    shown = page("algorithms", documents["algorithms", "all"])
    assert shown.row("n_clusters")[1:3] == ["integer ≥ 1 ≤ 1,000", "8"]
    assert "Hyperparameters of svm" in shown.words


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.1 + 0.2, "0.3"),
        (1234567, "1,234,567"),
        (2419400.88, "2,419,401"),
        (0.000012345, "1.234e-5"),
        (-0.0, "0"),
        (1e20, "1e20"),
        (999.96, "1,000"),
        (12.5, "12.5"),
        (10**400, "inf"),
    ],
)
def test_numbers_have_four_digits(value: float, said: str) -> None:
    assert text.number(value) == said


def test_times_are_local_and_say_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    for zone, said in (
        ("UTC0", "2026-11-26 23:43 UTC"),
        ("CET-1", "2026-11-27 00:43 (2026-11-26 23:43 UTC)"),
        ("EST5", "2026-11-26 18:43 (23:43 UTC)"),
    ):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert text.time("2026-11-26T23:43:09Z") == said
    monkeypatch.undo()
    time.tzset()
    assert text.time("yesterday") == "yesterday"


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (6833, "6.8 KB"), (8_000_000, "8.0 MB"), (2.5e14, "250 TB")],
)
def test_bytes_have_the_unit_that_suits(count: float, said: str) -> None:
    assert text.size(count) == said
