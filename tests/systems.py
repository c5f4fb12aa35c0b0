"""Every config that is a complete run: the fixture that is its data folder, and the options that make it tiny."""

import re

from lit_gans.configs import find_config

TINY_CONDITIONAL_GAN = "--data.image_size 16 --model.width 16 --model.discriminator_width 4"
TINY_GAN = "--data.image_size 16 --model.width 4 --model.discriminator_width 4"
TINY_CYCLEGAN = "--data.image_size 24 --model.width 2 --model.blocks 1 --model.discriminator_width 2"
TINY_CYCLEGAN += " --model.pool_size 5"
TINY_FLOW = "--model.levels 2 --model.steps 1 --model.hidden 4 --model.features 4 --model.growth 2 --model.blocks 1"

TINY_FLOW_MATCHING = "--data.image_size 16 --model.width 16 --model.levels 2 --model.blocks 1 --model.steps 1"

SYSTEM: dict[str, tuple[str, str]] = {
    "cdcgan_iclevr": ("scenes_folder", "--data.image_size 16 --model.width 2"),
    "evaluator_iclevr": ("scenes_folder", "--data.image_size 32 --model.width 4"),
    "evaluator_celeba": (
        "celeba_folder",
        "--data.image_size 32 --model.width 4 --data.attributes null --data.val_fraction 0.3",
    ),
    "evaluator_horse2zebra": ("animals_folder", "--data.image_size 32 --model.width 4 --data.val_fraction 0.3"),
    "evaluator_iclevr_b": ("scenes_folder", "--data.image_size 32 --model.width 4"),
    "conditional_gan_iclevr": ("scenes_folder", f"{TINY_CONDITIONAL_GAN} --model.patch_size 8"),
    "conditional_gan_celeba": ("celeba_folder", f"{TINY_CONDITIONAL_GAN} --data.attributes null"),
    "conditional_gan_anime": ("faces_folder", TINY_CONDITIONAL_GAN),
    "cyclegan_horse2zebra": ("animals_folder", f"{TINY_CYCLEGAN} --data.load_size 26"),
    "cyclegan_horse2zebra_cpu": (
        "animals_folder",
        f"{TINY_CYCLEGAN} --data.load_size 30 --data.eval_size 30 --model.warm_start 1 --model.projected 32",
    ),
    "cyclegan_horse2zebra_cpu_whole": (
        "animals_folder",
        f"{TINY_CYCLEGAN} --data.load_size 26 --model.projected 32",
    ),
    "demo/cyclegan_animals": ("animals_folder", TINY_CYCLEGAN),
    "flow_iclevr": ("scenes_folder", f"--data.image_size 16 {TINY_FLOW}"),
    "flow_iclevr_layout": (
        "scenes_folder",
        f"--data.image_size 16 {TINY_FLOW} --model.steps [1,0] --model.attention 1 --model.attention_width 32",
    ),
    "flow_celeba": (
        "celeba_folder",
        f"--data.image_size 16 --data.attributes null --data.val_fraction 0.3 {TINY_FLOW}",  # 7 of 24 held out
    ),
    "flow_celeba_attention": (
        "celeba_folder",
        f"--data.image_size 16 --data.attributes null --data.val_fraction 0.3 {TINY_FLOW} --model.steps [1,0] "
        "--model.attention 1 --model.attention_width 32",
    ),
    "flow_matching_iclevr": ("scenes_folder", TINY_FLOW_MATCHING),
    "demo/flow_matching_iclevr": ("scenes_folder", TINY_FLOW_MATCHING),
    "demo/flow_iclevr": ("scenes_folder", f"--data.image_size 16 {TINY_FLOW}"),
    **{
        f"{name}_anime": ("faces_folder", "--data.image_size 16 --model.width 4 --data.val_fraction 0.25")
        for name in ("dcgan", "lsgan", "wgan", "wgan_gp")
    },
    "gan": ("pictures_folder", TINY_GAN),
    "gan_anime": ("faces_folder", f"{TINY_GAN} --data.val_fraction 0.25"),
    "tag_dcgan_anime": ("faces_folder", "--data.image_size 16 --model.width 2"),
    "evaluator_anime_tags": ("faces_folder", "--data.image_size 32 --model.width 4"),
    "dcgan_cifar10": ("cifar10_folder", "--data.image_size 16 --model.width 4"),
    "wgan_gp_cifar10": ("cifar10_folder", "--data.image_size 16 --model.width 4"),
    "dcgan": ("pictures_folder", "--data.image_size 16 --model.width 4"),
    "conditional_gan": ("pictures_folder", TINY_CONDITIONAL_GAN),
    "flow": ("pictures_folder", f"--data.image_size 16 {TINY_FLOW}"),
    "cyclegan": ("animals_folder", f"{TINY_CYCLEGAN} --data.load_size 26"),
    "demo/conditional_gan_iclevr": ("scenes_folder", TINY_CONDITIONAL_GAN),
    "demo/evaluator_iclevr": ("scenes_folder", "--data.image_size 32 --model.width 4"),
}


def config_of(model: str) -> str:
    """The config of this model's own, on real data.

    Raises:
        LookupError: a model of the registry that no config here trains.
    """
    line = re.compile(rf"class_path: [\w.]+\.{model}$", re.MULTILINE)
    for name in SYSTEM:
        if "/" not in name and line.search(find_config(name).read_text()):
            return name
    raise LookupError(f"{model}: no config in configs/ trains it, or SYSTEM does not say how to make that tiny")
