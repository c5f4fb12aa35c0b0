"""Straight paths from noise to images."""

import torch

from lit_gans.losses.flow_matching import logit_normal, on_the_path, velocity_loss


def test_a_path_starts_at_the_noise_ends_at_the_image_and_its_velocity_is_their_difference() -> None:
    image, noise = torch.rand(3, 2, 4, 4), torch.randn(3, 2, 4, 4)
    x, velocity = on_the_path(image, noise, torch.tensor([0.0, 0.25, 1.0]))
    torch.testing.assert_close(x, torch.stack([noise[0], noise[1] + (image[1] - noise[1]) / 4, image[2]]))
    assert torch.equal(velocity, image - noise)


def test_times_are_the_logistic_of_normal_numbers() -> None:
    torch.testing.assert_close(logit_normal(torch.tensor([0.0, 1.0, -1.0])), torch.tensor([0.5, 0.7310586, 0.2689414]))


def test_the_loss_is_the_mean_square_in_float32() -> None:
    loss = velocity_loss(torch.full((2, 1, 2, 2), 3.0, dtype=torch.bfloat16), torch.ones(2, 1, 2, 2))
    assert loss.dtype == torch.float32 and loss.item() == 4.0
