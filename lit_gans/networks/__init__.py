"""Plain torch networks: images, latents and conditions in; tensors out. No Lightning, no losses."""
