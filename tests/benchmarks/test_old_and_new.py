"""benchmarks/old_and_new.py: two checkouts in turns. What a run logs is made up here; that a run logs it is tested with
the others."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    import old_and_new

    return old_and_new


def test_each_checkout_trains_in_turn_and_ratios_are_taken_within_a_round(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = {"old": iter([10.0, 40.0]), "new": iter([20.0, 20.0])}
    started: list[str] = []

    def logs(command: Sequence[str], environment: Mapping[str, str]) -> None:
        checkout = Path(environment["PYTHONPATH"]).name
        options = dict(part.removeprefix("--").split("=", 1) for part in command if part.startswith("--"))
        assert (options["config"], options["data.root"]) == ("dcgan_anime", str(tmp_path / "anime"))
        started.append(checkout)
        warm_up, timed = 999, next(rates[checkout])
        text = f"step,images_per_second\n1,\n2,{warm_up}\n4,{timed}\n"
        (Path(options["trainer.default_root_dir"]) / "metrics.csv").write_text(text)

    for name in ("old", "new"):
        (tmp_path / name / "lit_gans").mkdir(parents=True)
    monkeypatch.setattr(script, "run", logs)
    monkeypatch.setattr(script, "commit", lambda checkout: f"commit of {checkout.name}")
    out = tmp_path / "out.json"
    folders = [str(tmp_path / "old"), str(tmp_path / "new"), "--data", str(tmp_path), "--out", str(out)]
    script.main([*folders, "--systems", "dcgan_anime", "--batches", "2"])
    content = json.loads(out.read_text())
    assert started == ["old", "new", "new", "old"]
    assert content["commits"] == {"old": "commit of old", "new": "commit of new"}
    assert content["systems"]["dcgan_anime"] == {
        "rounds": [{"old": 10, "new": 20}, {"old": 40, "new": 20}],
        "new/old": 1.25,
    }


def test_every_config_is_there_and_what_cannot_be_measured_is_refused(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert all((REPOSITORY / "configs" / f"{name}.yaml").is_file() for name in script.SYSTEMS)
    assert script.OPTIONS.keys() <= script.SYSTEMS.keys()
    given = [str(tmp_path), str(REPOSITORY), "--data", str(tmp_path), "--out", str(tmp_path / "a.json")]
    for more, told in ((["--batches", "3"], "multiple of --warmup"), ([], "lit_gans: no such folder")):
        with pytest.raises(SystemExit):
            script.main([*given, *more])
        assert told in capsys.readouterr().err
