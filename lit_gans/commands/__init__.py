"""One file a command: what `lit-gans NAME` does beside fit, validate, test and predict."""
