"""What a page of ours may do, as its headers say: nothing but run its own script, and ask where it has to."""


def page_headers(html: bytes, *, connect: str = "") -> dict[str, str]:
    """The headers of a page with one `<script>` and one `<style>`, and no others.

    It shows pictures that it has made itself, sends no form, and stands in no frame of another page.

    Args:
        html: the page.
        connect: where it may ask, beside its own server.
    """
    script, style = (source_of(_inside(html, element)) for element in (b"script", b"style"))
    asked = f"'self' {connect}".strip()
    return {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": (
            f"default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src {asked}; "
            "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "referrer-policy": "no-referrer",
    }


def source_of(content: bytes) -> str:
    """The hash by which a policy knows a script, or a style, that stands in a page."""
    from base64 import b64encode
    from hashlib import sha256

    return f"sha256-{b64encode(sha256(content).digest()).decode()}"


def _inside(html: bytes, element: bytes) -> bytes:
    """What the page's one such element holds."""
    return html.split(b"<" + element + b">", 1)[1].split(b"</" + element + b">", 1)[0]
