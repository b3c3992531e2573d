"""The training loop: one discriminator and one generator step a batch, resumable after kill -9.

A run's folder holds options.json, provenance.json, checkpoint.pt (tensors only), log.jsonl, the
sheets and curves of `plots`, and an empty file that is locked meanwhile. Under torchrun every
process trains, and process 0 writes.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from kernels.dcgan import LATENT_DIM, dcgan
from model_store.folder import sync_folder
from training import parallel, plots
from training.average import Average
from training.batches import Batch, draw
from training.binarize import clip
from training.data import Faces, Images
from training.log import Log
from training.losses import LOSSES, gradient_penalty
from training.networks import (
    LATENT_LEVELS,
    Discriminator,
    Generator,
    binary_weights,
    decode_latents,
)
from training.options import Options
from training.provenance import Provenance
from training.run_folder import writing
from training.swd import swd
from training.teacher import Teacher

OPTIONS, CHECKPOINT, LOG = "options.json", "checkpoint.pt", "log.jsonl"
LOG_EVERY = 2_560  # images
EVALUATION_IMAGES = 2_000  # at most: as many as the held-out faces
SHEET_SEED, SHEET_IMAGES = 0, 64
SAMPLED = 250  # images at a time


class Run:
    """A run in a folder: networks, optimizers and the step it stands at."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder, self.options, self.step = folder, options, 0
        self.loss = LOSSES[options.loss]
        self.dtype: torch.dtype = getattr(torch, options.compute)
        torch.manual_seed(options.seed)
        self.generator = Generator(dcgan(options.width), options.binary)
        self.discriminator = Discriminator(
            dcgan(options.discriminator_width),
            tuple(flag and options.binary_discriminator for flag in options.binary),
            batch_norm=self.loss.penalty is None,
        )
        self.optimizers = [
            torch.optim.Adam(
                net.parameters(), options.learning_rate, betas=(0.5, 0.999), fused=True
            )
            for net in (self.discriminator, self.generator)
        ]
        self.teacher = Teacher(options.teacher, self.dtype) if options.teacher else None
        steps = options.averaged / options.batch
        self.average = Average(self.generator, steps) if steps else None

    @property
    def images_seen(self) -> int:
        return self.step * self.options.batch

    @classmethod
    def open(cls, folder: Path, options: Options, faces: Faces) -> Run:
        """The folder's run at its last checkpoint, or a new one where the folder holds none.

        FileExistsError if it holds a run with other options or of another data set; ValueError as
        `resume`, and for a batch that the processes cannot share.
        """
        if options.batch % parallel.size():
            raise ValueError(
                f"batch must be a multiple of the {parallel.size()} processes, not {options.batch}"
            )
        if (folder / OPTIONS).exists():
            saved = Options.load(folder / OPTIONS)
            differences = saved.differences(options) or Provenance.load(folder).differences(faces)
            if differences:
                raise FileExistsError(
                    f"{folder} holds a run with {differences}: go on with what it has, or begin "
                    "another in another folder"
                )
            return cls.resume(folder)
        run = cls(folder, options)
        if run.teacher:
            run.teacher.start(run.generator)
        if parallel.rank() == 0:
            folder.mkdir(parents=True, exist_ok=True)
            with writing(folder):
                Provenance.now(faces, run.teacher.digest if run.teacher else None).save(folder)
                run.save()
                options.save(folder / OPTIONS)  # last: a folder that has it has all
        return run

    @classmethod
    def resume(cls, folder: Path) -> Run:
        """The run of a folder, at its last checkpoint.

        FileNotFoundError where there is none, ValueError if its files are damaged, or its teacher's
        name means another now.
        """
        if not (folder / OPTIONS).exists():
            raise FileNotFoundError(f"{folder} holds no run")
        run = cls(folder, Options.load(folder / OPTIONS))
        began = Provenance.load(folder).teacher
        if run.teacher and began != run.teacher.digest:
            raise ValueError(
                f"{folder} began with teacher {began}; {run.options.teacher} is now "
                f"{run.teacher.digest}: bring the first back under that name, or begin a new run"
            )
        run._restore(folder / CHECKPOINT)
        return run

    def _restore(self, checkpoint: Path) -> None:
        try:
            state = torch.load(checkpoint, weights_only=True)
            self.step = state["step"]
            for part, saved in zip(self._parts(), state["parts"], strict=True):
                part.load_state_dict(saved)
        except Exception as error:  # PyTorch's are EOFError, RuntimeError, UnpicklingError, …
            if isinstance(error, OSError) and error.filename:  # it is missing, or may not be read
                raise
            reason = str(error).partition("\n")[0].partition(". ")[0]
            raise ValueError(
                f"{checkpoint} is damaged, or of another run: {reason or type(error).__name__}; "
                "bring it back from a copy, or begin a new run in another folder"
            ) from error

    def _parts(self) -> list[Any]:
        averaged = [self.average.generator] if self.average else []
        return [self.generator, self.discriminator, *self.optimizers, *averaged]

    def shown(self) -> Generator:
        """The generator that is evaluated and exported: the average, where there is one."""
        return self.average.settled() if self.average else self.generator

    def save(self) -> None:
        """Writes the checkpoint whole or not at all."""
        partial = self.folder / f"{CHECKPOINT}.partial"
        state = {"step": self.step, "parts": [part.state_dict() for part in self._parts()]}
        try:
            with partial.open("wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.folder / CHECKPOINT)
            sync_folder(self.folder)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):  # PyTorch hides it behind its own
                raise error.__context__ from None
            raise
        finally:
            partial.unlink(missing_ok=True)

    def train(self, faces: Faces) -> None:
        """Steps to the end of the budget, with checkpoints, a log, and evaluations on the way."""
        options, writes = self.options, parallel.rank() == 0
        with writing(self.folder):
            log = Log(self.folder / LOG, self.images_seen) if writes else None
        with tqdm(
            total=options.steps * options.batch,
            initial=self.images_seen,
            unit=" images",
            smoothing=0.05,
            disable=not writes,
        ) as bar:
            while self.step < options.steps:
                losses = self.train_step(
                    draw(faces.train, options.seed, self.step, options.batch, self.dtype)
                )
                self._check(losses)
                self.step += 1
                bar.update(options.batch)
                if log is not None:
                    with writing(self.folder):
                        self._record(log, losses, bar, faces.held_out)

    def _check(self, losses: dict[str, float]) -> None:
        """FloatingPointError for a loss that is not finite: further steps would come to nothing."""
        for name, value in losses.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"{name} is {value} after {self.images_seen:,} images: the run diverged; a new "
                    f"one with a learning rate below {self.options.learning_rate:g} may not"
                )

    def _record(self, log: Log, losses: dict[str, float], bar: Any, held_out: Images) -> None:
        """What is due after a step: log, evaluation, and last the checkpoint, so that a run that is
        killed meanwhile makes up for them.
        """
        if self._due(LOG_EVERY):
            bar.set_postfix({name: f"{value:.3f}" for name, value in losses.items()})
            log.write(images=self.images_seen, **losses)
        if self._due(self.options.evaluate_every):
            bar.set_description("measuring SWD")  # takes seconds, a minute on one slow core
            log.write(images=self.images_seen, swd=self.evaluate(held_out))
            bar.set_description()
            plots.swd_curve(log.rows, self.folder / "swd.png")
        if self._due(self.options.checkpoint_every):
            self.save()

    def _due(self, interval: int) -> bool:
        """Whether the last step crossed a multiple of `interval` images, or ended the run."""
        before = self.images_seen - self.options.batch
        return self.step == self.options.steps or self.images_seen // interval > before // interval

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One step of both players; returns their losses on the whole batch."""
        fake = self.generator(batch.latents)
        real_logits, fake_logits = self.discriminator(batch.real, fake.detach())
        d_loss = self.loss.discriminator(real_logits, fake_logits)
        total = d_loss
        if self.loss.penalty is not None:
            penalty = gradient_penalty(self.discriminator, batch.real, fake.detach(), batch.share)
            total = d_loss + self.loss.penalty * penalty
        self._update(0, total)

        self.discriminator.requires_grad_(False)  # its weights need no gradient from here on
        (fake_logits,) = self.discriminator(fake)
        g_loss = total = self.loss.generator(fake_logits)
        losses = {"d_loss": d_loss.item(), "g_loss": g_loss.item()}
        if self.teacher is not None:
            distance = F.l1_loss(fake.float(), self.teacher(batch.latents).float())
            total = g_loss + self.options.teacher_weight * distance
            losses["distance"] = distance.item()
        self._update(1, total)
        self.discriminator.requires_grad_(True)
        clip(binary_weights(self.generator, self.discriminator))
        if self.average is not None:
            self.average.take(self.generator, self.step)
        return parallel.average(losses)

    def _update(self, player: int, loss: Tensor) -> None:
        optimizer = self.optimizers[player]
        (group,) = optimizer.param_groups
        group["lr"] = self.options.rate(self.step)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        parallel.average_gradients(group["params"])
        optimizer.step()

    def evaluate(self, held_out: Images) -> dict[str, float]:
        """SWD against held-out faces, and a sheet of samples beside the run."""
        count = min(EVALUATION_IMAGES, len(held_out))
        rng = np.random.default_rng(SHEET_SEED)
        codes = rng.integers(0, LATENT_LEVELS, (max(count, SHEET_IMAGES), LATENT_DIM), np.uint8)
        images = sample(self.shown(), codes)
        plots.sheet(images[:SHEET_IMAGES], self.folder / f"samples-{self.images_seen:08}.png")
        return swd(images[:count], held_out[:count])


@torch.no_grad()
def sample(generator: nn.Module, codes: NDArray[np.uint8]) -> Images:
    """u8 images [N, s, s, 3] of latents u8 [N, D] by the float32 training graph, evaluating."""
    generator.eval()
    parts = [
        generator(decode_latents(torch.from_numpy(codes[i : i + SAMPLED])))
        for i in range(0, len(codes), SAMPLED)
    ]
    generator.train()
    levels = torch.round((torch.cat(parts) + 1) * 127.5).clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).numpy())
