"""What a developer's machine does about AWS: deploying, and the keys of callers."""
