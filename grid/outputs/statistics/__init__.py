"""What may be concluded from scores: intervals, tests, corrections and ranks; free of files and tables."""
