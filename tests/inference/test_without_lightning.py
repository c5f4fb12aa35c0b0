"""Whoever draws waits for torch and for nothing else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.inference.conftest import OLD

# packages and modules whose import takes seconds, or is a training's
HEAVY = ("lightning", "torchmetrics", "jsonargparse", "matplotlib", "torchvision", "torch._dynamo", "torch._inductor")
CODE = f"""
import json, sys
import lit_gans
from lit_gans.cli import main

for arguments in json.loads(sys.argv[1]):
    assert main(arguments) == 0, arguments
for file in json.loads(sys.argv[2]):
    lit_gans.load(file)
heavy = [name for name in sys.modules if any(name == each or name.startswith(each + ".") for each in {HEAVY})]
assert "torch" in sys.modules and not heavy, heavy[:5]
"""


def test_the_commands_that_draw_import_torch_alone(
    trained_files: dict[str, Path], scenes_folder: Path, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (24, 24), (200, 160, 120)).save(pictures / name)
    files = {name: str(file) for name, file in trained_files.items()}
    flow = tmp_path / "flow.ckpt"
    shutil.copy(trained_files["flow"], flow)
    shutil.copy(OLD / "flow.yaml", tmp_path)  # it says what the data are
    data = ["--data-root", str(scenes_folder)]
    images = ["--image", str(pictures / "a.png"), "--image", str(pictures / "b.png")]
    commands = [
        ["sample", files["conditional_gan_objects"], "--condition", "red cube", "--labels"],
        ["sample", files["dcgan"], "--n", "2", "--individual", "each"],
        ["sample", files["flow_with_attention"], "--condition", "red cube", "--n", "1"],
        ["interpolate", files["flow"], *images, "--steps", "2"],
        ["interpolate", str(flow), *data, "--pairs", "1", "--steps", "2"],
        ["edit", str(flow), *data, *images, "--attribute", "red cube", "--steps", "2", "--examples", "40"],
        ["translate", files["cyclegan"], str(pictures), "translated"],
        ["export", "generator", files["flow"], "exported.ckpt"],
        ["data", "check", "folder", str(pictures)],
        ["export", "evaluator", files["evaluator"], "evaluator.pth"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(commands), json.dumps(list(files.values()))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
