"""benchmarks/sampling_speed.py: every model draws the conditions of one list, in turns."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from lit_gans.files import sha256

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    import sampling_speed

    return sampling_speed


def test_the_speed_is_the_median_of_the_rounds(script: ModuleType, scenes_folder: Path, tmp_path: Path) -> None:
    name, file = "conditional_gan_iclevr", REPOSITORY / "weights" / "conditional_gan_iclevr.safetensors"
    options = ["--data", str(scenes_folder), "--rounds", "3", "--out", str(tmp_path / "speed.json")]
    script.main([name, str(file), *options])
    content = json.loads((tmp_path / "speed.json").read_text())
    asked = len(json.loads((scenes_folder / "new_test.json").read_text()))
    assert content["pictures"] == asked
    assert content["models"].keys() == {name, str(file)}
    for key, entry in content["models"].items():
        middle = sorted(row[key] for row in content["cpu_seconds"])[1]
        assert entry["pictures_per_second"] == pytest.approx(asked / middle, rel=0.01)
        assert entry["sha256"] == sha256(file)
        assert entry["model"] == "ConditionalGAN" and entry["parameters"] > 0
