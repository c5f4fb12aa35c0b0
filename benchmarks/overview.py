"""Puts committed grids of four systems side by side: docs/pictures/four_systems.png, the picture of README.

python benchmarks/overview.py
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

REPOSITORY = Path(__file__).parent.parent
OUT = REPOSITORY / "docs" / "pictures" / "four_systems.png"
SIDE, CELL, GAP, TEXT = 4, 64, 2, 15
# caption, and a grid of cells of 64 px, of which the first four of the first four rows are shown
PANELS = (
    ("conditional GAN: objects", "weights/conditional_gan_iclevr.png"),
    ("normalizing flow: objects", "benchmarks/runs/flow_iclevr_layout/2026-11-28-bf3b91a/new_test.png"),
    ("conditional GAN: hair and eyes", "weights/conditional_gan_anime.png"),
    ("CycleGAN: stripes on, stripes off", "weights/cyclegan_animals.png"),
)


def panel(file: Path) -> Image.Image:
    side = SIDE * (CELL + GAP) + GAP
    return Image.open(file).convert("RGB").crop((0, 0, side, side))


def main() -> None:
    panels = [(caption, panel(REPOSITORY / file)) for caption, file in PANELS]
    width = panels[0][1].width
    space, top = 12, TEXT + 10
    page = Image.new("RGB", (len(panels) * (width + space) - space, top + width), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(TEXT)
    for i, (caption, picture) in enumerate(panels):
        left = i * (width + space)
        draw.text((left + width / 2, top / 2), caption, "black", font, anchor="mm")
        page.paste(picture, (left, top))
    page.quantize(256).save(OUT, optimize=True)
    print(f"wrote {OUT.relative_to(REPOSITORY)}, {OUT.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
