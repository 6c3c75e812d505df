"""What a page of ours may do, as its Content-Security-Policy says."""


def policy_of(html: bytes, *, connect: str = "") -> str:
    """Run the page's own script and style, show pictures that it has made, and ask its own server.

    Args:
        html: the page, with one `<script>` and one `<style>`.
        connect: where else it may ask.
    """
    script, style = _source(html, b"script"), _source(html, b"style")
    asked = f"'self' {connect}".strip()
    return (
        f"default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src {asked}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _source(html: bytes, element: bytes) -> str:
    """The hash by which the policy knows the page's one script, or its one style."""
    from base64 import b64encode
    from hashlib import sha256

    content = html.split(b"<" + element + b">", 1)[1].split(b"</" + element + b">", 1)[0]
    return f"sha256-{b64encode(sha256(content).digest()).decode()}"
