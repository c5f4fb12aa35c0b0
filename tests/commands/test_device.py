"""`--device`: what is there, or one line that says what is."""

import pytest
import torch

from lit_gans.cli import main
from lit_gans.commands.device import device_of
from lit_gans.errors import InputError


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_what_is_there(cuda: bool, mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device_of("auto").type == expected
    assert device_of("cpu").type == "cpu"
    for name, is_there in (("cuda", cuda), ("mps", mps)):
        if is_there:
            assert device_of(name).type == name
        else:
            with pytest.raises(InputError, match=f"--device {name}: torch finds none here; give .*cpu, or auto"):
                device_of(name)


def test_an_unknown_device_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["sample", "x.ckpt"], ["translate", "x.ckpt", "a", "b"], ["interpolate", "x.ckpt"]):
        assert main([*command, "--device", "gpu"]) == 2
        assert "argument --device: invalid choice: 'gpu' (choose from" in capsys.readouterr().err
