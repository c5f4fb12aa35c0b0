"""benchmarks/layouts.py: four ways to lay out the same conditions."""

import json
from pathlib import Path
from types import ModuleType

import lightning as L
import pytest
import torch

from data_modules.iclevr import ICLEVR
from lit_gans.models.flow import ConditionalFlow

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "layouts.py"
NAN = torch.nan


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import layouts

    return layouts


def test_a_picture_of_the_same_shapes_hands_each_place_to_its_shape(script: ModuleType) -> None:
    """Classes 0 and 1 have one shape, class 2 another; of the two training pictures one has the asked shapes."""
    place = torch.tensor([[[0.1, 0.2], [NAN, NAN], [0.3, 0.4]], [[0.5, 0.5], [0.6, 0.6], [NAN, NAN]]])
    training = script.Placed(torch.tensor([[1.0, 0, 1], [1, 1, 0]]), place)
    asked = torch.tensor([[0.0, 1, 1], [0, 0, 1]])
    found = script.of_same_shapes(asked, training, torch.tensor([0, 0, 1]), torch.Generator())
    expected = torch.tensor([[[NAN, NAN], [0.1, 0.2], [0.3, 0.4]], [[NAN, NAN]] * 3])
    torch.testing.assert_close(found, expected, equal_nan=True)


def test_near_is_the_share_of_pictures_of_several_objects_with_two_close_ones(script: ModuleType) -> None:
    label = torch.tensor([[1.0, 1, 0], [1, 1, 1], [1, 0, 0]])
    place = torch.tensor(
        [[[0.0, 0], [5 / 64, 0], [NAN, NAN]], [[0.0, 0], [0.5, 0], [0, 0.5]], [[0, 0], *[[NAN] * 2] * 2]]
    )
    assert script.near(label, place, apart=6) == 0.5
    assert script.near(label, place, apart=4) == 0


def test_each_way_is_drawn_and_scored(
    script: ModuleType, scenes_folder: Path, evaluator_file: Path, tmp_path: Path
) -> None:
    data = ICLEVR(str(scenes_folder), image_size=16, batch_size=4, places=True)
    tiny = {"image_size": 16, "levels": 1, "steps": 1, "hidden": 4, "features": 4, "split": False, "layout": True}
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = L.Trainer(max_steps=2, accelerator="cpu", enable_model_summary=False, **quiet)  # type: ignore[arg-type]
    trainer.fit(ConditionalFlow(class_names=data.class_names, **tiny), data)  # type: ignore[arg-type]
    trainer.save_checkpoint(tmp_path / "flow.ckpt")
    out = tmp_path / "layouts.json"
    arguments = [str(tmp_path / "flow.ckpt"), "--data", str(scenes_folder), "--evaluator", str(evaluator_file)]
    script.main([*arguments, "--out", str(out)])
    facts = json.loads(out.read_text())
    assert [row["places"] for row in facts["rows"]] == ["own", "kept", "shapes", "alone"]
    assert all(0 <= row["score"] <= 1 and 0 <= row["near"] <= 1 for row in facts["rows"])
    assert facts["conditions"] > 0


def test_a_flow_that_is_told_no_places_is_refused(script: ModuleType, evaluator_file: Path) -> None:
    with pytest.raises(SystemExit, match=r"told no places; train one with --model\.layout true"):
        script.main(["flow_faces", "--data", "nowhere", "--evaluator", str(evaluator_file)])
