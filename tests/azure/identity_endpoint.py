"""A function app's identity endpoint, and storage that takes any token, on one loopback port."""

import base64
import json
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

SIGNING_KEY = b"the key by which the identity signs"
_LONGEST = timedelta(days=7)


def delegation_key(asked: bytes) -> bytes:
    """What Blob Storage gives to who may sign in its own name (Get User Delegation Key).

    Raises:
        ValueError: for a request that is refused with 400: no times, or some that are too far away.
    """
    found = re.search(rb"<KeyInfo><Start>(.+)</Start><Expiry>(.+)</Expiry></KeyInfo>$", asked)
    if not found:
        raise ValueError("InvalidXmlDocument")
    start, expiry = (datetime.fromisoformat(each.decode()) for each in found.groups())
    now = datetime.now(UTC)
    if abs(start - now) > _LONGEST or not max(start, now) < expiry <= now + _LONGEST:
        raise ValueError("InvalidXmlNodeValue")
    signed = {
        "SignedOid": "the-object",
        "SignedTid": "the-tenant",
        "SignedStart": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "SignedExpiry": f"{expiry:%Y-%m-%dT%H:%M:%SZ}",
        "SignedService": "b",
        "SignedVersion": "2023-11-03",
        "Value": base64.b64encode(SIGNING_KEY).decode(),
    }
    parts = "".join(f"<{name}>{value}</{name}>" for name, value in signed.items())
    told = f'<?xml version="1.0" encoding="utf-8"?><UserDelegationKey>{parts}</UserDelegationKey>'
    return told.encode()


class Seen(NamedTuple):
    """A request that came in."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


class IdentityEndpoint:
    """The stand-in; `env` is what the platform sets, `settings` what the template sets."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.refuses = False
        self.gives_keys = True

    def __enter__(self) -> "IdentityEndpoint":
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def _do(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", 0)))
                stand_in.seen.append(Seen(parts.path, query, headers))
                asked = parts.path.startswith("/identity")
                signs = query.get("comp") == "userdelegationkey"
                refused = (asked and stand_in.refuses) or (signs and not stand_in.gives_keys)
                key = b""
                status = 403 if refused else 201 if self.command == "POST" and not signs else 200
                if signs and not refused:
                    try:
                        key = delegation_key(body)
                    except ValueError:
                        status = 400
                self.send_response(status)
                until = str(int(time.time()) + 86_400)
                token = {
                    "access_token": "the-token",
                    "expires_on": until,
                    "resource": "x",
                    "token_type": "Bearer",
                }
                data = json.dumps(token).encode() if asked else b"{}"
                if signs:
                    data = key
                self.send_header("Content-Length", str(len(data)))
                self.send_header("ETag", '"1"')
                self.send_header("Last-Modified", "Mon, 23 Nov 2026 18:00:00 GMT")
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _do  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{self._server.server_port}"
        self.env = {"IDENTITY_ENDPOINT": f"{url}/identity", "IDENTITY_HEADER": "the-header"}
        self.settings = {
            "ML_STORAGE__blobServiceUri": url,
            "ML_STORAGE__queueServiceUri": url,
            "ML_STORAGE__clientId": "the-client",
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
