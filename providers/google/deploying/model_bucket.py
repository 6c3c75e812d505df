"""The bucket that holds the models, through google-cloud-storage."""

import json
from collections.abc import Collection, Iterable
from functools import cached_property, partial
from typing import TYPE_CHECKING

from providers.deploying.plan import DeploymentFailed, Progress, held_in_words
from providers.google.deploying.access import TIMEOUT, Access
from providers.google.deploying.desired import Bucket, DataBucket, Json
from providers.google.deploying.policies import WITH_CONDITIONS, Grant, changed, flat

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Client
    from google.cloud.storage import Bucket as StorageBucket


def lifecycle(expire_days: int) -> list[Json]:
    """The bucket's rules: old states of objects go after so many days, pieces of uploads after one."""
    return [
        {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": expire_days}},
        {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 1}},
    ]


def rules_of(rules: Iterable[Json]) -> list[str]:
    """Rules as text that can be compared, whatever their order."""
    return sorted(json.dumps(rule, sort_keys=True) for rule in rules)


def excess(should: Bucket, granted: Collection[Grant]) -> frozenset[Grant]:
    """What our accounts may do with the bucket and should not."""
    return frozenset(each for each in granted if each.member in should.members) - should.grants


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
        settings = {
            "uniform access": bucket.iam_configuration.uniform_bucket_level_access_enabled,
            "public access prevention": bucket.iam_configuration.public_access_prevention,
            "versioning": bucket.versioning_enabled,
            "lifecycle": rules_of([dict(rule) for rule in bucket.lifecycle_rules]),
            "seconds that deleted objects are kept": bucket.soft_delete_policy.retention_duration_seconds,
            "labels": bucket.labels,
            "origins of pages": rules_of([dict(rule) for rule in bucket.cors]),
            "key": bucket.default_kms_key_name or "",
        }
        return settings, self.grants(should.name)

    def grants(self, name: str, named: str = "bucket") -> frozenset[Grant]:
        """Who may do what with a bucket that a parameter names.

        Raises:
            DeploymentFailed: when there is none of that name.
        """
        from google.api_core.exceptions import NotFound

        bucket = self._client.bucket(name)
        try:
            policy = self._access.patiently(
                lambda: bucket.get_iam_policy(requested_policy_version=WITH_CONDITIONS, timeout=TIMEOUT)
            )
        except NotFound:
            raise DeploymentFailed(f"{named}: there is no bucket {name}") from None
        return flat(policy.bindings)

    def create(self, should: Bucket) -> None:
        """Make the bucket, closed to the public from its first moment.

        Raises:
            DeploymentFailed: when somebody else has that name.
        """
        from google.api_core.exceptions import Conflict, Forbidden

        bucket = self._configured(should)
        if should.key:
            bucket.default_kms_key_name = should.key
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
        bucket = self._configured(should)
        bucket.default_kms_key_name = should.key or None
        self._access.patiently(lambda: bucket.patch(timeout=TIMEOUT))

    def _configured(self, should: Bucket) -> "StorageBucket":
        bucket = self._client.bucket(should.name)
        bucket.iam_configuration.uniform_bucket_level_access_enabled = True
        bucket.iam_configuration.public_access_prevention = "enforced"
        bucket.versioning_enabled = True
        bucket.lifecycle_rules = lifecycle(should.expire_days)
        # Versioning keeps old states already; soft deletion would keep, and charge for, all of them again.
        bucket.soft_delete_policy.retention_duration_seconds = 0
        bucket.labels = should.labels
        bucket.cors = list(should.cors)
        return bucket

    def grant(self, should: Bucket | DataBucket) -> None:
        """Let functions use the bucket, and where it is ours nothing else of it; what others have stays."""
        bucket = self._client.bucket(should.name)

        def once() -> None:
            policy = bucket.get_iam_policy(requested_policy_version=WITH_CONDITIONS, timeout=TIMEOUT)
            policy.version = WITH_CONDITIONS
            too_much = excess(should, flat(policy.bindings)) if isinstance(should, Bucket) else ()
            policy.bindings = changed(policy.bindings, should.grants, too_much)
            bucket.set_iam_policy(policy, timeout=TIMEOUT)

        self._access.patiently(once, conflict_passes=True)

    def held(self, name: str) -> str:
        """What a bucket holds that nothing could bring back, in words; empty where there is none."""
        # Deeper below models/ are older versions of these models.
        models = self._client.list_blobs(name, prefix="models/", delimiter="/", timeout=TIMEOUT)
        uploads = self._client.list_blobs(name, prefix="datasets/", timeout=TIMEOUT)
        return held_in_words(sum(1 for _ in models), sum(1 for _ in uploads))

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
