"""The scores of a model's images, taken by a callback that sees a model through `preview` and `translate`."""
