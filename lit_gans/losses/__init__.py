"""Adversarial objectives: pure functions of tensors."""
