"""What is asked for: settings, grids, tables, and the numbers that the papers print."""
