"""What training rows and the rows of another split have differently, far beyond what chance does.

Rows are sampled; what is compared is in a line each, with numbers.

Shapes: n rows of a sample, D dense columns, V ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trainers.data.checks.split_sample import Floats, Ids, SplitSample
from trainers.data.decode import Decoder
from trainers.data.rows import Rows
from trainers.problems import list_names

# Standard errors beyond which a difference isn't chance, with thousands of columns too.
FAR = 6.0
# Differences under these are told of nobody: of means in standard deviations, of deviations as their ratio, of shares.
MEANS_APART, TIMES_APART, SHARES_APART, UNKNOWN = 0.5, 2.0, 0.1, 0.5
LEAST_ROWS = 32
# Rows that should differ where none does.
LEAST_UNLIKE = 12


@dataclass(frozen=True, kw_only=True)
class Drift:
    """By feature, what differs, in words. `unknown` is of ids of the sample: other training rows may have them."""

    scales: dict[str, str] = field(default_factory=dict)
    varying: dict[str, str] = field(default_factory=dict)
    constant: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        return {name for kind in self._kinds() for name in kind}

    def with_unknown(self, unknown: dict[str, str]) -> Drift:
        """The same with other ids that are unknown."""
        return replace(self, unknown=unknown)

    def describe(self, split: str) -> Iterator[str]:
        """A line for each kind."""
        told = {
            "other means or deviations than in training": (self.scales, "write both in one unit"),
            "one value in training and several here": (self.varying, "the model can't learn from them: take them out"),
            "several values in training and one here": (self.constant, "find out why they are missing here"),
            "other shares of rows at their default, or empty": (self.defaults, "fill both in one way"),
            "ids that training doesn't have": (self.unknown, "write the ids of both in one way"),
        }
        for what, (found, remedy) in told.items():
            if found:
                names = list_names(f"{name!r} ({words})" for name, words in found.items())
                yield f"dataset.{split}: features with {what}: {names}; {remedy}, or cut splits whose rows are alike"

    def _kinds(self) -> tuple[dict[str, str], ...]:
        return self.scales, self.varying, self.constant, self.defaults, self.unknown


def compare(decoder: Decoder, train: SplitSample, other: SplitSample) -> Drift:
    """How the sample of another split differs from that of training; nothing where one has too few rows."""
    if min(len(train), len(other)) < LEAST_ROWS:
        return Drift()
    varying = _differing(decoder, other, train, train.constant)
    constant = _differing(decoder, train, other, other.constant)
    told = varying.keys() | constant.keys()
    defaults = _defaults(train.at_default, other.at_default, len(train), len(other))
    return Drift(
        scales=_scales(decoder, train, other),
        varying=varying,
        constant=constant,
        defaults={name: words for name, words in defaults.items() if name not in told},
        unknown={name: words for name, words in _unknown(decoder, train, other).items() if name not in told},
    )


def _differing(decoder: Decoder, sample: SplitSample, constant: SplitSample, names: frozenset[str]) -> dict[str, str]:
    """Of features that are constant in one sample, in words the share of rows that aren't so in another; where so few
    would be as often by chance, nothing."""
    shares, start = dict[str, float](), 0
    for dense in decoder.dense:
        columns = slice(start, start + dense.dim)
        if dense.name in names:
            unlike_nd = sample.dense_nD[:, columns] != constant.dense_nD[:1, columns]
            shares[dense.name] = float(unlike_nd.any(1).mean())
        start += dense.dim
    for single, ids_n, same_n in zip(decoder.single, sample.rows.ids_SN, constant.rows.ids_SN, strict=True):
        if single.name in names:
            shares[single.name] = float((ids_n != same_n[0]).mean())
    for several in decoder.several:
        if several.name in names:
            shares[several.name] = 1 - sample.at_default[several.name]
    return {
        name: f"{share:.2g} of the rows differ"
        for name, share in shares.items()
        if share * constant.total > LEAST_UNLIKE
    }


def _scales(decoder: Decoder, train: SplitSample, other: SplitSample) -> dict[str, str]:
    first, second = train.dense_nD, other.dense_nD
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        mean0_D, mean1_D, std0_D, std1_D = first.mean(0), second.mean(0), first.std(0), second.std(0)
        wide_D = np.maximum(std0_D, np.finfo(np.float64).tiny)
        error_D = np.sqrt(std0_D**2 / len(first) + std1_D**2 / len(second))
        apart_D = np.abs(mean1_D - mean0_D)
        moved_D = (apart_D > MEANS_APART * wide_D) & (apart_D > FAR * error_D)
        times_D = np.abs(np.log(std1_D / std0_D))
        spread_D = np.sqrt(_spread_of_variance(first) + _spread_of_variance(second)) / 2
        stretched_D = (times_D > np.log(TIMES_APART)) & (times_D > FAR * spread_D)
        # Beyond float64 there is nothing to compare by: such numbers are no chance.
        beyond_D = np.isfinite(std0_D) & ~np.isfinite(std1_D)
        differs_D = ((moved_D | stretched_D) & (std0_D > 0) & (std1_D > 0)) | beyond_D
    found, start = dict[str, str](), 0
    for feature in decoder.dense:
        columns_d = np.flatnonzero(differs_D[start : start + feature.dim])
        if len(columns_d):
            at = start + int(columns_d[0])
            where = f"number {columns_d[0]} of {feature.dim}: " if feature.dim > 1 else ""
            means, deviations = f"{mean0_D[at]:.3g} → {mean1_D[at]:.3g}", f"{std0_D[at]:.3g} → {std1_D[at]:.3g}"
            found[feature.name] = f"{where}mean {means}, deviation {deviations}"
        start += feature.dim
    return found


def _spread_of_variance(numbers_nD: Floats) -> Floats:
    """Variance of the logarithm of a column's variance: (kurtosis − 1) / n."""
    apart_nD = numbers_nD - numbers_nD.mean(0)
    scaled_nD = apart_nD / np.abs(apart_nD).max(0, initial=np.finfo(np.float64).tiny)
    kurtosis_D: Floats = (scaled_nD**4).mean(0) / (scaled_nD**2).mean(0) ** 2
    return np.maximum(kurtosis_D - 1, 0) / len(numbers_nD)


def _defaults(first: Mapping[str, float], second: Mapping[str, float], rows: int, others: int) -> dict[str, str]:
    found = {}
    for name, share in first.items():
        both = (share * rows + second[name] * others) / (rows + others)
        error = np.sqrt(both * (1 - both) * (1 / rows + 1 / others))
        if abs(second[name] - share) > max(SHARES_APART, FAR * error):
            found[name] = f"{share:.0%} → {second[name]:.0%}"
    return found


def _unknown(decoder: Decoder, train: SplitSample, other: SplitSample) -> dict[str, str]:
    pairs = zip(ids_of(decoder, train.rows), ids_of(decoder, other.rows), strict=True)
    return {
        name: words
        for (name, known_V), (_, ids_V) in pairs
        if (words := unknown_ids(*np.unique(known_V, return_counts=True), ids_V)) is not None
    }


def unknown_ids(known_U: Ids, count_U: NDArray[np.int64], ids_V: Ids) -> str | None:
    """What to say of ids that are mostly not among those known, and more often than new rows of the same kind would.

    By chance, new rows have an unknown id as often as known rows have one that occurs once (Good 1953).
    """
    if not len(ids_V) or not len(known_U):
        return None
    share = float(np.isin(ids_V, known_U, invert=True).mean())
    expected = float((count_U == 1).sum() / count_U.sum())
    if share <= UNKNOWN or share - expected <= UNKNOWN / 2:
        return None
    return f"{share:.0%} of {len(ids_V)}, where {expected:.0%} would be usual"


def ids_of(decoder: Decoder, rows: Rows) -> Iterator[tuple[str, Ids]]:
    """Name and ids (V) of each categorical and list feature."""
    for single, ids_N in zip(decoder.single, rows.ids_SN, strict=True):
        yield single.name, ids_N
    list_NM = np.broadcast_to(np.arange(len(decoder.several)), rows.lengths_NM.shape)
    owner_V = np.repeat(list_NM.reshape(-1), rows.lengths_NM.reshape(-1))
    for place, several in enumerate(decoder.several):
        yield several.name, rows.values_V[owner_V == place]
