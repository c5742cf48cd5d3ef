"""One training: what it reads, its loop, and its saved states."""
