"""`lit-gans playground`: a page in the browser where trained models draw.

Only `controls`, `tabs`, `page` and `serve` import Gradio.
"""
