"""What stands below a table: what its numbers are, which are special, what departs from the papers."""
