"""One training's iterations, whatever the model and the approach."""
