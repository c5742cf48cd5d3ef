"""Building blocks that several models share, in the form that trains and in the form that predicts."""
