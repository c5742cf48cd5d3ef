"""Ray, started on this machine or joined where it runs, and what the machines of a cluster have."""
