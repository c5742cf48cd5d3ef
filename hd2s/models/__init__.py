"""The models, one file or folder each, and what every model offers."""
