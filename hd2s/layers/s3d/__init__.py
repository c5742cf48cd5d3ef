"""S3D, the feature extractor that models share: its network, shapes, fast sweep and released weights."""
