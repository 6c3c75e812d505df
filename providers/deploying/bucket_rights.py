"""Where in the bucket each function may write and delete, by what the keys of objects begin with.

Every function reads and lists all of it. On Google Cloud the accounts' grants are made from these tables.
The roles of providers/aws/config.yml say the same, and a test holds them to it: who adds a kind of object
adds its prefix here and there.
"""

# Objects that a function creates or overwrites.
WRITES: dict[str, tuple[str, ...]] = {
    "api": (
        *("models/", "registry/", "jobs/", "open/", "ended/", "waiting/", "idempotency/", "uploads/"),
        # A signed address writes with the rights of the function that signed it: datasets/, and uploads/ for
        # artifacts that were made elsewhere.
        *("descriptions/", "datasets/", "monitoring/", "schedules/", "audit/", "notices/"),
    ),
    "train": (
        "models/",
        "registry/",
        "jobs/",
        "open/",
        "ended/",
        "artifacts/",
        "descriptions/",
        "scores/",
        "dead-letters/",
        "notices/",
    ),
    "sweep": (
        *("models/", "registry/", "jobs/", "open/", "ended/", "sweeps/", "monitoring/", "notices/"),
        *("schedules/", "idempotency/", "audit/"),  # a run of a schedule is a job that is sent once
    ),
}

# What is written once and never replaced. Who has no right to delete it either can change nothing of it.
ONLY_ADDED = ("audit/",)

# Objects that a function deletes.
DELETES: dict[str, tuple[str, ...]] = {
    "api": ("jobs/", "open/", "waiting/", "datasets/", "descriptions/", "schedules/"),
    "train": ("jobs/", "open/", "artifacts/", "notices/"),
    "sweep": (
        *("jobs/", "open/", "ended/", "artifacts/", "registry/about/versions/", "registry/deleted/"),
        *("registry/purged/", "registry/made-from/", "idempotency/"),
        *("uploads/", "descriptions/", "dead-letters/", "monitoring/", "scores/", "audit/", "notices/"),
    ),
}

# The queues of AWS and Azure keep dead letters themselves (docs/decisions/0024-dead-letters.md).
GOOGLE_ALONE = ("dead-letters/",)
