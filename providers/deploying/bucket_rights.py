"""Where in the bucket each function may write and delete, by what the keys of objects begin with.

Every function reads and lists all of it. On Google Cloud the accounts' grants are made from these tables.
The roles of providers/aws/config.yml say the same, and a test holds them to it: who adds a kind of object
adds its prefix here and there.
"""

# Objects that a function creates or overwrites.
WRITES: dict[str, tuple[str, ...]] = {
    # A signed address writes with the rights of the function that signed it: datasets/.
    "api": ("models/", "jobs/", "idempotency/", "uploads/", "descriptions/", "datasets/"),
    "train": ("models/", "jobs/", "artifacts/", "descriptions/", "dead-letters/"),
    "sweep": ("models/", "jobs/"),
}

# Objects that a function deletes.
DELETES: dict[str, tuple[str, ...]] = {
    "api": ("jobs/", "datasets/", "descriptions/"),
    "train": ("jobs/",),
    "sweep": (
        *("jobs/", "artifacts/", "idempotency/", "uploads/", "descriptions/"),
        "dead-letters/",
    ),
}

# The queues of AWS and Azure keep dead letters themselves (docs/decisions/0024-dead-letters.md).
GOOGLE_ALONE = ("dead-letters/",)
