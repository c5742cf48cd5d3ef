"""HD2S, hierarchical decoding for dynamic saliency (Bellitto et al., IJCV 2021)."""
