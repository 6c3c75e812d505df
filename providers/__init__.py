"""Everything a cloud is: its storage, queue and secrets, and how to deploy to it. One folder per cloud."""
