"""What to run and where: specs, plan, sweep, workers, results, tracking, tables."""
