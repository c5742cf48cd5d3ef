"""One file for each thing that a user may ask of a grid."""
