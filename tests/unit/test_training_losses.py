"""The losses by their formulas, and the gradient penalty against differences."""

from __future__ import annotations

import pytest
import torch

from kernels.dcgan import dcgan
from training.losses import LOSSES, gradient_penalty
from training.networks import Discriminator

REAL, FAKE = torch.tensor([0.3, -1.0, 2.0]), torch.tensor([0.7, 2.0, -1.5])


def test_the_logistic_loss_is_the_log_likelihood_of_both_labels() -> None:
    loss = LOSSES["logistic"]
    expected = -torch.sigmoid(REAL).log().mean() - (1 - torch.sigmoid(FAKE)).log().mean()
    torch.testing.assert_close(loss.discriminator(REAL, FAKE), expected)
    torch.testing.assert_close(loss.generator(FAKE), -torch.sigmoid(FAKE).log().mean())


def test_the_hinge_loss_stops_beyond_its_margin() -> None:
    loss = LOSSES["hinge"]
    expected = (0.7 + 2.0 + 0) / 3 + (1.7 + 3.0 + 0) / 3
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(expected)
    assert loss.generator(FAKE).item() == pytest.approx(-1.2 / 3)


def test_the_wasserstein_loss_is_the_difference_of_means() -> None:
    loss = LOSSES["wgan-gp"]
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(0.4 - 1.3 / 3)
    assert loss.penalty == 10


def test_a_linear_critic_is_penalized_by_its_slope() -> None:
    weight = torch.full((3, 8, 8), 3 / (3 * 8 * 8) ** 0.5)  # a slope of 3
    real, fake, share = torch.rand(5, 3, 8, 8), torch.rand(5, 3, 8, 8), torch.rand(5)
    penalty = gradient_penalty(lambda x: [(x * weight).sum((1, 2, 3))], real, fake, share)
    assert penalty.item() == pytest.approx(4)


@pytest.mark.parametrize("binary", [False, True])
def test_the_penaltys_gradient_is_that_of_finite_differences(binary: bool) -> None:
    torch.manual_seed(3)
    critic = Discriminator(dcgan(2), (binary,) * 5, batch_norm=False).double()
    real, fake = torch.rand(2, 2, 3, 64, 64, dtype=torch.float64)
    gain = critic.norms[1].weight

    def penalty() -> torch.Tensor:
        return gradient_penalty(critic, real, fake, torch.tensor([0.2, 0.9]))

    penalty().backward()
    assert gain.grad is not None
    step, beside = 1e-3, []
    for move in (step, -2 * step):
        gain.data[0] += move
        beside.append(penalty().item())
    difference = (beside[0] - beside[1]) / (2 * step)
    assert gain.grad[0].item() == pytest.approx(difference, rel=0.01)
