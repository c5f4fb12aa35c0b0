"""The conditional normalizing flow: bijections, what the label tells them, and the flow built from them."""
