"""The schemes of buckets that `data.uri` may have, on every cloud alike: who reads one is its own cloud."""


def is_bucket(name: str) -> bool:
    """Whether a name is one that a cloud may have given: no port, no user, no address."""
    plain = name.replace("-", "").replace(".", "").replace("_", "")
    return (
        0 < len(name) <= 222
        and plain.isascii()
        and plain.isalnum()
        and name == name.lower()
        and name[0] != "."
    )


def is_container(name: str) -> bool:
    """A container of Azure's; its storage account may be said, as in abfs:// addresses."""
    container, at, account = name.partition("@")
    return is_bucket(container) and (not at or (account.isalnum() and is_bucket(account)))


SCHEMES = {"s3": is_bucket, "gs": is_bucket, "az": is_container}
