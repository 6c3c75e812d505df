"""Pictures as callers send them and as training files hold them, decoded alike: by zlib and numpy."""
