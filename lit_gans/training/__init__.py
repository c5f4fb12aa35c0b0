"""What a training step is made of: update schedule, EMA, seeds, precision, augmentation."""
