"""When to log."""

import lightning as L


def is_logged_step(trainer: L.Trainer) -> bool:
    """After the counted step: whether Lightning hands this batch to the loggers, every `log_every_n_steps` batches."""
    every: int = getattr(trainer, "log_every_n_steps", 0)  # 0 in barebones runs
    return every > 0 and trainer.global_step % every == 0
