"""A stand-in for Cloud Storage: the JSON and XML object APIs with true generation preconditions, in memory.

It speaks what google-cloud-storage (JSON) and obstore (XML) speak, and is strict where Cloud Storage is: one
generation per write, preconditions on every kind of write, names listed by UTF-8 bytes, and, when switched
on, about one write a second to one object, the next ones being refused with 429.

    python -m tests.google.gcs --port 4443
"""

import argparse
import base64
import email
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from tests.google import limits


class Stored(NamedTuple):
    """One live object."""

    data: bytes
    generation: int
    created: float

    @property
    def etag(self) -> str:
        """As Cloud Storage has it in the XML API: the content's MD5, whatever the generation."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()


class Refusal(Exception):
    """An HTTP error that the store answers."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.status, self.code = status, code


class Buckets:
    """What is stored. Every change happens under one lock."""

    def __init__(self, *, seconds_between_writes: float = 0.0, implicit: bool = True) -> None:
        self.lock = threading.RLock()
        self.objects: dict[str, dict[str, Stored]] = {}
        self.settings: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.seconds_between_writes = seconds_between_writes
        self.throttled = 0
        self.taken: set[str] = set()
        self.allowed_locations: list[str] | None = None
        # What was asked over the JSON API, by method and path.
        self.asked: list[tuple[str, str]] = []
        self.signers: dict[str, RSAPublicKey] = {}
        self._implicit = implicit
        self._written: dict[tuple[str, str], float] = {}
        self._generation = int(time.time() * 1_000_000)

    def bucket(self, name: str) -> dict[str, Stored]:
        """A bucket's objects."""
        with self.lock:
            if name not in self.objects:
                if not self._implicit:
                    raise Refusal(404, "NoSuchBucket", "The specified bucket does not exist.")
                self.objects[name] = {}
                self.settings[name] = {}
            return self.objects[name]

    def create(self, name: str, settings: dict[str, Any]) -> None:
        """Make a bucket; 409 when there is one of that name."""
        with self.lock:
            if not re.fullmatch(limits.BUCKET, name):
                raise Refusal(400, "invalid", f"Invalid bucket name: '{name}'")
            if (reason := limits.labels(settings.get("labels", {}))) is not None:
                raise Refusal(400, "invalid", reason)
            if self.allowed_locations is not None and settings.get("location") not in self.allowed_locations:
                raise Refusal(
                    412, "conditionNotMet", "violates constraint 'constraints/gcp.resourceLocations'"
                )
            if name in self.objects or name in self.taken:
                raise Refusal(409, "conflict", "The requested bucket name is not available.")
            self.objects[name], self.settings[name] = {}, settings

    def get(self, bucket: str, key: str) -> Stored:
        """An object; 404 without one."""
        with self.lock:
            if key not in self.bucket(bucket):
                raise Refusal(404, "NoSuchKey", f"No such object: {bucket}/{key}")
            return self.objects[bucket][key]

    def put(self, bucket: str, key: str, data: bytes, conditions: dict[str, str]) -> Stored:
        """Write an object when the preconditions hold and it was not written a moment ago."""
        with self.lock:
            self._throttle(bucket, key)
            self._check(self.bucket(bucket).get(key), conditions)
            self._generation += 1
            stored = Stored(data, self._generation, time.time())
            self.objects[bucket][key] = stored
            return stored

    def delete(self, bucket: str, key: str, conditions: dict[str, str]) -> None:
        """Delete an object; 404 without one."""
        with self.lock:
            self._check(self.get(bucket, key), conditions)
            del self.objects[bucket][key]

    def _throttle(self, bucket: str, key: str) -> None:
        now = time.monotonic()
        if now - self._written.get((bucket, key), float("-inf")) < self.seconds_between_writes:
            self.throttled += 1
            raise Refusal(
                429, "SlowDown", "The object exceeded the rate limit for object mutation operations."
            )
        if self.seconds_between_writes:
            self._written[bucket, key] = now

    @staticmethod
    def _check(stored: Stored | None, conditions: dict[str, str]) -> None:
        generation = stored.generation if stored else 0
        wanted = conditions.get("ifgenerationmatch")
        unwanted = conditions.get("ifgenerationnotmatch")
        if (wanted is not None and int(wanted) != generation) or (
            unwanted is not None and int(unwanted) == generation
        ):
            raise Refusal(412, "PreconditionFailed", "At least one of the pre-conditions did not hold.")

    def page(self, bucket: str, prefix: str, after: str, limit: int) -> tuple[list[tuple[str, Stored]], bool]:
        """Objects in the order of their names' UTF-8 bytes, and whether there are more."""
        with self.lock:
            live = self.bucket(bucket).items()
            found = [(k, o) for k, o in live if k.startswith(prefix) and k.encode() > after.encode()]
        found.sort(key=lambda pair: pair[0].encode())
        return found[:limit], len(found) > limit


def check_signature(method: str, target: str, host: str, signers: dict[str, RSAPublicKey]) -> None:
    """Refuse a signed address (V4) of another method, object, host, account or time."""
    path, _, query = target.partition("?")
    signed, _, signature = query.rpartition("&X-Goog-Signature=")
    given = {name: values[-1] for name, values in parse_qs(signed, strict_parsing=True).items()}
    account, _, scope = given["X-Goog-Credential"].partition("/")
    stamp, seconds = given["X-Goog-Date"], int(given["X-Goog-Expires"])
    begun = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    if not (begun - 900 <= time.time() < begun + seconds) or not 0 < seconds <= 604_800:
        raise Refusal(400, "ExpiredToken", "The provided token has expired.")
    if scope != f"{stamp[:8]}/auto/storage/goog4_request" or given["X-Goog-SignedHeaders"] != "host":
        raise Refusal(400, "AuthorizationQueryParametersError")
    sorted_query = "&".join(sorted(signed.split("&")))
    canonical = f"{method}\n{path}\n{sorted_query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{given['X-Goog-Algorithm']}\n{stamp}\n{scope}\n{digest}".encode()
    try:
        signers[account].verify(bytes.fromhex(signature), to_sign, PKCS1v15(), SHA256())
    except (KeyError, ValueError, InvalidSignature) as error:
        raise Refusal(403, "SignatureDoesNotMatch") from error


class Handler(BaseHTTPRequestHandler):
    """Both APIs on one port, told apart by the path, as the clients do it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    buckets: Buckets

    def handle_one_method(self) -> None:
        """Answer one request, a refusal in the form of the API that was spoken to."""
        parts = urlsplit(self.path)
        self.query = {k.lower(): v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        length = self.headers.get("Content-Length")
        self.body = self.rfile.read(int(length)) if length else self._chunked()
        is_json = parts.path.startswith(("/storage/v1/", "/upload/storage/v1/", "/download/storage/v1/"))
        try:
            if self.buckets.signers:
                self._admit()
            (self._json_api if is_json else self._xml_api)(parts.path)
        except Refusal as refusal:
            if is_json:
                error = {
                    "code": refusal.status,
                    "message": str(refusal),
                    "errors": [{"reason": refusal.code}],
                }
                self._send_json({"error": error}, status=refusal.status)
            else:
                text = f"<Error><Code>{refusal.code}</Code><Message>{refusal}</Message></Error>"
                self._send(refusal.status, text.encode(), {"Content-Type": "application/xml"})

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = handle_one_method  # noqa: N815

    def do_OPTIONS(self) -> None:
        """Answer a browser's question by the bucket's rules, which it brings no token for."""
        bucket = unquote(urlsplit(self.path).path).lstrip("/").partition("/")[0]
        origin, method = self.headers["Origin"], self.headers["Access-Control-Request-Method"]
        asked = {name.strip().lower() for name in self.headers["Access-Control-Request-Headers"].split(",")}
        for rule in self.buckets.settings.get(bucket, {}).get("cors", []):
            sent = {name.lower() for name in rule["responseHeader"]}
            if {origin, "*"} & set(rule["origin"]) and method in rule["method"] and asked <= sent:
                told = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Methods": method}
                self._send(200, headers=told)
                return
        self._send(200)

    def _admit(self) -> None:
        """Whoever asks says who they are, or brings an address that was signed for this."""
        if "x-goog-signature" in self.query:
            check_signature(self.command, self.path, self.headers["Host"], self.buckets.signers)
        elif "Authorization" not in self.headers:
            raise Refusal(401, "AuthenticationRequired")

    def _chunked(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return b""
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_: object) -> None:
        """Tests print nothing for requests that went well."""

    # --- the XML API ---------------------------------------------------------------------------

    def _xml_api(self, path: str) -> None:
        bucket, _, key = unquote(path).lstrip("/").partition("/")
        if not key:
            self._xml_list(bucket)
        elif self.command == "POST" or "uploadid" in self.query:
            self._xml_multipart(bucket, key)
        elif self.command in {"GET", "HEAD"}:
            self._send_object(self.buckets.get(bucket, key))
        elif self.command == "PUT":
            self._send_written(self.buckets.put(bucket, key, self.body, self._header_conditions()))
        else:
            self.buckets.delete(bucket, key, self._header_conditions())
            self._send(204)

    def _header_conditions(self) -> dict[str, str]:
        named = {
            "ifgenerationmatch": self.headers.get("x-goog-if-generation-match"),
            "ifgenerationnotmatch": self.headers.get("x-goog-if-generation-not-match"),
        }
        return {name: value for name, value in named.items() if value is not None}

    def _xml_list(self, bucket: str) -> None:
        if self.command != "GET":
            raise Refusal(405, "MethodNotAllowed")
        limit = min(int(self.query.get("max-keys", "1000")), 1000)
        after = max(self.query.get("continuation-token", ""), self.query.get("start-after", ""))
        found, more = self.buckets.page(bucket, self.query.get("prefix", ""), after, limit)
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Generation>{stored.generation}</Generation>"
            f"<LastModified>{_iso(stored.created)}</LastModified><ETag>&quot;{stored.etag}&quot;</ETag>"
            f"<Size>{len(stored.data)}</Size></Contents>"
            for key, stored in found
        )
        token = f"<NextContinuationToken>{escape(found[-1][0])}</NextContinuationToken>" if more else ""
        text = (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://doc.s3.amazonaws.com/2006-03-01">'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>"
        )
        self._send(200, text.encode(), {"Content-Type": "application/xml"})

    def _xml_multipart(self, bucket: str, key: str) -> None:
        uploads = self.buckets.uploads
        if "uploads" in self.query:
            upload = f"upload-{len(uploads) + 1}"
            uploads[upload] = {}
            kind = "InitiateMultipartUploadResult"
            text = f"<{kind}><UploadId>{upload}</UploadId></{kind}>"
            self._send(200, text.encode(), {"Content-Type": "application/xml"})
            return
        parts = uploads.get(self.query["uploadid"])
        if parts is None:
            raise Refusal(404, "NoSuchUpload")
        if self.command == "PUT":
            parts[self.query["partnumber"]] = self.body
            etag = hashlib.md5(self.body, usedforsecurity=False).hexdigest()
            self._send(200, headers={"ETag": f'"{etag}"'})
        elif self.command == "POST":
            numbers = re.findall(rb"<PartNumber>(\d+)</PartNumber>", self.body)
            data = b"".join(parts[number.decode()] for number in numbers)
            stored = self.buckets.put(bucket, key, data, self._header_conditions())
            del uploads[self.query["uploadid"]]
            text = (
                f"<CompleteMultipartUploadResult><ETag>{stored.etag}</ETag></CompleteMultipartUploadResult>"
            )
            headers = {"x-goog-generation": str(stored.generation), "Content-Type": "application/xml"}
            self._send(200, text.encode(), headers)
        else:
            del uploads[self.query["uploadid"]]
            self._send(204)

    # --- the JSON API --------------------------------------------------------------------------

    def _json_api(self, path: str) -> None:
        self.buckets.asked.append((self.command, path))
        tail = path.split("/storage/v1/b", 1)[1].strip("/")
        bucket, _, rest = tail.partition("/")
        if path.startswith("/upload/"):
            self._json_upload(unquote(bucket))
        elif not bucket:
            self._json_create_bucket()
        elif not rest:
            self._json_bucket(unquote(bucket))
        elif rest == "iam":
            self._json_policy(unquote(bucket))
        elif rest == "o":
            self._json_list(unquote(bucket))
        else:
            self._json_object(unquote(bucket), unquote(rest.removeprefix("o/")))

    def _json_create_bucket(self) -> None:
        settings = json.loads(self.body)
        self.buckets.create(settings["name"], settings)
        self._send_json(self._bucket_resource(settings["name"]))

    def _json_bucket(self, bucket: str) -> None:
        self.buckets.bucket(bucket)
        if self.command == "PATCH":
            self.buckets.settings[bucket].update(json.loads(self.body))
        if self.command == "DELETE":
            if self.buckets.objects[bucket]:
                raise Refusal(409, "conflict", "The bucket you tried to delete is not empty.")
            del self.buckets.objects[bucket], self.buckets.settings[bucket]
            self._send(204)
            return
        self._send_json(self._bucket_resource(bucket))

    def _bucket_resource(self, bucket: str) -> dict[str, Any]:
        fixed = {"kind": "storage#bucket", "id": bucket, "name": bucket, "metageneration": "1"}
        return {**self.buckets.settings[bucket], **fixed}

    def _json_policy(self, bucket: str) -> None:
        self.buckets.bucket(bucket)
        if self.command == "PUT":
            policy = json.loads(self.body)
            if (reason := limits.policy(policy)) is not None:
                raise Refusal(400, "invalid", reason)
            self.buckets.policies[bucket] = policy
        self._send_json(
            self.buckets.policies.get(bucket, {"kind": "storage#policy", "version": 1, "etag": "CAE="})
        )

    def _json_list(self, bucket: str) -> None:
        limit = min(int(self.query.get("maxresults", "1000")), 1000)
        after = self.query.get("pagetoken", "")
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        found, more = self.buckets.page(bucket, prefix, after, limit)
        deeper = {
            key: prefix + key[len(prefix) :].partition(delimiter)[0] + delimiter
            for key, _ in found
            if delimiter and delimiter in key[len(prefix) :]
        }
        answer: dict[str, Any] = {
            "kind": "storage#objects",
            "items": [_resource(bucket, *pair) for pair in found if pair[0] not in deeper],
            "prefixes": sorted(set(deeper.values())),
        }
        if more:
            answer["nextPageToken"] = found[-1][0]
        self._send_json(answer)

    def _json_object(self, bucket: str, key: str) -> None:
        if self.command == "DELETE":
            self.buckets.delete(bucket, key, self.query)
            self._send(204)
        elif self.query.get("alt") == "media":
            self._send_object(self.buckets.get(bucket, key))
        else:
            self._send_json(_resource(bucket, key, self.buckets.get(bucket, key)))

    def _json_upload(self, bucket: str) -> None:
        kind = self.query.get("uploadtype")
        if kind == "multipart":
            raw = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode() + self.body
            described, content = _parts(email.message_from_bytes(raw))
            metadata = json.loads(_payload(described))
            self._write_json(bucket, metadata["name"], _payload(content), self.query)
        elif kind == "media":
            self._write_json(bucket, self.query["name"], self.body, self.query)
        elif self.command == "POST":
            session = f"session-{len(self.buckets.uploads) + 1}"
            name = json.loads(self.body or b"{}").get("name") or self.query["name"]
            self.buckets.uploads[session] = {"name": name, "conditions": dict(self.query), "data": b""}
            location = f"http://{self.headers['Host']}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={session}"
            self._send(200, headers={"Location": location})
        else:
            self._resume(bucket)

    def _resume(self, bucket: str) -> None:
        session = self.buckets.uploads[self.query["upload_id"]]
        session["data"] += self.body
        total = self.headers.get("Content-Range", "*/*").rpartition("/")[2]
        if total == "*" or int(total) > len(session["data"]):
            self._send(308, headers={"Range": f"bytes=0-{len(session['data']) - 1}"})
            return
        self._write_json(bucket, session["name"], session["data"], session["conditions"])

    def _write_json(self, bucket: str, key: str, data: bytes, conditions: dict[str, str]) -> None:
        self._send_json(_resource(bucket, key, self.buckets.put(bucket, key, data, conditions)))

    # --- answers -------------------------------------------------------------------------------

    def _send_object(self, stored: Stored) -> None:
        if stored.etag in self.headers.get("If-None-Match", ""):
            self._send(304, headers=_object_headers(stored))
            return
        if "If-Match" in self.headers and stored.etag not in self.headers["If-Match"]:
            raise Refusal(412, "PreconditionFailed")
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if span is None:
            self._send(200, stored.data, {**_object_headers(stored), **self._asked_for()})
            return
        first, size = int(span[1]), len(stored.data)
        if first >= size:
            raise Refusal(416, "InvalidRange")
        last = min(int(span[2] or size - 1), size - 1)
        span_told = {"Content-Range": f"bytes {first}-{last}/{size}"}
        headers = {**_object_headers(stored), **span_told, **self._asked_for()}
        self._send(206, stored.data[first : last + 1], headers)

    def _asked_for(self) -> dict[str, str]:
        """What a signed address has the answer say."""
        saved_as = self.query.get("response-content-disposition")
        return {"Content-Disposition": saved_as} if saved_as and "x-goog-signature" in self.query else {}

    def _send_written(self, stored: Stored) -> None:
        self._send(200, headers=_object_headers(stored))

    def _send_json(self, document: dict[str, Any], status: int = 200) -> None:
        self._send(status, json.dumps(document).encode(), {"Content-Type": "application/json; charset=UTF-8"})

    def _send(self, status: int, data: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _object_headers(stored: Stored) -> dict[str, str]:
    return {
        "ETag": f'"{stored.etag}"',
        "x-goog-generation": str(stored.generation),
        "x-goog-hash": f"md5={_md5(stored)}",
        "Last-Modified": formatdate(stored.created, usegmt=True),
        "Content-Type": "application/octet-stream",
    }


def _md5(stored: Stored) -> str:
    return base64.b64encode(bytes.fromhex(stored.etag)).decode()


def _resource(bucket: str, key: str, stored: Stored) -> dict[str, Any]:
    return {
        "kind": "storage#object",
        "bucket": bucket,
        "name": key,
        "generation": str(stored.generation),
        "metageneration": "1",
        "size": str(len(stored.data)),
        "md5Hash": _md5(stored),
        "etag": str(stored.generation),
        "updated": _iso(stored.created),
        "timeCreated": _iso(stored.created),
    }


def _parts(message: Any) -> tuple[Any, Any]:
    metadata, content = message.get_payload()
    return metadata, content


def _payload(part: Any) -> bytes:
    payload: bytes = part.get_payload(decode=True)
    return payload


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Server(ThreadingHTTPServer):
    """Many clients connect at once in the contention tests."""

    request_queue_size = 128
    daemon_threads = True


@contextmanager
def running(buckets: Buckets, port: int = 0) -> Iterator[str]:
    """The stand-in on loopback; its URL."""
    server = Server(("127.0.0.1", port), type("Bound", (Handler,), {"buckets": buckets}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=4443)
    parser.add_argument("--seconds-between-writes", type=float, default=0.0)
    given = parser.parse_args()
    with running(Buckets(seconds_between_writes=given.seconds_between_writes), given.port) as url:
        print(url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
