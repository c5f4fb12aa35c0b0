"""LightningDataModules and what they are made of. Knows files and tensors; knows no model."""
