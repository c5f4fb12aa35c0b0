"""WGAN-GP: the report's DCGAN networks under the Wasserstein objective, the critic's gradient penalised."""

from collections.abc import Sequence
from typing import Any

from lit_gans.losses.adversarial import ObjectiveName
from lit_gans.models.dcgan import DCGAN
from lit_gans.models.wgan import FIVE_CRITIC_STEPS
from lit_gans.networks.norms import NormName
from lit_gans.training.penalty import PenaltyConfig
from lit_gans.training.schedule import Schedule

WGAN_GP: PenaltyConfig = {"where": "line", "target": "one", "weight": 10.0}


class WGANGP(DCGAN):
    """WGAN-GP with the settings of Gulrajani et al. 2017: penalty weight 10, five critic steps a generator step, Adam
    1e-4 with betas (0, 0.9), layer norm in the critic where the DCGAN has BatchNorm, no dropout.

    Args:
        image_size, norm, dropout, objective, schedule, penalties, lr_generator, lr_discriminator, betas: see DCGAN and
            GAN; norm "batch" is refused, as it mixes the images whose gradients are penalised.
        others: the other hyperparameters of DCGAN.
    """

    def __init__(
        self,
        image_size: int = 64,
        norm: NormName = "layer",
        dropout: float = 0.0,
        objective: ObjectiveName = "wgan",
        schedule: Schedule | None = None,
        penalties: Sequence[PenaltyConfig] | None = (WGAN_GP,),
        lr_generator: float = 1e-4,
        lr_discriminator: float = 1e-4,
        betas: tuple[float, float] = (0.0, 0.9),
        **others: Any,
    ) -> None:
        super().__init__(
            image_size=image_size,
            norm=norm,
            dropout=dropout,
            objective=objective,
            schedule=FIVE_CRITIC_STEPS if schedule is None else schedule,
            penalties=penalties,
            lr_generator=lr_generator,
            lr_discriminator=lr_discriminator,
            betas=betas,
            **others,
        )
