"""lit_gans.load: what comes back from a checkpoint, and what is refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch

import lit_gans
from lit_gans.errors import InputError
from lit_gans.models.cdcgan import CDCGAN

Made = tuple[CDCGAN, Path]


@pytest.fixture
def made(
    cdcgan: Callable[..., CDCGAN],
    batches: Callable[..., Any],
    trainer: Callable[..., L.Trainer],
    tmp_path: Path,
) -> Made:
    """A model after three batches, and its checkpoint."""
    model = cdcgan(schedule={"generator": 2}, ema_decay=0.9, betas=(0.4, 0.95))
    L.seed_everything(5, verbose=False)
    run = trainer(max_steps=3)
    run.fit(model, batches(3))
    run.save_checkpoint(tmp_path / "last.ckpt")
    return model, tmp_path / "last.ckpt"


def changed(file: Path, **entries: Any) -> Path:
    checkpoint = torch.load(file, weights_only=True)
    torch.save({**checkpoint, **entries}, file)
    return file


def refused(file: Path, *parts: str, lightning: bool = False) -> None:
    with pytest.raises(InputError) as caught:
        lit_gans.load(file, lightning=lightning)
    assert re.match(f"checkpoint {re.escape(str(file))}: .*" + ".*".join(parts), str(caught.value)), caught.value


class TestRoundTrip:
    def test_every_weight_buffer_and_average_comes_back(self, made: Made) -> None:
        model, file = made
        loaded = lit_gans.load(file, lightning=True)
        assert type(loaded) is CDCGAN
        torch.testing.assert_close(dict(loaded.state_dict()), dict(model.state_dict()), rtol=0, atol=0)
        state = loaded.state_dict()
        assert {"generator.to_rgb.weight", "generator_ema.to_rgb.weight", "discriminator.to_logit.weight"} < set(state)
        assert not torch.equal(state["generator.to_rgb.weight"], state["generator_ema.to_rgb.weight"])

    def test_hyperparameters_and_counters_come_back(self, made: Made) -> None:
        loaded = lit_gans.load(made[1], lightning=True)
        assert dict(loaded.hparams) == dict(made[0].hparams)
        assert loaded.betas == (0.4, 0.95) and loaded.ema_decay == 0.9
        assert (loaded.generator_updates, loaded.discriminator_updates, loaded.images_seen) == (6, 3, 18)
        assert loaded.run_seed == 5

    @pytest.mark.parametrize("lightning", [False, True])
    def test_it_is_in_eval_mode_throughout(self, made: Made, lightning: bool) -> None:
        loaded = lit_gans.load(str(made[1]), lightning=lightning)
        assert not any(module.training for module in loaded.modules())

    def test_without_lightning_it_has_what_draws_alone(self, made: Made) -> None:
        model, file = made
        loaded = lit_gans.load(file)
        assert not isinstance(loaded, L.LightningModule) and loaded.model_name == "CDCGAN"
        assert {name.split(".")[0] for name in loaded.state_dict()} == {"generator", "generator_ema"}
        assert dict(loaded.hparams) == dict(model.hparams) and loaded.hparams.ema_decay == 0.9
        assert loaded.images_seen == 18 and repr(loaded).startswith("CDCGAN(")

    @pytest.mark.parametrize("use_ema", [True, False])
    def test_it_draws_the_pictures_of_the_model_that_was_saved(self, made: Made, use_ema: bool) -> None:
        model, file = made
        names = [["red cube"], ["gray cube", "blue cylinder"]]
        pictures = lit_gans.load(file).sample(names, n=2, seed=3, use_ema=use_ema)
        torch.testing.assert_close(pictures, model.sample(names, n=2, seed=3, use_ema=use_ema))

    def test_a_checkpoint_holds_plain_values_only(self, made: Made) -> None:
        assert set(torch.load(made[1], weights_only=True)["hyper_parameters"]) >= {"width", "schedule", "class_names"}


class TestRefused:
    def test_a_missing_file(self, tmp_path: Path) -> None:
        refused(tmp_path / "none.ckpt", "no such file")

    def test_a_file_that_torch_did_not_write(self, tmp_path: Path) -> None:
        (tmp_path / "file.ckpt").write_text("model:")
        refused(tmp_path / "file.ckpt", "not a readable torch file")

    def test_a_truncated_checkpoint(self, made: Made) -> None:
        made[1].write_bytes(made[1].read_bytes()[:-1000])
        refused(made[1], "not a readable torch file")

    @pytest.mark.parametrize(
        "content",
        [{"model": {}}, {"state_dict": {}, "hyper_parameters": {}, "pytorch-lightning_version": "2.6"}, [1]],
        ids=["course evaluator", "another lightning model", "list"],
    )
    def test_a_file_of_another_program(self, tmp_path: Path, content: Any) -> None:
        torch.save(content, tmp_path / "file.ckpt")
        refused(tmp_path / "file.ckpt", "not written by a model of lit_gans")

    def test_a_class_that_is_not_of_this_package_is_named(self, made: Made) -> None:
        tag = {"model": "MyGAN", "run_seed": 0, "images_seen": 0}
        refused(changed(made[1], lit_gans=tag), "holds a MyGAN", "MyGAN.load_from_checkpoint")

    @pytest.mark.parametrize("name", ["load", "__version__", "GAN"])
    def test_a_name_of_this_package_that_is_no_whole_model(self, made: Made, name: str) -> None:
        tag = {"model": name, "run_seed": 0, "images_seen": 0}
        refused(changed(made[1], lit_gans=tag), f"holds a {name}")

    def test_weights_that_do_not_fit_the_hyperparameters(self, made: Made) -> None:
        wider = {**made[0].hparams, "width": 6}
        refused(changed(made[1], hyper_parameters=wider), "does not fit CDCGAN", "size mismatch")

    def test_missing_weights(self, made: Made) -> None:
        state = dict(torch.load(made[1], weights_only=True)["state_dict"])
        del state["generator.to_rgb.bias"]
        refused(changed(made[1], state_dict=state), "does not fit CDCGAN", "generator.to_rgb.bias")

    def test_hyperparameters_of_another_version(self, made: Made) -> None:
        newer = {**made[0].hparams, "new_option": 1}
        refused(changed(made[1], hyper_parameters=newer), "new_option", lightning=True)

    @pytest.mark.parametrize("lightning", [False, True])
    def test_a_size_that_no_weights_are_there_for_before_there_is_memory_for_it(
        self, made: Made, lightning: bool
    ) -> None:
        huge = {**made[0].hparams, "width": 2**30}
        refused(changed(made[1], hyper_parameters=huge), "does not fit CDCGAN", "made to harm", lightning=lightning)
