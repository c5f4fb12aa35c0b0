"""LightningModules: which networks, which loss, which schedule. gan.py holds THE training step."""
