"""`generate` for CUDA: fused and in half precision."""
