"""The REST contract: a request in, an answer out; no cloud is known here."""
