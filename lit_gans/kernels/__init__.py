"""Modules equal to torch's own, with the same state dict, that are faster on some CPUs.

Each is a `Kernel`: beside the fast way it holds the plain one, in torch's functions. The environment variable
LIT_GANS_KERNELS=off takes the plain way everywhere. It changes speed, rounding, and which random numbers dropout draws.
"""
