"""Training loops as users write them: fp32, Adam as it comes, a fresh batch of fakes for each loss, the losses read
after each batch. They use a model's networks, without the kernels, its numbers and `augment`, and nothing else of its
training code."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from lit_gans.models.cdcgan import CDCGAN
from lit_gans.models.conditional_gan import ConditionalGAN
from lit_gans.models.cyclegan import CycleGAN
from lit_gans.models.dcgan import DCGAN
from lit_gans.models.flow import ConditionalFlow
from lit_gans.models.gan import GAN
from lit_gans.networks.flow.bijections import Chain, Mixing
from lit_gans.training.augment import augment

Work = Callable[..., None]


def networks_of(model: GAN) -> tuple[Any, Any]:
    return model.generator, model.discriminator


def adams(model: GAN) -> tuple[torch.optim.Adam, torch.optim.Adam]:
    networks = zip((model.generator, model.discriminator), model.learning_rates, strict=True)
    generator, discriminator = (torch.optim.Adam(n.parameters(), lr, model.betas) for n, lr in networks)
    return generator, discriminator


def cdcgan(model: CDCGAN) -> Work:
    """Report 003: a discriminator update, then four of the generator, whose gradients also reach the discriminator's
    weights (nothing freezes them) until its next zero_grad."""
    return bce(model, generator_updates=4)


def dcgan(model: DCGAN) -> Work:
    """Report 000: one update of each."""
    return bce(model, generator_updates=1)


def bce(model: GAN, generator_updates: int) -> Work:
    generator, discriminator = networks_of(model)
    optimizer_g, optimizer_d = adams(model)
    criterion = nn.BCEWithLogitsLoss()
    log = []

    def step(images: Tensor, *condition: Tensor) -> None:
        real = torch.ones(len(images), device=images.device)
        fake = torch.zeros(len(images), device=images.device)

        optimizer_d.zero_grad()
        generated = generator(torch.randn(len(images), model.latent_dim, device=images.device), *condition)
        loss_real = criterion(discriminator(images, *condition), real)
        loss_fake = criterion(discriminator(generated.detach(), *condition), fake)
        loss_d = loss_real + loss_fake
        loss_d.backward()
        optimizer_d.step()

        for _ in range(generator_updates):
            optimizer_g.zero_grad()
            generated = generator(torch.randn(len(images), model.latent_dim, device=images.device), *condition)
            loss_g = criterion(discriminator(generated, *condition), real)
            loss_g.backward()
            optimizer_g.step()
        log.append((loss_d.item(), loss_g.item()))

    return step


def wgan_gp(model: DCGAN) -> Work:
    """Gulrajani et al. 2017, algorithm 1: a critic update a batch, one of the generator after every fifth."""
    generator, critic = networks_of(model)
    optimizer_g, optimizer_c = adams(model)
    log = []

    def step(images: Tensor) -> None:
        optimizer_c.zero_grad()
        fake = generator(torch.randn(len(images), model.latent_dim, device=images.device)).detach()
        share = torch.rand(len(images), 1, 1, 1, device=images.device)
        between = (share * images + (1 - share) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
        loss = critic(fake).mean() - critic(images).mean() + 10 * penalty
        loss.backward()
        optimizer_c.step()
        log.append(loss.item())

        if len(log) % 5 == 0:
            optimizer_g.zero_grad()
            loss = -critic(generator(torch.randn(len(images), model.latent_dim, device=images.device))).mean()
            loss.backward()
            optimizer_g.step()

    return step


def conditional_gan(model: ConditionalGAN) -> Work:
    """Relativistic pairs, an auxiliary cross-entropy on both sides, R1 in every eighth discriminator update; the
    discriminator sees part of the images changed, drawn anew for each loss."""
    generator, discriminator = networks_of(model)
    optimizer_g, optimizer_d = adams(model)
    log = []

    def shown(images: Tensor) -> Tensor:
        return augment(images, model.augment.names, model.augment.share)

    def step(images: Tensor, condition: Tensor) -> None:
        optimizer_d.zero_grad()
        fake = generator(torch.randn(len(images), model.latent_dim, device=images.device), condition).detach()
        real = shown(images)
        real_logits, classes = discriminator.judge(real, condition)
        fake_logits = discriminator(shown(fake), condition)
        loss_d = softplus(fake_logits - real_logits).mean()
        loss_d = loss_d + 10 * binary_cross_entropy_with_logits(classes, condition)
        if len(log) % 8 == 0:
            real = real.detach().requires_grad_()
            logits = discriminator(real, condition)
            (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
            loss_d = loss_d + 0.5 * gradient.square().sum((1, 2, 3)).mean()
        loss_d.backward()
        optimizer_d.step()

        optimizer_g.zero_grad()
        fake = generator(torch.randn(len(images), model.latent_dim, device=images.device), condition)
        fake_logits, classes = discriminator.judge(shown(fake), condition)
        real_logits = discriminator(shown(images), condition)
        loss_g = softplus(real_logits - fake_logits).mean()
        loss_g = loss_g + 10 * binary_cross_entropy_with_logits(classes, condition)
        loss_g.backward()
        optimizer_g.step()
        log.append((loss_d.item(), loss_g.item()))

    return step


def plain_layers(network: nn.Module) -> nn.Module:
    """The network with ActNorm and 1x1 convolution apart, as a user writes them down; it is changed itself."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, Mixing):
                setattr(parent, name, Chain([child.norm, child.conv]).train(child.training))
    return network


def flow(model: ConditionalFlow) -> Work:
    """Negative log-likelihood of dequantized, or noisy, images, in bits a value; the gradient's norm limited to 1."""
    network: Any = plain_layers(model.flow)
    optimizer = torch.optim.Adam(network.parameters(), model.lr, model.betas)
    levels = 2**model.bits
    log: list[float] = []

    def step(images: Tensor, condition: Tensor) -> None:
        if model.noise:
            x = (images + model.noise * torch.randn_like(images)) * 255 / 512
        else:
            cells = ((images + 1) / 2 * 255 / (256 / levels)).floor()
            x = (cells + torch.rand_like(cells)) / levels - 0.5
        kept = torch.rand(len(x), device=x.device) > model.condition_drop
        # any places take the same time
        label = model.with_objects(condition, place=torch.rand(*condition.shape, 2, device=x.device))
        if not log:
            network.initialize(x, network.pyramid(label))
        optimizer.zero_grad()
        bits = -network.log_prob(x, network.pyramid(label, kept)) / model.dims / 0.6931
        loss = bits.mean() + model.bits
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        log.append(loss.item())

    return step


def cyclegan(model: CycleGAN) -> Work:
    """The published algorithm with torch's own layers: each image goes through each network by itself."""
    g_ab, g_ba = model.generator_a2b, model.generator_b2a
    d_a, d_b = model.discriminator_a, model.discriminator_b
    of_discriminators = [*d_a.parameters(), *d_b.parameters()]
    optimizer_g = torch.optim.Adam([*g_ab.parameters(), *g_ba.parameters()], lr=2e-4, betas=(0.5, 0.999))
    optimizer_d = torch.optim.Adam(of_discriminators, lr=2e-4, betas=(0.5, 0.999))
    mse, l1 = nn.MSELoss(), nn.L1Loss()
    pools: tuple[list[Tensor], list[Tensor]] = ([], [])
    log = []

    def judged(logits: Tensor, target: float) -> Tensor:
        loss: Tensor = mse(logits, torch.full_like(logits, target))
        return loss

    def from_pool(pool: list[Tensor], fake: Tensor) -> Tensor:
        shown = []
        for image in fake.detach():
            if len(pool) < 50:
                pool.append(image)
            elif random.random() < 0.5:
                place = random.randrange(50)
                pool[place], image = image, pool[place]
            shown.append(image)
        return torch.stack(shown)

    def step(a: Tensor, b: Tensor) -> None:
        freeze(of_discriminators, True)
        fake_b, fake_a = g_ab(a), g_ba(b)
        loss_g = judged(d_b(fake_b), 1) + judged(d_a(fake_a), 1)
        loss_g = loss_g + 10 * (l1(g_ba(fake_b), a) + l1(g_ab(fake_a), b)) + 5 * (l1(g_ab(b), b) + l1(g_ba(a), a))
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()

        freeze(of_discriminators, False)
        optimizer_d.zero_grad()
        losses = []
        for network, real, fake, pool in ((d_a, a, fake_a, pools[0]), (d_b, b, fake_b, pools[1])):
            losses.append((judged(network(real), 1) + judged(network(from_pool(pool, fake)), 0)) / 2)
            losses[-1].backward()
        optimizer_d.step()
        log.append((loss_g.item(), *(loss.item() for loss in losses)))

    return step


def freeze(weights: Sequence[nn.Parameter], frozen: bool) -> None:
    for weight in weights:
        weight.requires_grad = not frozen
