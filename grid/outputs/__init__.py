"""What a grid has found, for people: tables, and all of it gathered for a paper."""
