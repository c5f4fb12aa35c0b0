"""torchmetrics metrics of the tasks."""
