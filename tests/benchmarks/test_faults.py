"""What kill -9 leaves behind, with few kills; `benchmarks/faults.py` has more."""

import json
import os
import time
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import faults

    return faults


def test_a_torn_file_is_found_and_a_temporary_one_does_not_count(faults: ModuleType, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), "red").save(tmp_path / "a.png")
    torch.save({"state_dict": {"w": torch.ones(9)}}, tmp_path / "a.ckpt")
    assert faults.torn(tmp_path) == []
    for name in ("a.png", "a.ckpt"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / f"cut_{name}").write_bytes(whole[: len(whole) // 2])
        (tmp_path / f".{name}").write_bytes(b"half")
    (tmp_path / "last.tmp").write_bytes(b"half")
    (tmp_path / "a.json").write_text("{")
    assert [fault.split(":")[0] for fault in faults.torn(tmp_path)] == ["a.json", "cut_a.ckpt", "cut_a.png"]


def test_a_process_is_killed_while_it_runs_or_was_done(faults: ModuleType) -> None:
    assert faults.killed(lambda: time.sleep(60), 0.05)
    assert not faults.killed(lambda: None, 1.0)


def test_checkpoints_differ_where_a_value_does(faults: ModuleType) -> None:
    one = {"state_dict": {"w": torch.ones(2)}, "optimizer_states": [{"m": torch.zeros(1)}]}
    assert faults.difference(one, one) is None
    assert faults.difference(one, {**one, "state_dict": {"w": torch.tensor([1.0, 1.0 + 1e-7])}}) == "state_dict.w"


@pytest.mark.slow
def test_nothing_is_lost_to_kills(faults: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "faults.json"
    assert faults.main(["--kills", "3", "--seed", "1", "--out", str(out)]) == 0, capsys.readouterr().out
    found = json.loads(out.read_text())["commands"]
    assert found.keys() == set(faults.COMMANDS) and sum(outcome["kills"] for outcome in found.values()) > 5
