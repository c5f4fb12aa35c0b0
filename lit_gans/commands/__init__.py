"""The commands beside fit, validate, test and predict, one file each."""

# LightningCLI's subcommands, and ours by the module that has `add_arguments(parser)` and `run(args) -> exit code`.
LIGHTNING = {
    "fit": "train a model from a config",
    "validate": "score a checkpoint on held-out training data",
    "test": "score a checkpoint: table, scores.json, grids",
    "predict": "write pictures to a folder, one for each row of the condition lists",
}
COMMANDS = {
    "sample": "draw pictures from a checkpoint, for conditions given by name or from noise alone",
    "translate": "put the pictures of a folder through a generator of a CycleGAN",
    "interpolate": "draw the pictures between random latents, or between pairs of pictures",
    "edit": "give a picture more or less of an attribute, through the latents of a flow",
    "export": "write a classifier for scoring scripts, a generator without what only training needs, or as ONNX",
    "push": "put a model on the Hugging Face Hub, with a card of how it came to be",
    "data": "check a data set, write it as shards, or render one",
    "configs": "list the configs that come with the package",
    "zoo": "list the trained models that come with the package: names in the place of a checkpoint",
    "playground": "serve a page in the browser where trained models draw",
    "completion": "print a script that completes commands and options in a shell",
}
