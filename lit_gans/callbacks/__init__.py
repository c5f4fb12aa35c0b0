"""Lightning callbacks and loggers: speed, progress, curves, Weights & Biases."""
