"""The bucket that holds the models, through google-cloud-storage."""

from functools import cached_property, partial
from typing import TYPE_CHECKING

from providers.deploying.plan import DeploymentFailed, Progress
from providers.google.deploying.access import TIMEOUT, Access
from providers.google.deploying.desired import Bucket, DataBucket, Grant, Json
from providers.google.deploying.resources import flat

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Client
    from google.cloud.storage import Bucket as StorageBucket


class ModelBucket:
    """Reads, makes, mends and deletes the bucket."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @cached_property
    def _client(self) -> "Client":
        from google.cloud.storage import Client

        access = self._access
        return Client(
            project=access.project, credentials=access.credentials, client_options=access.options("storage")
        )

    def read(self, should: Bucket) -> tuple[Json | None, frozenset[Grant]]:
        """Its settings, in `planning.bucket_settings`' terms, and who may do what; None without a bucket."""
        bucket = self._access.patiently(lambda: self._client.lookup_bucket(should.name, timeout=TIMEOUT))
        if bucket is None:
            return None, frozenset()
        conditions = [rule["condition"] for rule in bucket.lifecycle_rules]
        expiring = [
            each["daysSinceNoncurrentTime"] for each in conditions if "daysSinceNoncurrentTime" in each
        ]
        settings = {
            "uniform access": bucket.iam_configuration.uniform_bucket_level_access_enabled,
            "public access prevention": bucket.iam_configuration.public_access_prevention,
            "versioning": bucket.versioning_enabled,
            "days until old states expire": expiring[0] if expiring else None,
            "seconds that deleted objects are kept": bucket.soft_delete_policy.retention_duration_seconds,
            "labels": bucket.labels,
            "origins of pages": sorted(origin for rule in bucket.cors for origin in rule.get("origin", ())),
        }
        return settings, self.grants(should.name)

    def grants(self, name: str) -> frozenset[Grant]:
        """Who may do what with a bucket.

        Raises:
            DeploymentFailed: when there is none of that name.
        """
        from google.api_core.exceptions import NotFound

        bucket = self._client.bucket(name)
        try:
            policy = self._access.patiently(lambda: bucket.get_iam_policy(timeout=TIMEOUT))
        except NotFound:
            raise DeploymentFailed(f"dataBuckets: there is no bucket {name}") from None
        return flat({"bindings": policy.bindings})

    def create(self, should: Bucket) -> None:
        """Make the bucket, closed to the public from its first moment.

        Raises:
            DeploymentFailed: when somebody else has that name.
        """
        from google.api_core.exceptions import Conflict, Forbidden

        bucket = self._configured(should)
        try:
            self._access.patiently(lambda: bucket.create(location=should.location, timeout=TIMEOUT))
        except Conflict:
            try:
                ours = self._client.lookup_bucket(should.name, timeout=TIMEOUT) is not None
            except Forbidden:
                ours = False
            if not ours:
                raise DeploymentFailed(
                    f"the bucket name {should.name} is taken by another project: pass --param bucket=<other>"
                ) from None

    def update(self, should: Bucket) -> None:
        """Bring the settings to what they should be."""
        self._access.patiently(lambda: self._configured(should).patch(timeout=TIMEOUT))

    def _configured(self, should: Bucket) -> "StorageBucket":
        bucket = self._client.bucket(should.name)
        bucket.iam_configuration.uniform_bucket_level_access_enabled = True
        bucket.iam_configuration.public_access_prevention = "enforced"
        bucket.versioning_enabled = True
        bucket.lifecycle_rules = [
            {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": should.expire_days}},
            {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 1}},
        ]
        # Versioning keeps old states already; soft deletion would keep, and charge for, all of them again.
        bucket.soft_delete_policy.retention_duration_seconds = 0
        bucket.labels = should.labels
        bucket.cors = list(should.cors)
        return bucket

    def grant(self, should: Bucket | DataBucket) -> None:
        """Let functions use the bucket; what others granted stays."""
        bucket = self._client.bucket(should.name)

        def once() -> None:
            policy = bucket.get_iam_policy(requested_policy_version=3, timeout=TIMEOUT)
            policy.version = 3
            for role, member in sorted(should.grants - flat({"bindings": policy.bindings})):
                policy.bindings.append({"role": role, "members": {member}})
            bucket.set_iam_policy(policy, timeout=TIMEOUT)

        self._access.patiently(once, conflict_passes=True)

    def held(self, name: str) -> str:
        """What a bucket holds that nothing could bring back, in words; empty where there is none."""
        counts = {
            what: sum(1 for _ in self._client.list_blobs(name, prefix=prefix, timeout=TIMEOUT))
            for what, prefix in (("model(s)", "models/"), ("upload(s)", "datasets/"))
        }
        return " and ".join(f"{count} {what}" for what, count in counts.items() if count)

    def delete(self, should: Bucket, say: Progress) -> None:
        """Delete every object with its old states, then the bucket."""
        from google.api_core.exceptions import NotFound

        bucket = self._client.bucket(should.name)
        try:
            for count, blob in enumerate(
                self._client.list_blobs(should.name, versions=True, timeout=TIMEOUT), start=1
            ):
                self._delete_state(blob)
                if count % 100 == 0:
                    say(f"{count} objects deleted")
            self._access.patiently(lambda: bucket.delete(timeout=TIMEOUT))
        except NotFound:
            return

    def _delete_state(self, blob: "Blob") -> None:
        from google.api_core.exceptions import NotFound

        delete = partial(blob.bucket.delete_blob, blob.name, generation=blob.generation, timeout=TIMEOUT)
        try:
            self._access.patiently(delete)
        except NotFound:
            return
