"""Complete recoveries: hold-out selection, stacking, inpainting."""
