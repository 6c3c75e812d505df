"""What a developer's machine does, whatever the cloud: plan, verbs, packages, keys, models as functions."""
