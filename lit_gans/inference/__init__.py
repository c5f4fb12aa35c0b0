"""Trained models in use: they draw, encode, translate and classify. Plain torch, which the LightningModules use too."""
