"""What a discriminator is pipe of images, and how that changes with the run."""

import pytest
import torch

from lit_gans.errors import InputError
from lit_gans.training.augment_pipe import AugmentPipe, with_noise


class TestInputNoise:
    def test_it_has_its_standard_deviation_and_is_fresh_for_each_value(self) -> None:
        noise = with_noise(torch.ones(10, 10_000), 0.5) - 1
        assert abs(noise.std().item() - 0.5) < 0.01 and abs(noise.mean().item()) < 0.01
        assert noise.unique().numel() > 90_000

    def test_none_gives_back_the_image(self) -> None:
        image = torch.randn(3)
        assert with_noise(image, 0.0) is image

    def test_a_negative_one_is_refused(self) -> None:
        with pytest.raises(InputError, match=r"input_noise is -0\.1"):
            AugmentPipe(None, 1.0, 1.0, -0.1)


def test_noise_falls_linearly_to_0_and_changes_end_with_their_share_of_the_run() -> None:
    pipe = AugmentPipe(["cutout"], share=0.75, until=0.5, noise=0.8)
    found: list[float] = []
    for progress in (0.0, 0.25, 0.5, 1.0):
        pipe.at(progress)
        found += [pipe.noise_now, pipe.share_now]
    assert found == pytest.approx([0.8, 0.75, 0.6, 0.75, 0.4, 0.0, 0.0, 0.0])
    image = torch.randn(2, 3, 8, 8)
    assert torch.equal(pipe(image), image)


@pytest.mark.parametrize(
    ("until", "noise", "names"),
    [(1.0, 0.0, []), (0.5, 0.0, ["augment_until"]), (0.5, 0.1, ["input_noise", "augment_until"])],
)
def test_what_depends_on_the_length_of_the_run_needs_an_end(until: float, noise: float, names: list[str]) -> None:
    assert AugmentPipe(None, 1.0, until, noise).scheduled_options() == names
