"""`lit-gans translate`: which files are read and written, how they look, and what is left alone."""

from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from lit_gans.cli import main
from lit_gans.commands.translate import ORIENTATION
from lit_gans.models.cyclegan import CycleGAN
from lit_gans.networks.cyclegan import ResnetGenerator
from lit_gans.pictures import to_uint8


@pytest.fixture(scope="module")
def model() -> CycleGAN:
    torch.manual_seed(0)
    model = CycleGAN(width=4, blocks=1, discriminator_width=2)
    for generator in (model.generator_a2b, model.generator_b2a):
        for parameter in generator.parameters():
            torch.nn.init.normal_(parameter, 0, 0.3)
    return model


@pytest.fixture(scope="module")
def checkpoint(model: CycleGAN, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "last.ckpt"
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(path)
    return path


@pytest.fixture(scope="module")
def generator_file(model: CycleGAN, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("generator") / "latest_net_G_B.pth"
    torch.save({f"module.{k}": v for k, v in model.generator_b2a.state_dict().items()}, path)
    return path


def picture(height: int, width: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def expected(model: CycleGAN, image: Image.Image, direction: str = "a2b") -> np.ndarray:
    pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None] / 127.5 - 1
    return to_uint8(model.translate(pixels, direction))[0].permute(1, 2, 0).numpy()  # type: ignore[arg-type]


def near(path: Path, pixels: np.ndarray) -> bool:
    """But for the last bit: a batch of another size may be summed in another order."""
    found = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return found.shape == pixels.shape and int(np.abs(found - pixels).max()) <= 1


def translate(*arguments: object) -> int:
    return main(["translate", *map(str, arguments)])


@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_pictures_of_any_size_keep_size_name_and_folder(
    model: CycleGAN, checkpoint: Path, tmp_path: Path, direction: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = {"a.png": (16, 16), "b.bmp": (21, 30), "deep/er/c.PNG": (5, 3)}
    for name, size in sizes.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        picture(*size).save(tmp_path / "in" / name)
    assert translate(checkpoint, tmp_path / "in", tmp_path / "out", "--direction", direction) == 0
    assert capsys.readouterr().out == f"wrote 3 pictures to {tmp_path / 'out'}\n"
    for name, size in sizes.items():
        assert near(tmp_path / "out" / name, expected(model, picture(*size), direction)), name
    assert len([path for path in (tmp_path / "out").rglob("*") if path.is_file()]) == 3


def test_a_generator_file_of_the_authors_translates_its_own_way(
    model: CycleGAN, generator_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    picture(16, 16).save(tmp_path / "in" / "a.png")
    assert translate(generator_file, tmp_path / "in", tmp_path / "out") == 0
    assert near(tmp_path / "out" / "a.png", expected(model, picture(16, 16), "b2a"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_turned_picture_is_translated_upright_and_stays_turned(
    model: CycleGAN, checkpoint: Path, tmp_path: Path, orientation: int, suffix: str
) -> None:
    (tmp_path / "in").mkdir()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    source, target = tmp_path / "in" / f"a{suffix}", tmp_path / "out" / f"a{suffix}"
    ramp = np.zeros((16, 24, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.linspace(0, 255, 24)[None], np.linspace(0, 255, 16)[:, None]
    Image.fromarray(ramp).save(source, exif=exif)
    assert translate(checkpoint, tmp_path / "in", tmp_path / "out") == 0
    written = Image.open(target)
    assert written.size == Image.open(source).size == (24, 16)
    assert written.getexif().get(ORIENTATION, 1) == orientation
    upright = np.asarray(ImageOps.exif_transpose(written).convert("RGB")).astype(int)
    wanted = expected(model, ImageOps.exif_transpose(Image.open(source)))
    assert upright.shape == wanted.shape
    assert np.abs(upright - wanted).mean() < (0.1 if suffix == ".png" else 6)  # JPEG changes the pixels


def test_unreadable_files_are_skipped_and_listed(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    picture(16, 16).save(tmp_path / "in" / "good.png")
    (tmp_path / "in" / "cut.png").write_bytes((tmp_path / "in" / "good.png").read_bytes()[:200])
    (tmp_path / "in" / "notes.txt").write_text("not a picture")
    (tmp_path / "in" / ".hidden").write_text("nor this")
    assert translate(checkpoint, tmp_path / "in", tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "wrote 1 pictures" in out
    assert "skipped 2 files" in out and "\n  cut.png: " in out and "\n  notes.txt: " in out and "hidden" not in out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.png"]


def test_with_nothing_readable_the_exit_code_says_so(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_text("no")
    assert translate(checkpoint, tmp_path / "in", tmp_path / "out") == 1


class TestOverwriting:
    def test_nothing_is_written_if_one_file_exists(
        self, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for folder, names in (("in", "ab"), ("out", "b")):
            (tmp_path / folder).mkdir()
            for name in names:
                picture(16, 16).save(tmp_path / folder / f"{name}.png")
        before = (tmp_path / "out" / "b.png").read_bytes()
        assert translate(checkpoint, tmp_path / "in", tmp_path / "out") == 2
        message = capsys.readouterr().err
        assert "holds 1 of the 2 files to write already, such as b.png" in message
        assert "--resume" in message and "--overwrite" in message
        assert (tmp_path / "out" / "b.png").read_bytes() == before and not (tmp_path / "out" / "a.png").exists()
        assert translate(checkpoint, tmp_path / "in", tmp_path / "out", "--overwrite") == 0
        assert (tmp_path / "out" / "b.png").read_bytes() != before

    def test_an_interrupted_folder_goes_on_where_it_stopped(
        self, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "in").mkdir()
        for i in range(5):
            picture(16, 16, seed=i).save(tmp_path / "in" / f"{i}.png")
        assert translate(checkpoint, tmp_path / "in", tmp_path / "whole") == 0
        original = Image.Image.save

        def stopping(image: Image.Image, *args: object, **options: object) -> None:
            original(image, *args, **options)  # type: ignore[arg-type]
            if len(list((tmp_path / "out").glob("[0-9].png"))) == 2:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Image.Image, "save", stopping)
            assert translate(checkpoint, tmp_path / "in", tmp_path / "out") == 130
        assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["0.png", "1.png"]
        times = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").iterdir()}
        capsys.readouterr()
        for wrote, there in ((3, 2), (0, 5)):
            assert translate(checkpoint, tmp_path / "in", tmp_path / "out", "--resume") == 0
            assert capsys.readouterr().out == f"wrote {wrote} pictures to {tmp_path / 'out'}, {there} were there\n"
        assert all(file.stat().st_mtime_ns == time for file, time in times.items())
        for file in (tmp_path / "whole").iterdir():
            assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes()

    def test_the_source_is_never_the_target(self, checkpoint: Path, tmp_path: Path) -> None:
        picture(16, 16).save(tmp_path / "a.png")
        before = (tmp_path / "a.png").read_bytes()
        assert translate(checkpoint, tmp_path, tmp_path / ".", "--overwrite") == 2
        assert (tmp_path / "a.png").read_bytes() == before

    def test_a_target_within_the_source_is_not_read(self, checkpoint: Path, tmp_path: Path) -> None:
        picture(16, 16).save(tmp_path / "a.png")
        for _ in range(2):
            assert translate(checkpoint, tmp_path, tmp_path / "out", "--overwrite") == 0
        assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png")] in (["a.png", "out/a.png"],)


def test_max_side_makes_larger_pictures_smaller_and_no_others(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, size in (("large.png", (60, 40)), ("small.png", (10, 20))):
        picture(*size).save(tmp_path / "in" / name)
    assert translate(checkpoint, tmp_path / "in", tmp_path / "out", "--max-side", "30") == 0
    assert Image.open(tmp_path / "out" / "large.png").size == (20, 30)
    assert Image.open(tmp_path / "out" / "small.png").size == (20, 10)


def test_a_picture_larger_than_a_tile_goes_through_in_tiles(
    model: CycleGAN, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    picture(50, 90).save(tmp_path / "in" / "a.png")
    seen: list[tuple[int, ...]] = []
    original = ResnetGenerator.forward

    def look(network: ResnetGenerator, image: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(image.shape[-2:]))
        return original(network, image)

    with monkeypatch.context() as patch:
        patch.setattr(ResnetGenerator, "forward", look)
        assert translate(checkpoint, tmp_path / "in", tmp_path / "out", "--tile", "40") == 0
    assert seen == [(40, 40)] * 2 * 3
    assert Image.open(tmp_path / "out" / "a.png").size == (90, 50)
    assert not near(tmp_path / "out" / "a.png", expected(model, picture(50, 90))), "the statistics are a tile's"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        ("nothing", "in: no such folder; IN_DIR"),
        ("empty", "in: holds no files"),
        ("no model", "model .*none.ckpt: no such file"),
        ("target file", "out is a file; OUT_DIR"),
        ("picture", "a.png is a file; IN_DIR is the folder"),
        ("same", "in is IN_DIR too"),
    ],
)
def test_errors_name_the_fault(
    checkpoint: Path, tmp_path: Path, make: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    if make != "nothing":
        (tmp_path / "in").mkdir()
    if make not in ("nothing", "empty"):
        picture(16, 16).save(tmp_path / "in" / "a.png")
    if make == "target file":
        (tmp_path / "out").write_text("mine")
    model = tmp_path / "none.ckpt" if make == "no model" else checkpoint
    source = tmp_path / "in" / "a.png" if make == "picture" else tmp_path / "in"
    assert translate(model, source, tmp_path / ("in" if make == "same" else "out")) == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_checkpoint_of_another_model_is_refused(
    evaluator_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(16, 16).save(tmp_path / "a.png")
    assert translate(evaluator_file, tmp_path, tmp_path / "out") == 2
    assert "expected the state dict of a ResNet generator" in capsys.readouterr().err
