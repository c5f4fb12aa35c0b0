"""Adversarial objectives and gradient penalties: pure functions of tensors."""
