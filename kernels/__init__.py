"""Packed-bit inference of partially binarized generators, usable without the service.

generator = kernels.Generator(model_store.load("partial"))
images = generator.run(kernels.latents(seed=7, count=4))  # u8 [4, 64, 64, 3]
"""

from kernels.generator import Generator, available_isas
from kernels.latents import latents
from kernels.spec import Deconvolution, GeneratorSpec, LayerSpec, Precision

__all__ = [
    "Deconvolution",
    "Generator",
    "GeneratorSpec",
    "LayerSpec",
    "Precision",
    "available_isas",
    "latents",
]
