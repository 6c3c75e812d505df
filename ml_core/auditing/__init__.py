"""Who changed what, written down before it is answered."""
