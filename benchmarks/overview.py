"""Puts committed grids of four systems side by side: docs/pictures/four_systems.png, the picture of README.

python benchmarks/overview.py
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

REPOSITORY = Path(__file__).parent.parent
OUT = REPOSITORY / "docs" / "pictures" / "four_systems.png"
SIDE, CELL, GAP, TEXT = 4, 64, 2, 15
# caption, grid, its cells' height and width, and the cells that are shown, (row, column) of the first of each panel row
PANELS = (
    ("conditional GAN: objects", "weights/conditional_gan_iclevr.png", 64, [(i, 0) for i in range(4)]),
    (
        "normalizing flow: objects",
        "benchmarks/runs/flow_iclevr_layout/2026-11-28-bf3b91a/new_test.png",
        64,
        [(0, 0), (1, 0), (2, 0), (3, 0)],
    ),
    ("conditional GAN: hair and eyes", "docs/pictures/conditional_gan_anime_even.png", 32, [(i, 0) for i in range(4)]),
    ("CycleGAN: stripes on, stripes off", "docs/pictures/cyclegan_animals.png", 64, [(0, 0), (1, 0), (3, 0), (4, 0)]),
)


def panel(file: Path, size: int, starts: list[tuple[int, int]]) -> Image.Image:
    """Four rows of four neighbouring cells of a grid, at CELL px each."""
    grid = Image.open(file).convert("RGB")
    if size < CELL:  # such a grid is kept at twice its size
        grid = grid.reduce(2)
    side = SIDE * (CELL + GAP) + GAP
    picture = Image.new("RGB", (side, side), "white")
    for i, (row, first) in enumerate(starts):
        for j in range(SIDE):
            left, top = (GAP + n * (size + GAP) for n in (first + j, row))
            cell = grid.crop((left, top, left + size, top + size)).resize((CELL, CELL), Image.Resampling.NEAREST)
            picture.paste(cell, (GAP + j * (CELL + GAP), GAP + i * (CELL + GAP)))
    return picture


def main() -> None:
    panels = [(caption, panel(REPOSITORY / file, size, starts)) for caption, file, size, starts in PANELS]
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
