"""Models by name: versions, aliases, and how an alias shares its traffic."""
