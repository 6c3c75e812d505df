"""A limit that pages repeat in a sentence is the one of the code, wherever it stands."""

import re

import pytest

from handlers.local import listening, uploads
from handlers.rest.endpoints import explanation, feedback
from handlers.settings import SETTINGS
from ml_core import names
from ml_core.algorithms import network_sizes
from ml_core.algorithms.tasks import curves
from ml_core.datasets import datasets, sources
from ml_core.graphs import call
from ml_core.inputs import rows
from ml_core.jobs import job_checkpoint, jobs, leases, sweep, upkeep
from ml_core.monitoring import feedback as labels
from ml_core.monitoring import receipts
from ml_core.notices import outbox
from ml_core.onnx import scan
from ml_core.pictures import png
from ml_core.profiles import profile
from ml_core.registering import request as origins
from ml_core.registering import uploads as artifacts
from ml_core.registry import about, listing, overview
from ml_core.streaming.solvers import limits as solvers
from ml_core.tables import batches, columns, reading, suitability
from ml_core.training import history, importance
from tests.unit.documenting.reading import PAGES, text

DEFAULT = {setting.variable: setting.default for setting in SETTINGS}
MIB, GIB = 1 << 20, 1 << 30
WORDS = {"three": 3, "four": 4, "five": 5, "ten": 10, "twelve": 12, "hundred": 100, "thousand": 1000}

# What a sentence says in the place of the figure, and what the code has.
SAID: dict[str, float] = {
    r"([\d,]+) MiB per request and per answer": float(DEFAULT["ML_MAX_BODY_BYTES"]) / MIB,
    r"requests and answers to (\d+) MiB": float(DEFAULT["ML_MAX_BODY_BYTES"]) / MIB,
    r"our limit is (\d+) MiB": float(DEFAULT["ML_MAX_ANSWER_BYTES"]) / MIB,
    r"At most (\d+) jobs of one key": float(DEFAULT["ML_MAX_KEY_JOBS"]),
    r"jobs of one key and (\d+) in all": float(DEFAULT["ML_MAX_JOBS"]),
    r"is shown for (\d+) days after it ended": float(DEFAULT["ML_JOB_RETENTION"]),
    r"`Prefer: wait=20` (?:it )?waits up to (\d+) seconds": float(DEFAULT["ML_MAX_WAIT"]),
    r"column of more than ([\d,]+) (?:different )?words": suitability.MOST_CATEGORIES,
    r"More than ([\d,]+) different words are not told apart": columns.MOST_WORDS,
    r"A file has at most ([\d,]+) columns": batches.MOST_READ,
    r"at most ([\d,]+) of them are taken": reading.MOST_COLUMNS,
    r"A folder has at most ([\d,]+) files": sources.MOST_FILES,
    r"at most ([\d,]+) weights": network_sizes.MOST_WEIGHTS,
    r"at most (\d+) million pixels": png.MOST_PIXELS / 1e6,
    r"and ([\d,]+) on a side": png.MOST_SIDE,
    r"have at most ([\d,]+) (?:\(2²⁵\) )?numbers": rows.MOST_PICTURE_NUMBERS,
    r"at most ([\d,]+) bytes are taken": artifacts.MOST_BYTES,
    r"at most ([\d,]+) bytes of JSON together": origins.MOST_ORIGIN_BYTES,
    r"plain text of up to ([\d,]+) characters": about.MOST_CHARACTERS,
    r"There are up to (\d+) tags": about.MOST_TAGS,
    r"its value is a line of up to (\d+) characters": about.MOST_OF_TAG,
    r"Tell it, up to ([\d,]+) at once": feedback._MOST,
    r"predictions of one day at most ([\d,]+) are counted": labels.MOST_A_DAY,
    r"A receipt is valid for (\d+) days": receipts.VALID_DAYS,
    r"`\{\"instances\": \[…\]\}`, 1 to (\d+)": explanation.MOST_BACKGROUND,
    r"are up to (\d+) baselines": explanation.MOST_BACKGROUND,
    r"a whole one of at most (\d+) MiB": scan.MOST_BYTES / MIB,
    r"several calls of at most (\d+) MiB of tensors": call.MOST_BYTES / MIB,
    r"A checkpoint of more than (\d+) MiB is not stored": job_checkpoint.LARGEST / MIB,
    r"The job shows at most (\d+) entries": history.MOST_SHOWN,
    r"`metrics.history` has up to ([\d,]+)": history.MOST_KEPT,
    r"After (three) that count, the job fails": leases.MOST_ATTEMPTS,
    r"by a lease of (\d+) seconds": leases.LEASE,
    r"written with the lease, every (\d+) seconds": leases.RENEWAL,
    r"it looks at ([\d,]+) jobs in a listing": jobs._MOST_LISTED,
    r"at most ([\d,]+) each time, and": upkeep._MOST_EXPIRED,
    r"and at most ([\d,]+) files that they wrote": upkeep._MOST_FILES,
    r"It ends after (\d+) seconds, and the next one": sweep.SECONDS,
    r"at most (\d+) points": curves.MOST_POINTS,
    r"a version tells at most (\d+) columns": importance.MOST_COLUMNS,
    r"At most ([\d,]+) held-out rows are used": importance.MOST_ROWS,
    r"is counted in at most (\d+) `bins`": profile.MOST_BINS,
    r"each of at least (\d+) rows": profile.LEAST,
    r"A page looks at ([\d,]+) numbers at most": listing.MOST_LOOKED_AT,
    r"of (twelve) at most": overview.MOST_TREND,
    r"Of an upload the (\d+) newest are kept": datasets.KEPT,
    r"is given up after (\d+) tries": outbox.MOST_TRIES,
    r"L-BFGS above ([\d,]+) coefficients": solvers.MOST_OF_NEWTON,
    r"hinge` at most about a (thousand) columns": solvers.MOST_OF_HINGE,
    r"are called by 1 to (\d+) of the letters": names.LONGEST_NAME,
    r"to a signed address may be longer, up to (\d+) GiB": uploads.LONGEST / GIB,
    r"takes (\d+) GiB to an address that it signed": uploads.LONGEST / GIB,
    r"Past (\d+) MiB the answer comes at once": listening._LONGEST_READ / MIB,
    r"A request's header may have (\d+) KiB": listening._LONGEST_HEADER / 1024,
    r"on which nothing happens for (\d+) seconds ends": listening._LONGEST_IDLE,
    r"After (\d+) seconds it ends whatever is left": listening.LONGEST_STOP,
}


def said(sentence: str) -> set[float]:
    """The figures that pages have in the place of a sentence's one."""
    found = [figure for page in PAGES for figure in re.findall(sentence, text(page))]
    return {float(WORDS[figure]) if figure in WORDS else float(figure.replace(",", "")) for figure in found}


@pytest.mark.parametrize("sentence", SAID)
def test_every_limit_in_a_sentence_is_that_of_the_code(sentence: str) -> None:
    assert said(sentence) - {float(SAID[sentence])} == set()


def test_the_pages_say_most_of_these_sentences() -> None:
    """Where many are gone, others say it, and are to be held in their place."""
    unsaid = [sentence for sentence in SAID if not said(sentence)]
    assert len(unsaid) <= 5, unsaid
