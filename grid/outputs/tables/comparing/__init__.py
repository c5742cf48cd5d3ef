"""What follows from setting the approaches of a table side by side: differences, recovered gaps, ranks."""
