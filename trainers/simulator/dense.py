"""Dense columns: scalars and vectors.

Shapes: N rows, D dims of a vector, K latent factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from trainers.simulator.columns import Column, Effect, Floats, Present

COPY_NOISE = 0.1  # of a duplicate, in standard deviations of what it copies


@dataclass(frozen=True, kw_only=True, eq=False)
class Scalar(Column[Floats]):
    """mean + deviation · z, z standard normal, or ±1 with a little spread where `signed`: (N) float32."""

    mean: float
    deviation: float
    signed: bool = False

    def draw(self, rng: np.random.Generator, rows: int) -> Floats:
        z_N = rng.standard_normal(rows, dtype=np.float32)
        if self.signed:
            z_N = rng.choice(np.array([-1, 1], np.float32), rows) * (1 + 0.2 * np.clip(z_N, -4, 4))
        return (self.mean + self.deviation * z_N).astype(np.float32)

    def draw_sparse(self, rng: np.random.Generator, present_N: Present) -> Floats:
        z_N = np.abs(rng.standard_normal(len(present_N), dtype=np.float32))
        return np.where(present_N, (1 + 0.3 * z_N) * self.deviation, 0).astype(np.float32)

    def present(self, values: Floats) -> Present:
        return np.asarray(values != 0)

    def effect(self, values: Floats) -> Effect:
        return (values.astype(np.float64) - self.mean) / self.deviation

    def copy(self, rng: np.random.Generator, values: Floats) -> Floats:
        noise_N = COPY_NOISE * self.deviation * rng.standard_normal(len(values), dtype=np.float32)
        return (2 * (values + noise_N) + 1).astype(np.float32)

    def constant(self, rows: int) -> Floats:
        return np.full(rows, self.mean + self.deviation, np.float32)

    def arrow(self, values: Floats) -> pa.Array[Any]:
        return pa.array(values, pa.float32())

    def declaration(self) -> dict[str, object]:
        return {"kind": "dense"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Vector(Column[Floats]):
    """A few latent factors plus noise, as embeddings made elsewhere look: x_D = z_K loading_KD + ½ε_D, (N, D) float32.

    The effect is direction_D · x_D, scaled to variance 1. Values lie on a grid of 1/32, as quantized embeddings do,
    which lets Parquet store a byte for each.
    """

    loading_KD: Floats
    direction_D: Floats

    @classmethod
    def make(cls, rng: np.random.Generator, dim: int) -> Vector:
        """`min(dim, 8)` orthogonal factors; the direction is a combination of all of them."""
        factors = min(dim, 8)
        basis_DK, _ = np.linalg.qr(rng.standard_normal((dim, factors)))
        # Orthonormal rows times √(D/K) give a column a factor variance of 1 on average, whatever the dim.
        loading_KD = (basis_DK.T * np.sqrt(dim / factors)).astype(np.float32)
        direction_D = rng.standard_normal(factors).astype(np.float32) @ loading_KD
        covariance_DD = loading_KD.T @ loading_KD + 0.25 * np.eye(dim)
        variance = float(direction_D @ covariance_DD @ direction_D)
        return cls(dim=dim, loading_KD=loading_KD, direction_D=(direction_D / np.sqrt(variance)).astype(np.float32))

    def draw(self, rng: np.random.Generator, rows: int) -> Floats:
        z_NK = rng.standard_normal((rows, len(self.loading_KD)), dtype=np.float32)
        noise_ND = rng.standard_normal((rows, self.dim), dtype=np.float32)
        return _on_grid(z_NK @ self.loading_KD + 0.5 * noise_ND)

    def draw_sparse(self, rng: np.random.Generator, present_N: Present) -> Floats:
        return np.where(present_N[:, None], 0.5 + np.abs(self.draw(rng, len(present_N))), 0).astype(np.float32)

    def present(self, values: Floats) -> Present:
        return np.asarray((values != 0).any(axis=1))

    def effect(self, values: Floats) -> Effect:
        return (values @ self.direction_D).astype(np.float64)

    def copy(self, rng: np.random.Generator, values: Floats) -> Floats:
        return _on_grid(-values + COPY_NOISE * rng.standard_normal(values.shape, dtype=np.float32))

    def constant(self, rows: int) -> Floats:
        return np.tile(_on_grid(1 + self.loading_KD[:1]), (rows, 1))

    def arrow(self, values: Floats) -> pa.Array[Any]:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1), pa.float32()), self.dim)

    def declaration(self) -> dict[str, object]:
        return {"kind": "dense", "dim": self.dim}


def _on_grid(x_ND: Floats) -> Floats:
    return (np.round(np.clip(x_ND, -8, 8) * 32) / 32).astype(np.float32)
