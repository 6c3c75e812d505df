"""What is fuzzed: for each target its samples, how they are changed, and what may come of a case.

A case is bytes, as they stand in a file of `found/`. `run` returns where all is well, else it raises.
"""

import io
import json
import os
import re
import struct
import zlib
from abc import ABC, abstractmethod
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from ml_core.errors import ServerlessMLError
from tests.fuzz.bodies import drawn_body
from tests.fuzz.graphs import DATATYPES_OF_ONNXRUNTIME, changed_file, difference_of
from tests.fuzz.mutation import Chance, changed, changed_floats, changed_json

TESTS = Path(__file__).resolve().parent.parent


class Broken(Exception):
    """Something came of a case that must not."""


class Target(ABC):
    """One part that reads what strangers send. `folder` is an empty one of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    @abstractmethod
    def samples(self) -> list[bytes]:
        """Sound cases."""

    @abstractmethod
    def run(self, case: bytes) -> object:
        """Try a case. Raises `Broken`, or whatever else the tree did not foresee."""

    def drawn(self, chance: Chance) -> bytes:
        """A changed sample."""
        return changed(chance.choice(self.samples), self.samples, chance)


class Artifacts(Target):
    """The safetensors container and what is in it. Half of the cases have a right checksum."""

    @cached_property
    def samples(self) -> list[bytes]:
        from ml_core.training.notebook import train_model

        kept = sorted((TESTS / "unit" / "ml_core" / "artifacts").glob("*.json"))
        samples = [bytes.fromhex(json.loads(file.read_text())["artifact"]) for file in kept]
        rows = [[number, ("red", "blue")[number % 2], number % 3 == 0] for number in range(12)]
        samples.append(train_model(rows, [number % 2 for number in range(12)]).to_bytes())
        return samples

    def drawn(self, chance: Chance) -> bytes:
        from ml_core.safetensors import Tensor, read, write

        sample = chance.choice(self.samples)
        if chance.random() < 0.5:
            return changed(sample, self.samples, chance)
        description, tensors = read(sample)
        for name in list(tensors):
            tensor = tensors[name]
            if tensor.dtype == "F64" and chance.random() < 0.3:
                tensors[name] = Tensor(tensor.shape, changed_floats(bytes(tensor.packed), chance))
            if chance.random() < 0.05:
                del tensors[name]
            elif chance.random() < 0.05:
                tensors[name] = Tensor.of([1.0] * chance.choice((1, 2, 12)))
        try:
            return write(changed_json(description, chance), tensors)
        except (ValueError, AttributeError, TypeError):  # NaN, half a character
            return changed(sample, self.samples, chance)

    def run(self, case: bytes) -> None:
        from ml_core.inputs.rows import Limits
        from ml_core.model.model import Model

        try:
            model = Model.from_bytes(case)
            row = [1.0 if feature.kind == "number" else None for feature in model.columns]
            model.row_schema()
            rows = model.rows([row, row], limits=Limits())
            model.predict_rows(rows, model.outputs)
        except ServerlessMLError:
            return


class Registered(Artifacts):
    """An artifact that somebody made elsewhere: one that is taken answers all that is asked of a version."""

    def drawn(self, chance: Chance) -> bytes:
        from ml_core.model.artifact import PROFILE
        from ml_core.safetensors import Tensor, read, write

        sample = chance.choice(self.samples)
        description, tensors = read(sample)
        if PROFILE not in tensors or chance.random() < 0.5:
            return super().drawn(chance)
        profile = changed_json(json.loads(bytes(tensors[PROFILE].packed)), chance)
        try:
            told = json.dumps(profile).encode()
            return write(description, {**tensors, PROFILE: Tensor((len(told),), told, "U8")})
        except (ValueError, AttributeError, TypeError):
            return sample

    def run(self, case: bytes) -> None:
        from ml_core.errors import InvalidInput, TooLarge
        from ml_core.model.explanations import explain
        from ml_core.model.model import Model
        from ml_core.model.parameters import parameters_of
        from ml_core.model.told_profile import told_profile
        from ml_core.registering.checking import check_artifact
        from ml_core.registering.probing import instances_of

        try:
            manifest = check_artifact(case)
        except (InvalidInput, TooLarge):
            return
        json.dumps(manifest, allow_nan=False).encode()
        model = Model.from_bytes(case)
        uses: tuple[Callable[[], object], ...] = (
            model.row_schema,
            model.to_onnx,
            lambda: parameters_of(model),
            lambda: told_profile(model),
            *(partial(model.predict_rows, rows, model.outputs) for rows in instances_of(model)),
            *(partial(explain, model, rows) for rows in instances_of(model)),
        )
        for use in uses:
            with suppress(ServerlessMLError):
                use()


class Served(Target):
    """An api with trained models, asked in this process."""

    @cached_property
    def api(self) -> Any:
        from handlers.jobs import train_now
        from handlers.local.services import folder_services
        from handlers.rest.api import Api
        from handlers.settings import read_settings

        values = {"ML_ROOT": str(self.folder / "store"), "ML_MAX_WAIT": "0"}
        services = folder_services(read_settings(values), key_records=None)
        rows = [[x + y / 10, x * y, 5 - x, y] for x in range(6) for y in range(5)]
        mixed = [[number, ("red", "blue")[number % 2], number % 3 == 0] for number in range(30)]
        for name, about in {
            "iris": {"instances": rows, "targets": [row // 10 for row in range(30)]},
            "mixed": {
                "instances": mixed,
                "targets": ["a", "b"] * 15,
                "feature_names": ["size", "colour", "old"],
            },
        }.items():
            job = train_now(services, {"model": name, "algorithm": "logistic_regression", **about})
            if job.state != "succeeded":
                raise Broken(f"no model to ask: {job}")
        return Api(services)

    def check(self, status: object, body: bytes) -> None:
        """An answer is no 5xx, and a refusal is told as one."""
        if not isinstance(status, int) or not 200 <= status < 500:
            raise Broken(f"status {status}: {body[:300]!r}")
        if status >= 400 and body and not {"status", "code", "error"} <= json.loads(body).keys():
            raise Broken(f"no problem: {body[:300]!r}")


class Tensors(Served):
    """Open Inference requests: `path`, the length of the JSON part or nothing, and the body."""

    @cached_property
    def samples(self) -> list[bytes]:
        numbers = {"name": "x", "shape": [2, 4], "datatype": "FP64"}
        values = [1.5, 2.0, 3.0, 4.0, 0.0, 1.0, 2.0, 3.0]
        columns = [
            {"name": "size", "shape": [2], "datatype": "INT64", "data": [1, 2]},
            {"name": "colour", "shape": [2, 1], "datatype": "BYTES", "data": ["red", None]},
            {"name": "old", "shape": [2], "datatype": "BOOL", "data": [True, False]},
        ]
        raw = b"\x03\0\0\0red\x04\0\0\0blue"
        words = {
            "name": "colour",
            "shape": [2],
            "datatype": "BYTES",
            "parameters": {"binary_data_size": len(raw)},
        }
        everything = {"id": "7", "parameters": {"binary_data_output": True, "unknown_columns": "ignore"}}
        outputs = [{"name": "predict", "parameters": {"binary_data": True}}, {"name": "predict_proba"}]
        packed = struct.pack("<8d", *values)
        binary = {**numbers, "parameters": {"binary_data_size": len(packed)}}
        return [
            _request("iris", {"inputs": [{**numbers, "data": values}], "outputs": outputs, **everything}),
            _request("iris", {"inputs": [{**numbers, "datatype": "INT8", "data": [[1] * 4] * 2}]}),
            _request("iris", {"inputs": [binary], **everything}, packed),
            _request("iris", {"inputs": [{**binary, "datatype": "FP32", "shape": [4, 4]}]}, packed),
            _request("mixed", {"inputs": columns, "outputs": outputs}),
            _request("mixed", {"inputs": [columns[0], words, columns[2]]}, raw),
        ]

    def drawn(self, chance: Chance) -> bytes:
        sample = chance.choice(self.samples)
        if chance.random() < 0.4:
            return changed(sample, self.samples, chance)
        model, length, body = sample.split(b"\n", 2)
        text, raw = (body[: int(length)], body[int(length) :]) if length else (body, None)
        if raw is not None and chance.random() < 0.5:
            raw = changed(raw, [raw], chance)
        return _request(model.decode(), changed_json(json.loads(text), chance), raw)

    def run(self, case: bytes) -> None:
        from handlers.rest.http import Request

        model, _, rest = case.partition(b"\n")
        length, _, body = rest.partition(b"\n")
        headers = {"inference-header-content-length": length.decode("latin-1")} if length else {}
        path = f"/v2/models/{model.decode('latin-1')}/infer"
        answer = self.api.handle(Request("POST", path, {}, headers, body, "r1"))
        self.check(answer.status, answer.body)


def _request(model: str, header: Any, raw: bytes | None = None) -> bytes:
    text = json.dumps(header).encode()
    length = b"" if raw is None else str(len(text)).encode()
    return b"\n".join((model.encode(), length, text + (raw or b"")))


class Tables(Target):
    """Files of every format, read as a dataset and described, and read as texts and lists."""

    @cached_property
    def samples(self) -> list[bytes]:
        import numpy as np
        from arro3.core import Array, DataType, Field, Table, fixed_size_list_array, list_array, struct_array
        from arro3.io import write_parquet

        lines = [
            "age,plan,since,spend",
            *(f"{n},{'pro' if n % 2 else 'basic'},2024-01-{n + 1:02},{n * 1.5}" for n in range(20)),
        ]
        text = "\n".join(lines)
        objects = "\n".join(
            json.dumps({"a": n, "b": f"w{n % 3}", "c": None if n % 4 else True}) for n in range(20)
        )
        parquet = io.BytesIO()
        columns = {
            "number": Array(np.arange(20, dtype="f8")),
            "whole": Array(np.arange(20)),
            "word": Array([("red", "blue", None)[n % 3] for n in range(20)], type=DataType.string()),
            "truth": Array([n % 2 == 0 for n in range(20)], type=DataType.bool()),
        }
        write_parquet(Table.from_arrays([*columns.values()], names=[*columns]), parquet)
        numbers = Array(np.arange(12, dtype="f8"))
        ends = Array(np.array([0, 5, 5, 12], dtype="i4"))
        steps = struct_array([numbers, numbers], fields=[Field(name, DataType.float64()) for name in "ab"])
        lists = {
            "list": list_array(ends, numbers, mask=Array([False, True, False], type=DataType.bool())),
            "steps": list_array(ends, steps),
            "pairs": fixed_size_list_array(Array(np.arange(6.0)), 2),
            "word": Array(["a", None, "c"], type=DataType.large_string()),
        }
        nested = io.BytesIO()
        write_parquet(Table.from_arrays([*lists.values()], names=[*lists]), nested)
        sequences = "\n".join(
            json.dumps(
                {"list": [n, 0.5][: n % 3], "steps": [{"a": n, "b": 1}], "pairs": [[n, 2]], "word": "w"}
            )
            for n in range(20)
        )
        structured = np.array(
            [(1.0, "a", True), (2.0, "b", False)] * 5, dtype=[("x", "f8"), ("w", "U3"), ("t", "?")]
        )
        dates = np.array([["2024-01-01"], ["NaT"]] * 4, dtype="datetime64[D]")
        return [
            text.encode(),
            text.replace(",", ";").replace(".", ",").encode("utf-8-sig"),
            text.replace(",", "\t").encode("utf-16"),
            b"sep=;\r\n" + text.replace(",", ";").encode("cp1252"),
            b'name,quote\n"a ""b"", c","x\ny"\n"d",\n',
            b'price,share,day\n"$1,234.50",5 %,31.05.2024\n(5),6 %,01.06.2024\n',
            objects.encode(),
            sequences.encode(),
            parquet.getvalue(),
            nested.getvalue(),
            *(_saved(array) for array in (np.arange(12.0).reshape(4, 3), structured, dates)),
        ]

    def run(self, case: bytes) -> None:
        from ml_core.tables.description import describe
        from ml_core.tables.reading import read

        file = self.folder / "table"
        file.write_bytes(case)
        with suppress(ServerlessMLError):
            describe(read(str(file)))
        with suppress(ServerlessMLError):
            read(str(file), texts=["word", "plan", "w"], lists=["list", "steps", "pairs", "x"])


def _saved(array: Any) -> bytes:
    import numpy as np

    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


class Events(Served):
    """Events as clouds hand them over: AWS's as JSON, of Azure and Google the parts of a request."""

    @cached_property
    def samples(self) -> list[bytes]:
        kept = sorted((TESTS / "events").glob("*.json"))
        events = [json.loads(file.read_text()) for file in kept if "sqs" not in file.name]
        body = b64encode(b'{"instances": [[1, 2, 3, 4]]}').decode()
        headers = {"content-type": "application/json", "authorization": "Bearer x", "prefer": "wait=1"}
        parts = [
            ("POST", "https://a.azurewebsites.net/v1/models/iris:predict?pretty", headers, body),
            ("GET", "https://a.net/v1/models?limit=1&after=iris", {"if-none-match": '"x"'}, ""),
            (
                "PUT",
                "https://[::1]:80/v1/models/iris/aliases/a%20b",
                {"accept": "application/problem+json"},
                "",
            ),
            (
                "POST",
                "https://a.net/v2/models/iris/infer",
                {"content-encoding": "gzip"},
                b64encode(b"\x1f\x8b").decode(),
            ),
        ]
        return [json.dumps(["aws", event]).encode() for event in events] + [
            json.dumps([cloud, *each]).encode() for cloud in ("azure", "google") for each in parts
        ]

    def drawn(self, chance: Chance) -> bytes:
        cloud, *rest = json.loads(chance.choice(self.samples))
        if cloud == "aws":
            return json.dumps([cloud, changed_json(rest[0], chance)]).encode()
        return json.dumps([cloud, *(_changed_text(part, chance) for part in rest)]).encode()

    def run(self, case: bytes) -> None:
        cloud, *rest = json.loads(case)
        asked: dict[str, Callable[..., tuple[Any, bytes]]] = {
            "aws": self._on_aws,
            "azure": self._on_azure,
            "google": self._on_google,
        }
        self.check(*asked[cloud](*rest))

    def _on_aws(self, event: Any) -> tuple[Any, bytes]:
        from handlers.clouds import aws

        aws._API[:] = [self.api]
        answer = aws.api(event, SimpleNamespace(aws_request_id="r1"))
        if "statusCode" not in answer:  # of a bare event
            return answer.get("status", 200), json.dumps(answer).encode()
        body = answer["body"]
        json.dumps(answer)
        return answer["statusCode"], b64decode(body) if answer["isBase64Encoded"] else body.encode()

    def _on_azure(self, method: str, url: str, headers: dict[str, str], body: str) -> tuple[Any, bytes]:
        import azure.functions as func

        from handlers.clouds import azure

        azure._API[:] = [self.api]
        request = func.HttpRequest(method, url, headers=headers, body=_decoded(body))
        context: Any = SimpleNamespace(invocation_id="r1")
        answer = azure.api(request, context)
        return answer.status_code, answer.get_body()

    def _on_google(self, method: str, url: str, headers: dict[str, str], body: str) -> tuple[Any, bytes]:
        from handlers.clouds import google

        google._API[:] = [self.api]
        target = url.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("?")
        named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        sent = _decoded(body)
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": "/" + path.encode("utf-8", "replace").decode("latin-1"),
            "QUERY_STRING": query, "wsgi.input": io.BytesIO(sent), "CONTENT_LENGTH": str(len(sent)), **named,
        }  # fmt: skip
        request: Any = SimpleNamespace(environ=environ, get_data=lambda: sent)
        answered, status, _ = google.api(request)
        return status, answered if isinstance(answered, bytes) else b"".join(answered)


def _changed_text(part: Any, chance: Chance) -> Any:
    """A part of a request, which stays a text, or texts by name: no gateway hands over anything else."""
    if chance.random() < 0.6:
        return part
    if isinstance(part, dict):
        named = changed_json(part, chance)
        return {name: str(value) for name, value in named.items()} if isinstance(named, dict) else part
    return changed(str(part).encode(), [b"https://a.net/v1/jobs", b"GET"], chance).decode("utf-8", "replace")


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text)
    except ValueError:
        return text.encode("utf-8", "surrogatepass")


class Bodies(Served):
    """Long bodies of rows, a model's name before each: two parsers read them, and nobody can tell which."""

    @cached_property
    def samples(self) -> list[bytes]:
        chance = Chance(0)
        return [self.drawn(chance) for _ in range(100)]

    def drawn(self, chance: Chance) -> bytes:
        model, width = chance.choice((("iris", 4), ("iris", 4), ("iris", 4), ("mixed", 3)))
        return f"{model}\n".encode() + drawn_body(chance, width)

    def run(self, case: bytes) -> bool:
        """Answer it both ways; whether simdjson had a part in it."""
        from handlers.rest import long_bodies

        model, _, body = case.partition(b"\n")
        packed = self._packed(body)
        parsed = self._answered(model.decode("latin-1"), body)
        with patch.object(long_bodies, "Parser", None):  # as where there is no simdjson
            always = self._answered(model.decode("latin-1"), body)
        self.check(*always)
        if parsed != always:
            raise Broken(f"expected {always[0]} {always[1][:300]!r}, got {parsed[0]} {parsed[1][:300]!r}")
        return packed

    def _answered(self, model: str, body: bytes) -> tuple[int, bytes]:
        from handlers.rest.http import Request

        answer = self.api.handle(Request("POST", f"/v1/models/{model}:predict", {}, {}, body, "r1"))
        return answer.status, re.sub(rb',"receipts":\[[^]]*]', b"", answer.body)  # no two are alike

    def _packed(self, body: bytes) -> bool:
        """Whether rows were packed; the bytes of their numbers are then those of the lists."""
        from handlers.rest.bodies import parse_json
        from handlers.rest.long_bodies import parse_with_rows
        from ml_core.inputs.rows import Rows
        from ml_core.safetensors import pack

        with suppress(ServerlessMLError):
            parsed = parse_with_rows(body, "instances", parse_json)
            rows = parsed.get("instances") if isinstance(parsed, dict) else None
            if isinstance(rows, Rows) and rows.as_sent:
                sent: Any = rows.as_sent()
                if pack(number for row in sent for number in row) != bytes(rows.packed):
                    raise Broken("other numbers")
                if {len(row) for row in sent} != {rows.n_features} or len(sent) != len(rows):
                    raise Broken("other rows")
                return True
        return False


class Graphs(Target):
    """Files of ONNX: scanned within counted work; of what is taken, onnxruntime says the same if it loads.

    What becomes a model of ours answers as onnxruntime does.
    """

    @cached_property
    def samples(self) -> list[bytes]:
        return [file.read_bytes() for file in sorted((TESTS / "samples" / "onnx").glob("*.onnx"))]

    @cached_property
    def small(self) -> list[bytes]:
        """Those that are made models of, or nearly so."""
        return [sample for sample in self.samples if len(sample) < 1_500]

    def drawn(self, chance: Chance) -> bytes:
        sample = chance.choice(chance.choice((self.samples, self.small)))
        if chance.random() < 0.3:
            return changed(sample, self.samples, chance)
        return changed_file(sample, self.samples, chance)

    def run(self, case: bytes) -> bool:
        """Scan it; whether it was taken."""
        from ml_core.errors import InvalidInput
        from ml_core.onnx.scan import scan
        from tests.unit.handlers.work import work_of

        def scanned() -> None:
            with suppress(InvalidInput):
                scan(case)

        if zlib.crc32(case) % 16 == 0 and (work := work_of(scanned)) > 200 * len(case) + 100_000:
            raise Broken(f"{work:,} steps for {len(case):,} bytes")
        try:
            found = scan(case)
        except InvalidInput as error:
            if not all(fault.path.startswith("model") for fault in error.faults):
                raise Broken(f"a fault that says no place: {error}") from error
            return False
        self._compare(case, found)
        return True

    def _compare(self, case: bytes, found: Any) -> None:
        """Inputs and outputs are those of onnxruntime, which does not have to take the file."""
        import onnxruntime

        from ml_core.converting.onnx_graphs import from_onnx
        from ml_core.errors import InvalidInput
        from tests.unit.ml_core.onnx_runtime import options

        model = None
        with suppress(InvalidInput):
            model = from_onnx(case)
        plain = options()
        # Else the graph is computed as far as it can be, within no limit.
        plain.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        plain.log_severity_level = 4
        try:
            session = onnxruntime.InferenceSession(case, plain, providers=["CPUExecutionProvider"])
        except Exception:  # noqa: BLE001 (its errors have no class in common)
            return
        for told, said in ((found.inputs, session.get_inputs()), (found.outputs, session.get_outputs())):
            ports = [(port.name, DATATYPES_OF_ONNXRUNTIME.get(port.type)) for port in said]
            if [(port.name, port.datatype) for port in told] != ports:
                raise Broken(f"expected {ports}, got {told}")
        if model and (difference := difference_of(model, session)):
            raise Broken(difference)


class RunGraphs(Graphs):
    """Files of ONNX, in the children that run them: see `forked_children.py`."""

    SECONDS, MEMORY = 3.0, 256 << 20

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        from ml_core.running.child import prepare

        prepare()

    def _ask_the_good(self) -> None:
        """Ask a child with a sound graph, which is kept: it answers whatever became of the case."""
        from ml_core.graphs.call import GraphFailure

        try:
            self._good.run(self._good_inputs, (), self._deadline())
        except GraphFailure:
            if not self._good.end().oom_killed:
                raise
            del self._good  # the machine had no memory, and a child is the first to go

    @cached_property
    def _good(self) -> Any:
        process = self._child()
        process.load((TESTS / "samples" / "onnx" / "torch-mlp.onnx").read_bytes(), self._deadline())
        return process

    @cached_property
    def _good_inputs(self) -> dict[str, Any]:
        told = json.loads((TESTS / "samples" / "onnx" / "torch-mlp.json").read_text())
        return self._inputs(told["inputs"])

    def run(self, case: bytes) -> bool:
        """Load and ask it; whether it answered."""
        from time import monotonic

        from ml_core.graphs.call import GraphFailure

        self._ask_the_good()
        began, process, answered = monotonic(), self._child(), False
        try:
            process.load(case, self._deadline())
            for inputs in self._all_inputs:  # the right ones are among them, where the case still takes those
                if process.is_well:
                    answered = self._is_answered(process, inputs) or answered
        except GraphFailure as failure:
            self._check(failure)
        finally:
            process.end()
        if monotonic() - began > 2 * self.SECONDS + 5:
            raise Broken(f"it took {monotonic() - began:.1f} seconds")
        self._ask_the_good()
        return answered

    def _is_answered(self, process: Any, inputs: dict[str, Any]) -> bool:
        from ml_core.graphs.call import GraphFailure

        try:
            process.run(inputs, (), self._deadline())
        except GraphFailure as failure:
            self._check(failure)
            return False
        return True

    def _check(self, failure: Any) -> None:
        if failure.reason not in {"failed", "memory", "refused", "crashed", "timeout"}:
            raise Broken(f"a child's failure is {failure.reason}: {failure}")

    @cached_property
    def _all_inputs(self) -> list[dict[str, Any]]:
        files = sorted((TESTS / "samples" / "onnx").glob("*.json"))
        told = [json.loads(file.read_text())["inputs"] for file in files]
        return [self._inputs(inputs) for inputs in told if sum(len(each["data"]) for each in inputs) < 1000]

    def _inputs(self, told: list[dict[str, Any]]) -> dict[str, Any]:
        from tests.unit.ml_core.running.graphs import tensor

        return {each["name"]: tensor(each["datatype"], each["shape"], each["data"]) for each in told}

    def _child(self) -> Any:
        from ml_core.running.graph_process import GraphProcess
        from tests.fuzz.forked_children import ForkedChild

        return GraphProcess(ForkedChild(self.MEMORY, str(self.folder)), self.MEMORY)

    def _deadline(self) -> Any:
        from ml_core.running.graph_process import Deadline

        return Deadline(self.SECONDS)


TARGETS: dict[str, Callable[[Path], Target]] = {
    "artifacts": Artifacts,
    "registered": Registered,
    "tensors": Tensors,
    "bodies": Bodies,
    "tables": Tables,
    "events": Events,
    "onnx": Graphs,
    "graphs": RunGraphs,
}


def found(target: str) -> Sequence[Path]:
    """The cases that were found once, and mended."""
    folder = Path(__file__).parent / "found" / target
    return sorted(folder.iterdir()) if os.path.isdir(folder) else []
