"""What is told of measured packages: money, limits, sentences, as text, tables, JSON and a picture."""

import io
import json
from datetime import date
from xml.etree import ElementTree as ET

import pytest

from providers.advising import advice as advising
from providers.advising.advice import Advice, AdviceQuestion, advise, break_even, request_with
from providers.advising.billing import total
from providers.advising.facts import CASES, Facts, read_facts
from providers.advising.impossible import AdviceImpossible
from providers.advising.limits import FITS, NOT, TIGHT
from providers.advising.packaged import CLOUDS, CloudPackage
from providers.advising.picture import costs, draw
from providers.advising.profile import MeasuredRequest, ModelRequest, PackageProfile
from providers.advising.report import as_json, show
from providers.advising.traffic import parse

FACTS = read_facts()
REQUEST = ModelRequest("churn", 3, "logistic_regression", [[1, 2]], {})
MIB = 1024**2


@pytest.fixture(autouse=True)
def _fewer_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough to compare what is told; how exact it is, is held by test_simulation."""
    monkeypatch.setattr(advising, "BOUND", 6_000)
    monkeypatch.setattr(advising, "_SEEK_BOUND", 1_000)


def profile(
    cloud: str, seconds: float = 0.0003, memory: int = 60 * MIB, unpacked: int = 62 * MIB
) -> PackageProfile:
    package = CloudPackage(cloud, [], 20 * MIB, unpacked, 90 * MIB if cloud == "google" else 0, True)
    rows = {
        count: MeasuredRequest(seconds + count * seconds / 20, 20 + 76 * count, 77 + 5 * count, memory)
        for count in (1, 10, 100, 1000)
    }
    return PackageProfile(package, 0.1, 30 * MIB, 0.03, 2, 1, rows, 310.0)


def advice_on(
    text: str = "2/s office", clouds: tuple[str, ...] = CLOUDS, facts: Facts = FACTS, **more: float
) -> Advice:
    question = AdviceQuestion(
        REQUEST,
        parse(text),
        int(more.pop("rows", 1)),
        more.pop("machine", 8.0),
        int(more.pop("megabytes", 0)),
    )
    return advise(question, {cloud: profile(cloud, **more) for cloud in clouds}, facts)  # type: ignore[arg-type]


def test_money_is_a_range_of_line_items() -> None:
    for cloud in advice_on().clouds:
        low, likely, high = (total(cloud.bills[case]) for case in CASES)
        assert 0 <= low <= likely <= high
        assert cloud.likely == likely
        assert [line.name for line in cloud.bills["low"]][-1] == "free tier"


def test_a_gateway_is_paid_for_on_aws_alone() -> None:
    gateways = {
        cloud.facts.cloud: next(line.dollars for line in cloud.bills["likely"] if line.name == "gateway")
        for cloud in advice_on("1/s").clouds
    }
    assert gateways == pytest.approx({"aws": 2.628, "google": 0, "azure": 0}, rel=0.02)


def test_latency_and_cold_starts_are_ranges_over_the_keep_alive() -> None:
    for cloud in advice_on("4/h").clouds:
        shares = [cloud.months[case].cold_share for case in CASES]
        assert shares == sorted(shares)
        assert shares[0] < 0.1 < shares[1] < 0.5 < shares[2]
        assert cloud.months["likely"].latency(0.99) > cloud.months["likely"].latency(0.5)


def test_above_the_break_even_a_machine_is_cheaper_and_below_it_is_not() -> None:
    for cloud in advice_on("1/s").clouds:
        assert cloud.break_even
        cost = advising.likely_cost(cloud.facts, cloud.memory, cloud.profile, cloud.request, FACTS)
        assert cost(parse(f"{cloud.break_even * 1.1:.6f}/s")) > 8.0
        assert cost(parse(f"{cloud.break_even / 1.1:.6f}/s")) < 8.0


def test_the_break_even_of_a_known_price_is_the_quotient() -> None:
    """12 ms at 512 MB with the gateway, without what is free: 1.3 $ a million, so 6.15 million for 8 $."""
    found = break_even(parse("1/s"), 8.0, lambda traffic: traffic.month * 1.3e-6)
    assert found == pytest.approx(8 / 1.3e-6 / (730 * 3600), rel=0.001)
    assert break_even(parse("1/s"), 8.0, lambda _: 1.0) is None


def test_a_dear_cloud_is_answered_by_a_machine() -> None:
    said = advice_on("60/s", ("azure",)).sentences
    assert said[0].startswith("A machine: it costs $8.00 a month where the cheapest cloud that fits")
    assert "Then use a machine, not this." in said[0]
    assert "above" in said[1]
    assert "a machine at $8 a month is cheaper" in said[1]


def test_the_cheapest_cloud_that_fits_comes_first() -> None:
    advice = advice_on("2/s office")
    best = min(advice.clouds, key=lambda cloud: cloud.likely)
    assert advice.sentences[0].startswith(f"{best.facts.name}: $")
    assert "Outside office hours a cloud costs nothing; a machine costs the same." in advice.sentences


def test_nobody_is_sent_to_what_does_not_fit() -> None:
    advice = advice_on("2/s", memory=700 * MIB)
    assert not any(cloud.fits for cloud in advice.clouds)
    assert advice.sentences[0] == "Not this, as it is configured: no cloud fits, for memory."
    larger = advice_on("2/s", memory=700 * MIB, megabytes=1024)
    assert [(cloud.facts.cloud, cloud.memory, cloud.fits) for cloud in larger.clouds] == [
        ("aws", 1024, True),
        ("google", 1024, True),
        ("azure", 2048, True),
    ]


def test_each_limit_is_judged_by_what_was_measured() -> None:
    def verdicts(advice: Advice) -> dict[str, dict[str, str]]:
        return {
            cloud.facts.cloud: {limit.what: limit.verdict for limit in cloud.limits}
            for cloud in advice.clouds
        }

    small = verdicts(advice_on("2/s"))
    assert {verdict for each in small.values() for verdict in each.values()} == {FITS}
    large = verdicts(advice_on("2/s", rows=60_000, unpacked=251 * MIB))
    assert large["aws"]["package, unpacked"] == NOT
    assert "package, unpacked" not in large["google"]
    assert {each["request"] for each in large.values()} == {NOT}
    assert verdicts(advice_on("60/s"))["aws"]["requests a second"] == NOT
    assert verdicts(advice_on("45/s"))["aws"]["requests a second"] == TIGHT
    burst = verdicts(advice_on("bursts of 500, 1/s"))
    assert burst["aws"]["requests in a burst"] == NOT
    assert burst["aws"]["instances at once (more get 429)"] == NOT
    assert burst["google"]["instances at once (more wait)"] == TIGHT


@pytest.mark.parametrize(("cloud", "seconds"), [("aws", 29), ("google", 60), ("azure", 60)])
def test_an_answer_that_the_deployed_function_gives_up_does_not_fit(cloud: str, seconds: int) -> None:
    slow = advice_on("1/h", (cloud,), seconds=seconds + 10.0).clouds[0]
    verdict = next(limit for limit in slow.limits if limit.what == "slowest answer")
    assert (verdict.verdict, verdict.limit) == (NOT, f"{seconds} s")
    assert verdict.source.startswith(f"providers/{cloud}/config.yml")
    assert not slow.fits


def test_every_limit_names_its_source() -> None:
    for cloud in advice_on().clouds:
        for limit in cloud.limits:
            assert limit.source.startswith(("https://", "docs/", "providers/")), limit


def test_who_waits_for_instances_is_told_what_to_do() -> None:
    said = " ".join(advice_on("bursts of 50, 0.02/s", ("aws",)).sentences)
    assert "of the requests wait for an instance" in said
    assert "--param warmInstances=1" in said
    assert "wait for an instance" not in " ".join(advice_on("2/s", ("aws",)).sentences)


def test_one_machine_has_a_bound() -> None:
    advice = advice_on("3000/s", ("aws",), seconds=0.004)
    assert advice.machine.machines == 21  # each answers 0.6 / 4.2 ms = 142.86 a second
    assert advice.machine.dollars == 8 * advice.machine.machines
    assert 0 < advice.machine.busy <= 0.6


def test_rows_between_two_that_were_measured_are_on_the_line() -> None:
    measured = profile("aws")
    one, other = measured.rows[100], measured.rows[1000]
    assert request_with(measured, 550).seconds == pytest.approx((one.seconds + other.seconds) / 2)
    assert request_with(measured, 2000).request_bytes == pytest.approx(20 + 76 * 2000)
    alone = measured._replace(rows={1: measured.rows[1]})
    with pytest.raises(AdviceImpossible, match="--rows: expected 1"):
        request_with(alone, 5)


def test_what_was_measured_and_what_was_assumed_is_said() -> None:
    advice = advice_on()
    measured, assumed = " ".join(advice.measured), " ".join(advice.assumed)
    assert "churn version 3, logistic_regression, 1 rows a request" in measured
    assert "google: 90 MiB of it the cloud installs itself, by our lock" in measured
    assert "The largest error: a processor of the cloud is as quick as this machine's" in assumed
    assert "no cloud promises any" in assumed
    assert "no dated price" in assumed
    foreign = profile("aws")._replace(package=profile("aws").package._replace(own_libraries=False))
    told = advise(AdviceQuestion(REQUEST, parse("1/h")), {"aws": foreign}, FACTS).assumed
    assert "those of this environment ran in their place" in told[-1]


def test_old_and_unchecked_prices_are_warned_of() -> None:
    price = FACTS.clouds["aws"].prices["requests"]._replace(read=date(2025, 1, 1))
    aws = FACTS.clouds["aws"]
    old = FACTS._replace(
        clouds={**FACTS.clouds, "aws": aws._replace(prices={**aws.prices, "requests": price})}
    )
    warnings = advice_on("1/h", ("aws",), old).warnings
    assert "older than 180 days" in warnings[0]
    assert "clouds.aws.prices.requests" in warnings[0]
    assert "from memory, not checked" in warnings[-1]
    assert "google" not in " ".join(warnings)


def test_in_a_pipe_it_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    output = io.StringIO()
    show(advice_on(), output)
    text = output.getvalue()
    assert text.isprintable() or "\x1b" not in text
    assert not set(text) & set("│┃━─┏")
    for part in ("likely total", "What fits", "Security and use", "Measured", "Assumed", "cold", "p99.9"):
        assert part in text
    assert "from memory, not checked" in capsys.readouterr().err


def test_on_a_terminal_it_is_tables() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    output = Terminal()
    show(advice_on(memory=700 * MIB), output)
    assert "┃" in output.getvalue()
    assert "does not fit" in output.getvalue().replace("\n", " ")


def test_programs_get_all_of_it() -> None:
    document = json.loads(as_json(advice_on()))
    assert set(document["clouds"]) == set(CLOUDS)
    aws = document["clouds"]["aws"]
    assert aws["dollars"]["likely"]["total"] == pytest.approx(sum(aws["dollars"]["likely"]["lines"].values()))
    assert set(aws["latency"]["high"]) == {"cold_share", "p50", "p99", "p99.9", "instances"}
    assert aws["prices"]["requests"]["source"].startswith("https://aws.amazon.com/lambda/pricing/, 2026-")
    assert document["machine"]["price"] == 8.0
    assert document["assumed"]
    assert document["measured"]


def test_the_picture_has_a_line_for_each_cloud_and_one_for_machines() -> None:
    advice = advice_on()
    drawn = draw(advice, FACTS)
    assert drawn == draw(advice, FACTS)
    tree = ET.fromstring(drawn)  # noqa: S314 - ours
    texts = [each.text for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    for name in (*(cloud.facts.name for cloud in advice.clouds), "machines at $8"):
        assert name in texts
    for name, points in costs(advice, FACTS).items():
        dollars = [cost for _, cost in points]
        assert dollars[-1] > dollars[0], name
