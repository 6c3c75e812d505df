"""What tells others that something happened: a finished job, an alias that moved."""
