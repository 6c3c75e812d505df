"""What a developer's machine does about the laptop: deploying, and the keys of callers."""
