"""What models and scores know of a batch beside its tensors."""

from typing import Any

Batch = dict[str, Any]
# What a data module calls the real images of a test that no training saw; a batch without a name is of them.
HELD_OUT = "held_out"
# Noise of a validation: fixed, so that the curve shows the model and not the noise. The draws of a test start at
# `draw_seed` and never get here.
VALIDATION_SEED = 1_000_000
