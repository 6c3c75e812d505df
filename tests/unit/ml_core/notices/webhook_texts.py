"""What may be said of webhooks and their secret, and what may not: for functions, and for who deploys."""

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the specification's example
RIGHT = [
    "https://hooks.example.com/ml", "https://Hooks.Example.com", "https://a-b.example.org:8443/x?y=1&z=%20",
    "https://example.com/", "https://xn--exmple-cua.com/a;b:c@d!e$f'(g)*h+i=j~k", "https://1.example.com:1/",
]  # fmt: skip
WRONG = [
        "http://example.com/", "ftp://example.com/", "example.com", "//example.com/", "https://", "https:///x",
        "https://user@example.com/", "https://user:pass@example.com/", "https://example.com@127.0.0.1/",
        "https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://0x7f.1/", "https://127.1/",
        "https://localhost/", "https://metadata/", "https://example.com./", "https://example.com:0/",
        "https://example.com:65536/", "https://example.com:/", "https://exa mple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nX: y", "https://example.com/#x", "https://example.com\\@evil.com/",
        "https://exämple.com/", "https://example.com/ä", "https://-a.example.com/", "https://a_b.example.com/",
        "HTTPS://example.com/", "https://example.com?x", f"https://example.com/{'x' * 500}",
        f"https://{'a' * 64}.example.com/",
    ]  # fmt: skip
WRONG_SECRETS = [
    "",
    "whsec_",
    "whsec_abc",
    SECRET.removeprefix("whsec_"),
    "whsec_" + "A" * 100,
    SECRET + "!",
    "x" * 40,
]
