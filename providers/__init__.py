"""Everything a cloud is: where its storage, queue and secrets are, how to deploy to it. One folder per cloud."""
