"""The training loop: one discriminator and one generator step a batch, resumable after kill -9.

A step draws its faces, flips and latents from (seed, step) alone, so a resumed run goes on exactly
where its last checkpoint stood. A run's folder holds options.json, checkpoint.pt (tensors only),
log.jsonl, and the sheets and curves of `plots`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from training import plots
from training.binarize import clip
from training.data import Faces, Images
from training.losses import discriminator_loss, generator_loss
from training.networks import (
    LATENT_DIM,
    LATENT_LEVELS,
    Discriminator,
    Generator,
    binary_weights,
    dcgan,
    decode_latents,
)
from training.options import Options
from training.provenance import Provenance
from training.swd import swd

OPTIONS, CHECKPOINT, LOG = "options.json", "checkpoint.pt", "log.jsonl"
EVALUATION_IMAGES = 2_000  # at most: as many as the held-out faces
SHEET_SEED = 0


class Run:
    """A run in a folder: networks, optimizers and the step it stands at; `train` takes it to the
    end of its budget.
    """

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder, self.options, self.step = folder, options, 0
        torch.manual_seed(options.seed)
        self.generator = Generator(dcgan(options.width), options.binary)
        self.discriminator = Discriminator(dcgan(options.discriminator_width), options.binary)
        self.optimizers = [
            torch.optim.Adam(
                net.parameters(), options.learning_rate, betas=(0.5, 0.999), fused=True
            )
            for net in (self.discriminator, self.generator)
        ]
        self.dtype: torch.dtype = getattr(torch, options.compute)

    @property
    def images_seen(self) -> int:
        return self.step * self.options.batch

    @classmethod
    def open(cls, folder: Path, options: Options, faces: Faces) -> Run:
        """The folder's run at its last checkpoint, or a new one where the folder holds none.

        FileExistsError if it holds a run with other options.
        """
        if (folder / OPTIONS).exists():
            saved = Options.load(folder / OPTIONS)
            if saved != options:
                raise FileExistsError(f"{folder} holds a run with {saved.differences(options)}")
            return cls.resume(folder)
        folder.mkdir(parents=True, exist_ok=True)
        run = cls(folder, options)
        Provenance.now(faces).save(folder)
        run.save()
        options.save(folder / OPTIONS)  # last: a folder that has it has all
        return run

    @classmethod
    def resume(cls, folder: Path) -> Run:
        """The run of a folder, at its last checkpoint; FileNotFoundError where there is none."""
        if not (folder / OPTIONS).exists():
            raise FileNotFoundError(f"{folder} holds no run")
        run = cls(folder, Options.load(folder / OPTIONS))
        state = torch.load(folder / CHECKPOINT, weights_only=True)
        run.step = state["step"]
        for part, saved in zip(run._parts(), state["parts"], strict=True):
            part.load_state_dict(saved)
        return run

    def _parts(self) -> list[Any]:
        return [self.generator, self.discriminator, *self.optimizers]

    def save(self) -> None:
        """Writes the checkpoint whole or not at all."""
        partial = self.folder / f"{CHECKPOINT}.partial"
        with partial.open("wb") as file:
            torch.save({"step": self.step, "parts": [p.state_dict() for p in self._parts()]}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.folder / CHECKPOINT)

    def train(self, faces: Faces) -> None:
        """Steps to the end of the budget, with checkpoints, a log, and evaluations on the way."""
        options, log = self.options, _Log(self.folder / LOG, self.images_seen)
        bar = tqdm(
            total=options.steps * options.batch,
            initial=self.images_seen,
            unit=" images",
            smoothing=0.05,
        )
        with bar:
            while self.step < options.steps:
                losses = self.train_step(faces.train)
                self.step += 1
                bar.update(options.batch)
                last = self.step == options.steps
                if self._passed(options.checkpoint_every) or last:
                    self.save()
                if self._passed(2_560) or last:
                    bar.set_postfix(d=f"{losses[0]:.3f}", g=f"{losses[1]:.3f}")
                    log.write(images=self.images_seen, d_loss=losses[0], g_loss=losses[1])
                if self._passed(options.evaluate_every) or last:
                    log.write(images=self.images_seen, swd=self.evaluate(faces.held_out))
                    plots.swd_curve(log.rows, self.folder / "swd.png")

    def _passed(self, interval: int) -> bool:
        """Whether the last step crossed a multiple of `interval` images."""
        return self.images_seen // interval > (self.images_seen - self.options.batch) // interval

    def train_step(self, train: Images) -> tuple[float, float]:
        """One step of both players on u8 faces [N, 64, 64, 3]; returns the discriminator's and the
        generator's loss.
        """
        real, latents = self._draw(train)
        fake = self.generator(latents)
        loss_d = discriminator_loss(self.discriminator(real), self.discriminator(fake.detach()))
        self._update(0, loss_d)
        self.discriminator.requires_grad_(
            False
        )  # its weights need no gradient in the generator's step
        loss_g = generator_loss(self.discriminator(fake))
        self._update(1, loss_g)
        self.discriminator.requires_grad_(True)
        clip(binary_weights(self.generator, self.discriminator))
        return loss_d.item(), loss_g.item()

    def _update(self, player: int, loss: Tensor) -> None:
        optimizer = self.optimizers[player]
        optimizer.param_groups[0]["lr"] = self.options.rate(self.step)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def _draw(self, train: Images) -> tuple[Tensor, Tensor]:
        """The step's faces [B, 3, 64, 64] (half of them mirrored) and latents [B, 100], in the
        compute dtype.
        """
        rng = np.random.default_rng((self.options.seed, self.step))
        batch = train[list(self._indices(len(train)))]
        mirrored = rng.random(len(batch)) < 0.5
        batch[mirrored] = batch[mirrored, :, ::-1]
        real = (torch.from_numpy(batch).to(self.dtype) / 127.5 - 1).permute(0, 3, 1, 2)
        codes = rng.integers(0, LATENT_LEVELS, (len(batch), LATENT_DIM), np.uint8)
        return real, decode_latents(torch.from_numpy(codes), self.dtype)

    def _indices(self, count: int) -> Iterator[int]:
        """Indices of the step's faces: every epoch is a new permutation of all of them."""
        epoch, permutation = -1, np.empty(0, np.int64)
        for position in range(self.images_seen, self.images_seen + self.options.batch):
            if position // count != epoch:
                epoch = position // count
                permutation = np.random.default_rng((self.options.seed, epoch, 1)).permutation(
                    count
                )
            yield int(permutation[position % count])

    def evaluate(self, held_out: Images) -> dict[str, float]:
        """SWD against held-out faces, and a sheet of samples beside the run."""
        count = min(EVALUATION_IMAGES, len(held_out))
        codes = np.random.default_rng(SHEET_SEED).integers(
            0, LATENT_LEVELS, (count, LATENT_DIM), np.uint8
        )
        images = sample(self.generator, codes)
        plots.sheet(images[:64], self.folder / f"samples-{self.images_seen:08}.png")
        return swd(images, held_out[:count])


@torch.no_grad()
def sample(generator: nn.Module, codes: np.ndarray, batch: int = 250) -> Images:
    """u8 images [N, s, s, 3] of latents u8 [N, D] by the float32 training graph, evaluating."""
    generator.eval()
    parts = [
        generator(decode_latents(torch.from_numpy(codes[i : i + batch])))
        for i in range(0, len(codes), batch)
    ]
    generator.train()
    levels = torch.round((torch.cat(parts) + 1) * 127.5).clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).numpy())


class _Log:
    """log.jsonl: one record a line; a resumed run drops the records past its checkpoint."""

    def __init__(self, path: Path, images_seen: int) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.rows: list[dict[str, Any]] = [
            row for row in map(_parse, lines) if row and row["images"] <= images_seen
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in self.rows))

    def write(self, **row: Any) -> None:
        self.rows.append(row)
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def _parse(line: str) -> dict[str, Any] | None:
    """A record, or None for a line cut short by a kill."""
    try:
        row: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return row
