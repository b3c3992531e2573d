"""Binarization, the overlap-add layers and the two networks."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from kernels.dcgan import dcgan
from kernels.spec import Deconvolution
from training import binarize, overlap
from training.networks import Discriminator, Generator, binary_weights, decode_latents

GEOMETRIES = [
    Deconvolution(5, 7, kernel=4, stride=2, padding=1, size_in=4),
    Deconvolution(5, 7, kernel=4, stride=1, padding=0, size_in=1),
    Deconvolution(3, 2, kernel=3, stride=2, padding=1, size_in=3),
    Deconvolution(3, 2, kernel=5, stride=2, padding=2, size_in=4),
    Deconvolution(1, 4, kernel=3, stride=1, padding=1, size_in=4),
]


def _composed(weight: torch.Tensor, channel_dim: int) -> torch.Tensor:
    """mean|w| · sign(w) of ordinary operations, the gradient straight through the sign."""
    others = [dim for dim in range(weight.dim()) if dim != channel_dim]
    signs = torch.where(weight >= 0, 1.0, -1.0).to(weight.dtype)
    return weight.abs().mean(others, keepdim=True) * (signs + weight - weight.detach())


@pytest.mark.parametrize("channel_dim", [0, 1])
def test_binarized_weights_and_their_gradient_are_the_composed_ones(channel_dim: int) -> None:
    rng = torch.Generator().manual_seed(1)
    weight = torch.randn(6, 5, 4, 4, generator=rng, dtype=torch.float64)
    binarize.clip([weight])
    weight.requires_grad_()
    result = binarize.binarize(weight, channel_dim, torch.float64)
    expected = _composed(weight, channel_dim)
    torch.testing.assert_close(result, expected)
    upstream = torch.randn(weight.shape, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(
        torch.autograd.grad(result, weight, upstream),
        torch.autograd.grad(expected, weight, upstream),
    )


@pytest.mark.parametrize("channel_dim", [0, 1])
def test_where_batch_norm_follows_the_scale_changes_nothing(channel_dim: int) -> None:
    """Neither the normed sums nor the gradient: signs alone give both, up to batch norm's ε."""
    rng = torch.Generator().manual_seed(3)
    weight = torch.rand(6, 5, 4, 4, generator=rng, dtype=torch.float64) * 0.4 - 0.2
    weight.requires_grad_()
    shape = (8, 6, 4, 4) if channel_dim else (8, 5, 8, 8)
    x = torch.randn(shape, generator=rng, dtype=torch.float64)
    results = []
    for ours in (binarize.signs(weight, weight.dtype), _composed(weight, channel_dim)):
        window = {"stride": 2, "padding": 1}
        sums = (F.conv_transpose2d if channel_dim else F.conv2d)(x, ours, **window)  # type: ignore[operator]
        normed = F.batch_norm(sums, None, None, training=True, eps=1e-12)
        (gradient,) = torch.autograd.grad((normed * upstream_of(normed)).sum(), weight)
        results.append((normed, gradient))
    torch.testing.assert_close(*results, rtol=1e-6, atol=1e-9)


def upstream_of(images: torch.Tensor) -> torch.Tensor:
    """Some gradient of its shape, always the same."""
    rng = torch.Generator().manual_seed(4)
    return torch.randn(images.shape, generator=rng, dtype=images.dtype)


def test_zero_counts_as_positive() -> None:
    weight = torch.tensor([[0.0, -0.0, 0.5, -0.5]])
    assert binarize.signs(weight).tolist() == [[1, 1, 1, -1]]
    assert binarize.binarize(weight, 0).sign().tolist() == [[1, 1, 1, -1]]


def test_binarized_weights_come_in_the_dtype_asked_for() -> None:
    weight = torch.randn(3, 4, 4, 4)
    half = binarize.binarize(weight, 1, torch.bfloat16)
    assert torch.equal(half, binarize.binarize(weight, 1).bfloat16())


def test_clip_keeps_latent_weights_within_one() -> None:
    weights = [torch.tensor([-3.0, 0.5, 1.0, 7.0])]
    binarize.clip(weights)
    assert weights[0].tolist() == [-1, 0.5, 1, 1]


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_overlap_add_equals_the_convolutions_with_their_gradients(geometry: Deconvolution) -> None:
    g, rng = geometry, torch.Generator().manual_seed(2)
    weight = torch.randn(g.c_in, g.c_out, g.kernel, g.kernel, generator=rng, dtype=torch.float64)
    small = torch.randn(2, g.c_in, g.size_in, g.size_in, generator=rng, dtype=torch.float64)
    large = torch.randn(2, g.c_out, g.size_out, g.size_out, generator=rng, dtype=torch.float64)
    window = g.stride, g.padding
    for ours, theirs, x in (
        (overlap.deconvolve, F.conv_transpose2d, small),
        (overlap.convolve, F.conv2d, large),
    ):
        inputs = x.requires_grad_(), weight.requires_grad_()
        expected = theirs(*inputs, None, *window)  # type: ignore[operator]
        result = ours(*inputs, *window)
        torch.testing.assert_close(result, expected)
        upstream = torch.randn(expected.shape, generator=rng, dtype=torch.float64)
        torch.testing.assert_close(
            torch.autograd.grad(result, inputs, upstream),
            torch.autograd.grad(expected, inputs, upstream),
        )


@pytest.mark.parametrize("width", [64, 128])
def test_dcgan_has_the_shape_of_the_paper(width: int) -> None:
    geometry = dcgan(width)
    assert [g.c_in for g in geometry] == [100, 8 * width, 4 * width, 2 * width, width]
    assert [g.size_out for g in geometry] == [4, 8, 16, 32, 64]
    assert geometry[-1].c_out == 3


@pytest.mark.parametrize("image_size", [4, 48, 100])
def test_dcgan_refuses_a_size_that_no_doubling_reaches(image_size: int) -> None:
    with pytest.raises(ValueError, match=f"power of two of at least 8, not {image_size}"):
        dcgan(64, image_size)


def test_networks_map_latents_to_images_to_logits() -> None:
    geometry, binary = dcgan(4, image_size=16), (True, True, False)
    generator, discriminator = Generator(geometry, binary), Discriminator(geometry, binary)
    images = generator(decode_latents(torch.full((3, 100), 255, dtype=torch.uint8)))
    assert images.shape == (3, 3, 16, 16)
    assert images.abs().max() <= 1
    (logits,) = discriminator(images)
    assert logits.shape == (3,)


def test_the_discriminator_is_binarized_as_the_generator_is() -> None:
    binary = (True, True, True, True, False)
    generator, discriminator = Generator(dcgan(2), binary), Discriminator(dcgan(3), binary)
    assert [layer.binary for layer in generator.layers] == [True, True, True, True, False]
    assert [layer.binary for layer in discriminator.layers] == [False, True, True, True, True]
    assert len(binary_weights(generator, discriminator)) == 8


def test_binarized_layers_compute_with_two_values_a_channel() -> None:
    generator = Generator(dcgan(2), (True,) * 5)
    for layer in generator.weighted():
        weight = layer.effective_weight().detach().transpose(0, 1)
        for channel, scale in zip(weight, layer.scale().detach(), strict=True):
            torch.testing.assert_close(channel.unique(), torch.stack([-scale, scale]))
    assert [layer.normed for layer in generator.weighted()] == [True] * 4 + [False]


def test_a_scale_is_kept_where_no_batch_norm_follows() -> None:
    normed, critic = (
        Discriminator(dcgan(2), (True,) * 5, batch_norm=flag) for flag in (True, False)
    )
    assert [layer.normed for layer in normed.weighted()] == [False, True, True, True, False]
    assert not any(layer.normed for layer in critic.weighted())


def test_batches_share_the_discriminators_weights_but_not_their_statistics() -> None:
    discriminator = Discriminator(dcgan(2), (True,) * 5).train()
    dark, bright = torch.rand(4, 3, 64, 64) - 1, torch.rand(4, 3, 64, 64)
    together = discriminator(dark, bright)
    apart = [*discriminator(dark), *discriminator(bright)]
    torch.testing.assert_close(together, apart)


def test_a_critic_without_batch_norm_judges_each_image_alone() -> None:
    critic = Discriminator(dcgan(2), (False,) * 5, batch_norm=False).train()
    images = torch.rand(4, 3, 64, 64)
    torch.testing.assert_close(critic(images)[0][:1], critic(images[:1])[0])
