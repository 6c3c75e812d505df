"""The whole job over real HTTP, on the laptop's server."""

import gzip
import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from handlers.local.gate import is_loopback
from tests.e2e.local_server import ROOT, LocalServer

NOT_ALLOWED = "is not allowed: without API keys the server accepts loopback requests only"
NAMED = ", and pages of origins that ML_CORS_ORIGINS names"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(tmp_path_factory.mktemp("local")) as running:
        yield running


def _reference(estimator: Any, data: Any) -> Any:
    """What scikit-learn itself predicts, trained on every row as `test_fraction` 0 does."""
    return estimator.fit(data.data, data.target).predict(data.data).tolist()


class TestTheWholeJob:
    def test_logistic_regression_on_breast_cancer(self, server: LocalServer) -> None:
        data = load_breast_cancer()
        labels = [str(data.target_names[target]) for target in data.target]
        body = {
            "algorithm": "logistic_regression",
            "instances": data.data.tolist(),
            "targets": labels,
            "feature_names": data.feature_names.tolist(),
            "test_fraction": 0,
        }
        job = server.train("breast-cancer", body)
        assert job["state"] == "succeeded", job
        assert job["metrics"]["training"]["accuracy"] > 0.97
        answer = server.call(
            "POST", "/v1/models/breast-cancer:predict", {"instances": data.data.tolist()}
        ).body
        expected = _reference(make_pipeline(StandardScaler(), LogisticRegression()), data)
        assert answer["predictions"] == [str(data.target_names[label]) for label in expected]

    def test_an_svm_on_digits(self, server: LocalServer) -> None:
        data = load_digits()
        body = {
            "algorithm": "svm",
            "hyperparameters": {"kernel": "rbf", "C": 10},
            "instances": data.data.tolist(),
            "targets": data.target.tolist(),
            "test_fraction": 0,
        }
        job = server.train("digits", body)
        assert job["state"] == "succeeded", job
        asked = {"instances": data.data.tolist(), "outputs": ["label", "decision"]}
        answer = server.call("POST", "/v1/models/digits:predict", asked).body
        reference = make_pipeline(StandardScaler(), SVC(C=10)).fit(data.data, data.target)
        assert [row["label"] for row in answer["predictions"]] == reference.predict(data.data).tolist()
        decisions = np.array([row["decision"] for row in answer["predictions"]])
        np.testing.assert_allclose(decisions, reference.decision_function(data.data), rtol=1e-9, atol=1e-9)

    def test_k_means_on_wine(self, server: LocalServer) -> None:
        data = load_wine()
        body = {
            "algorithm": "kmeans",
            "hyperparameters": {"n_clusters": 3, "scale": True},
            "instances": data.data.tolist(),
            "test_fraction": 0,
        }
        job = server.train("wine", body)
        assert job["state"] == "succeeded", job
        answer = server.call("POST", "/v1/models/wine:predict", {"instances": data.data.tolist()}).body
        reference = make_pipeline(StandardScaler(), KMeans(3, random_state=0))
        assert answer["predictions"] == _reference(reference, data)

    def test_a_dataset_is_erased_with_the_versions_that_were_made_from_it(self, server: LocalServer) -> None:
        data = load_breast_cancer(as_frame=True)
        frame = data.frame.assign(target=data.target_names[data.target])
        signed = server.call("POST", "/v1/datasets/breasts:upload").body
        address = signed["url"].removeprefix(server.url)
        assert server.call("PUT", address, frame.to_csv(index=False).encode()).status == 200
        table = {"data": {"uri": "dataset://breasts", "target": "target"}}
        assert (
            server.train("breasts-lr", {"algorithm": "logistic_regression", **table})["state"] == "succeeded"
        )
        assert server.train("breasts-svm", {"algorithm": "svm", **table})["state"] == "succeeded"
        listed = server.call("GET", "/v1/datasets/breasts/versions").body
        assert [(each["model"], each["contains_training_rows"]) for each in listed["versions"]] == [
            ("breasts-svm", True),
            ("breasts-lr", False),
        ]
        server.call("PUT", "/v1/models/breasts-lr/aliases/production", {"version": 1})
        refused = server.call("DELETE", "/v1/datasets/breasts?with_versions=true")
        assert (refused.status, refused.body["code"]) == (409, "version_in_use")
        assert "model 'breasts-lr': 'production' (version 1)" in refused.body["detail"]
        server.call("DELETE", "/v1/models/breasts-lr/aliases/production")
        report = server.call("DELETE", "/v1/datasets/breasts?with_versions=true").body
        assert (report["complete"], len(report["versions"])) == (True, 2)
        rows = {"instances": data.data.head(1).to_numpy().tolist()}
        assert server.call("POST", "/v1/models/breasts-svm:predict", rows).status == 404
        assert server.call("GET", "/v1/datasets/breasts").status == 404

    def test_a_request_is_a_job_then_a_version_then_behind_an_alias(self, server: LocalServer) -> None:
        body = {
            "algorithm": "kmeans",
            "hyperparameters": {"n_clusters": 2},
            "instances": [[0], [1], [10], [11]],
        }
        accepted = server.call("POST", "/v1/models/small:train", body, idempotency_key="small-1")
        assert accepted.status == 202
        again = server.call("POST", "/v1/models/small:train", body, idempotency_key="small-1")
        assert again.body["id"] == accepted.body["id"]
        location = accepted.headers["location"]
        while (job := server.call("GET", location).body)["state"] != "succeeded":
            assert job["state"] in ("queued", "running"), job
        second = server.train("small", {**body, "seed": 1})
        assert (job["version"], second["version"]) == (1, 2)
        path = "/v1/models/small/aliases/production"
        put = server.call("PUT", path, {"version": 1})
        assert server.call("PUT", path, {"version": 1}, if_match=put.headers["etag"]).status == 200
        assert server.call("PUT", path, {"version": 1}, if_match=put.headers["etag"]).status == 412
        until = time.monotonic() + 10  # every instance follows within ALIAS_TTL, two seconds
        while _version_of(server) != 1:
            assert time.monotonic() < until
        assert server.call("DELETE", "/v1/models/small/versions/1").status == 409
        assert server.call("DELETE", path).status == 204
        assert server.call("DELETE", "/v1/models/small/versions/1").status == 204
        assert "small" in server.call("GET", "/v1/models").body["models"]

    def test_a_running_job_can_be_cancelled(self, server: LocalServer) -> None:
        rng = np.random.default_rng(0)
        body = {
            "algorithm": "svm",
            "hyperparameters": {"kernel": "rbf", "probability": True, "C": 1000},
            "instances": rng.normal(size=(6000, 10)).round(3).tolist(),
            "targets": rng.integers(0, 2, 6000).tolist(),
        }
        job = server.call("POST", "/v1/models/slow:train", body).body
        path = f"/v1/jobs/{job['id']}"
        while server.call("GET", path).body["state"] == "queued":
            pass
        assert server.call("DELETE", path).status in (200, 202)
        while (ended := server.call("GET", path).body)["state"] == "running":
            pass
        assert ended["state"] == "cancelled"
        assert server.call("GET", "/v1/models/slow").status == 404

    def test_a_training_without_end_ends_by_itself_and_says_what_to_do(self, tmp_path: Path) -> None:
        """Labels by chance, each of which counts a million: the solver takes longer than anybody waits."""
        chance = np.random.default_rng(0)
        endless = {
            "algorithm": "svm",
            "hyperparameters": {"C": 1e6, "gamma": 0.01, "tol": 1e-9, "max_iter": -1},
            "instances": chance.random((8000, 3)).tolist(),
            "targets": (chance.random(8000) < 0.5).tolist(),
            "test_fraction": 0,
        }
        with LocalServer(tmp_path, ML_TRAIN_SECONDS="5") as server:
            ended = server.train("endless", endless)
            assert (ended["state"], ended["error"]["code"]) == ("failed", "deadline_exceeded")
            message = ended["error"]["message"]
            assert message.startswith(
                "training did not end within the 5 seconds of ML_TRAIN_SECONDS (phase: "
            )
            assert message.endswith("lower max_iter, or raise ML_TRAIN_SECONDS")
            assert [attempt["outcome"] for attempt in ended["attempts"]] == ["failed"]
            assert server.call("GET", "/v1/jobs?state=running").body["jobs"] == [], "the trainer is free"

    def test_a_killed_trainer_is_replaced_and_no_job_is_lost(self, server: LocalServer) -> None:
        os.kill(_trainer_of(server), signal.SIGKILL)
        job = server.train(
            "after", {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 1}, "instances": [[0], [1]]}
        )
        assert job["state"] == "succeeded"


def _version_of(server: LocalServer) -> int:
    version: int = server.call("POST", "/v1/models/small:predict", {"instances": [[1]]}).body["model"][
        "version"
    ]
    return version


def _trainer_of(server: LocalServer) -> int:
    """The process id of the trainer, a child of the server's: of the thread that started it last."""
    for thread in Path(f"/proc/{server.process.pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ended meanwhile
            for child in (thread / "children").read_text().split():
                if b"--trainer" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
    raise AssertionError("the server has no trainer")


class TestHttp:
    def test_a_compressed_and_a_chunked_body_are_read(self, server: LocalServer) -> None:
        body = json.dumps({"instances": [[1]]}).encode()
        packed = server.call(
            "POST", "/v1/models/nobody:predict", gzip.compress(body), content_encoding="gzip"
        )
        assert packed.status == 404
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
        connection.request(
            "POST", "/v1/models/nobody:predict", iter([body[:5], body[5:]]), encode_chunked=True
        )
        assert connection.getresponse().status == 404
        connection.close()

    def test_a_long_body_is_413_in_our_own_words(self, server: LocalServer) -> None:
        answer = server.call("POST", "/v1/models/nobody:predict", b" " * 5_000_000)
        assert answer.status == 413
        assert answer.body["code"] == "too_large"

    def test_head_and_options(self, server: LocalServer) -> None:
        head = server.call("HEAD", "/")
        assert (head.status, head.headers["content-length"], head.body) == (200, "18", b"")
        assert server.call("OPTIONS", "/v1/models").headers["allow"] == "GET, HEAD, OPTIONS"

    def test_utf_8_and_escapes_in_a_path_are_read(self, server: LocalServer) -> None:
        assert server.call("GET", "/v1/models/%C3%A9%FF%00").status == 404
        assert server.call("GET", "/v1/models%2Fwine").status == server.call("GET", "/v1/models/wine").status

    @pytest.mark.parametrize(
        "sent",
        [
            b"\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
            b"POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n{}",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
            b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /\xff\xfe?\xff=\xfe HTTP/1.1\r\nHost: localhost\r\nX: \xff\r\n\r\n",
            b"GET http://evil.example/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /v1/models?limit=%00&%zz=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ],
        ids=range(13),
    )
    def test_bytes_that_are_hardly_http_harm_nobody(self, server: LocalServer, sent: bytes) -> None:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(sent)
            with suppress(OSError):  # it may have been answered and closed by now
                connection.shutdown(socket.SHUT_WR)
            answered = b""
            try:
                while part := connection.recv(65536):
                    answered += part
            except ConnectionResetError:
                pass
        status = re.match(rb"HTTP/1\.\d (\d{3})", answered)
        assert status is None or int(status[1]) < 500, answered
        if status and int(status[1]) >= 400:
            assert json.loads(answered.partition(b"\r\n\r\n")[2])["status"] == int(status[1])
        assert server.call("GET", "/").status == 200

    def test_many_at_once_all_get_their_own_answer(self, server: LocalServer) -> None:
        server.train(
            "many",
            {
                "algorithm": "kmeans",
                "hyperparameters": {"n_clusters": 2},
                "instances": [[0], [1], [10], [11]],
                "test_fraction": 0,
            },
        )
        low = server.call("POST", "/v1/models/many:predict", {"instances": [[0]]}).body["predictions"][0]

        def ask(number: int) -> bool:
            answer = server.call("POST", "/v1/models/many:predict", {"instances": [[number]]})
            return answer.status == 200 and (answer.body["predictions"][0] == low) == (number < 5.5)

        with ThreadPoolExecutor(16) as callers:
            assert all(callers.map(ask, [number % 11 for number in range(200)]))

    def test_no_page_of_another_site_gets_in(self, server: LocalServer) -> None:
        page = server.call("GET", "/v1/models", origin="http://evil.example")
        assert (page.status, page.body["detail"]) == (
            403,
            f"Origin 'http://evil.example' {NOT_ALLOWED}{NAMED}",
        )
        assert server.call("GET", "/v1/models", origin="null").status == 403
        name = server.call("GET", "/v1/models", host="evil.example")
        assert (name.status, name.body["detail"]) == (403, f"Host 'evil.example' {NOT_ALLOWED}")
        assert server.call("GET", "/v1/models", origin=server.url).status == 200
        port = server.url.rpartition(":")[2]
        assert server.call("GET", "/v1/models", host=f"localhost:{port}").status == 200
        assert server.call("GET", "/v1/models", host=f"[::1]:{port}").status == 200
        for elsewhere in ("localhost", f"localhost:{port}1", "[::1]:80", "127.0.0.1:"):
            other = server.call("GET", "/v1/models", host=elsewhere)
            assert (other.status, other.body["code"]) == (403, "foreign_origin")
            assert other.body["detail"].endswith(f"accepts requests to port {port} only")


class TestStartAndStop:
    def test_it_says_where_it_is_and_its_example_works(self, tmp_path: Path) -> None:
        with LocalServer(tmp_path) as server:
            assert any(str(tmp_path) in line for line in server.lines)
            example = next(line for line in server.lines if line.strip().startswith("curl "))
            words = shlex.split(example)
            body = words[words.index("-d") + 1]
            answer = server.call("POST", words[1].removeprefix(server.url), body.encode(), prefer="wait=20")
            assert (answer.status, answer.body["state"]) == (200, "succeeded")

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
    def test_it_ends_cleanly_and_its_trainer_with_it(self, tmp_path: Path, how: signal.Signals) -> None:
        with LocalServer(tmp_path) as server:
            trainer = _trainer_of(server)
            assert server.call("GET", "/").status == 200
            assert server.stop(how) == 0
            assert not os.path.exists(f"/proc/{trainer}")
            told = "\n".join(server.lines)
            assert "Traceback" not in told
            assert "Fatal" not in told

    def test_its_log_is_json_lines(self, tmp_path: Path) -> None:
        with LocalServer(tmp_path) as server:
            server.call("GET", "/v2/health/live")
            server.call("GET", "/nothing")
            server.stop()
            begin = next(position for position, line in enumerate(server.lines) if line.startswith("  curl"))
            requests = [
                line for line in map(json.loads, server.lines[begin + 1 :]) if line["event"] == "request"
            ]
            assert [(line.get("route"), line["status"]) for line in requests] == [
                ("/v2/health/live", 200),
                (None, 404),
            ]

    def test_models_are_there_after_a_restart(self, tmp_path: Path) -> None:
        body = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 1}, "instances": [[0], [1]]}
        with LocalServer(tmp_path) as server:
            assert server.train("kept", body)["version"] == 1
        with LocalServer(tmp_path) as server:
            assert server.call("POST", "/v1/models/kept:predict", {"instances": [[0]]}).status == 200
            assert server.train("kept", body)["version"] == 2

    def test_a_port_in_use_is_one_clear_line(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = _failing("--port", str(port), "--root", str(tmp_path))
        assert done.returncode == 1
        assert done.stderr == f"serverless-ml cannot listen on 127.0.0.1:{port}: Address already in use\n"

    def test_a_bad_setting_is_one_clear_line(self, tmp_path: Path) -> None:
        done = _failing("--port", "0", "--root", str(tmp_path), ML_MAX_ROWS="many")
        assert done.returncode == 1
        assert re.fullmatch(r"serverless-ml: ML_MAX_ROWS is 'many': .*\n", done.stderr)

    @pytest.mark.parametrize(("below", "reason"), [("", "it is not a folder"), ("inside", "Not a directory")])
    def test_a_folder_that_cannot_be_is_one_clear_line(self, tmp_path: Path, below: str, reason: str) -> None:
        (tmp_path / "file").touch()
        root = tmp_path / "file" / below
        done = _failing("--port", "0", "--root", str(root))
        assert done.returncode == 1
        assert done.stderr == f"serverless-ml: cannot keep models in {root}: {reason}\n"

    def test_help_tells_every_option(self) -> None:
        told = _failing("--help").stdout
        assert all(option in told for option in ("--host", "--port", "--root", "--keys"))


class TestKeys:
    def test_keys_in_the_folder_are_asked_for(self, tmp_path: Path) -> None:
        key = _new_key(tmp_path)
        with LocalServer(tmp_path) as server:
            assert server.call("GET", "/v1/models").status == 401
            assert server.call("GET", "/v1/models", authorization=f"Bearer {key}").status == 200
            assert server.call("GET", "/v1/models", x_api_key=key).status == 200
            assert server.call("GET", "/v2/health/ready").status == 200

    def test_with_a_file_of_keys_that_holds_none_it_is_closed(self, tmp_path: Path) -> None:
        with LocalServer(tmp_path, "--keys", str(tmp_path / "none.json")) as server:
            assert server.call("GET", "/v1/models").status == 503
            assert server.call("GET", "/").status == 200

    @pytest.mark.parametrize(
        ("host", "open_"),
        [("127.0.0.1", True), ("127.8.9.1", True), ("localhost", True), ("::1", True), ("[::1]", True),
         ("192.0.2.1", False), ("::", False), ("localhost.evil.example", False), ("", False)],
    )  # fmt: skip
    def test_only_loopback_is_open(self, host: str, open_: bool) -> None:
        assert is_loopback(host) == open_


def _new_key(root: Path) -> str:
    made = subprocess.run(
        [sys.executable, "-m", "providers", "keys", "new", "--cloud", "local", "--role", "admin"],
        cwd=ROOT,
        env={**os.environ, "ML_ROOT": str(root)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return made.stdout.strip()


def _failing(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "handlers.local", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_sweep_that_a_person_asks_for_starts_what_is_due(tmp_path: Path) -> None:
    with LocalServer(tmp_path) as server:
        train = {
            "algorithm": "kmeans",
            "data": {"uri": "dataset://swept"},
            "hyperparameters": {"n_clusters": 2},
        }
        written = server.call("PUT", "/v1/models/swept/schedule", {"train": train, "on": ["upload"]})
        assert written.status == 200, written.body
        signed = server.call("POST", "/v1/datasets/swept:upload").body
        rows = "a\n" + "1\n2\n8\n9\n" * 5
        assert server.call("PUT", signed["url"].removeprefix(server.url), rows.encode()).status in (200, 201)
        server.sweep()
        (run,) = server.call("GET", "/v1/models/swept/schedule").body["runs"]
        assert (run["trigger"], run["outcome"]) == ("upload", "started")
        assert server.finished(run["job"])["state"] == "succeeded"


def test_a_sweep_of_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "handlers.local", "--sweep", "--root", str(tmp_path / "nothing")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "expected a folder of models" in done.stderr
    assert not (tmp_path / "nothing").exists()
