"""Classical inpainting methods, one module per method or family: what a learned recovery has to beat."""
