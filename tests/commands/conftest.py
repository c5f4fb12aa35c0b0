"""A trained flow as the commands get it."""

from pathlib import Path

import pytest

from lit_gans.cli import main


@pytest.fixture(scope="session")
def flow_checkpoint(scenes_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a tiny flow of 16x16 px after two batches of rendered scenes, with its config.yaml beside it."""
    runs = tmp_path_factory.mktemp("flow_runs")
    arguments = f"""fit --config flow_iclevr --data.root {scenes_folder} --data.image_size 16 --data.batch_size 8
        --model.levels 2 --model.steps 1 --model.hidden 4 --model.features 4 --model.growth 2 --model.blocks 1
        --trainer.max_steps 2 --trainer.accelerator cpu --trainer.limit_val_batches 1 --wandb off
        --trainer.default_root_dir {runs}"""
    assert main(arguments.split()) == 0
    return runs / "flow_iclevr" / "version_0" / "checkpoints" / "last.ckpt"
