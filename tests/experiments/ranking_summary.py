"""The tables of `tests.experiments.ranking` in one: Winnow beside the best baseline, and S_AUC over all of them.

    python -m tests.experiments.ranking_summary census.md adult.md

S_AUC (LeAP Eq. 1) is the mean over sets and numbers of features of a ranking's AUC in shares of the best one's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from tests.experiments.baselines import BASELINES
from tests.experiments.ranking import BY_VALUE, PAPER_NAME, RANDOM
from trainers.benchmark.comparison import normalized_auc

# AUC by ranking, of one set and one number of features.
Column = dict[str, float]
OURS = ("Winnow", BY_VALUE, PAPER_NAME)


def read_tables(lines: Iterable[str]) -> dict[str, Column]:
    """By "set, k of n" what each ranking was worth; other lines are passed over."""
    found: dict[str, Column] = {}
    heads: list[str] = []
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or set(line) <= set("|- \n"):
            continue
        if cells[0].endswith(": ranking"):
            name = cells[0].removesuffix(": ranking")
            heads = [f"{name}, {count}" for count in cells[1:]]
            found |= {head: {} for head in heads}
        elif cells[0] != "all":
            for head, value in zip(heads, cells[1:], strict=True):
                found[head][cells[0]] = float(value)
    return found


def main(paths: Iterable[str]) -> None:
    tables: dict[str, Column] = {}
    for path in paths:
        tables |= read_tables(Path(path).read_text().splitlines())
    print("| set | Winnow | the same gates, by value | the paper's LeAP | best baseline | random, best of 3 |")
    print("|---|---|---|---|---|---|")
    for head, column in tables.items():
        best = max(BASELINES, key=lambda name: column[name])
        ours = " | ".join(f"{column[name]:.4f}" for name in OURS)
        print(f"| {head} | {ours} | {column[best]:.4f} ({best}) | {column[RANDOM]:.4f} |")
    print("\n| ranking | S_AUC |\n|---|---|")
    for name, share in sorted(normalized_auc(tables.values()).items(), key=lambda each: -each[1]):
        print(f"| {name} | {share:.4f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
