"""What a user sees while a grid runs, before it and after it."""
