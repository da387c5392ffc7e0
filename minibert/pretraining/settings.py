"""All settings of a pretraining run. The defaults are the paper's, for bert-base; SMALL has those
that suit a small model, which is trained for hours and not for weeks.
"""

import os
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

from minibert.config import BertConfig
from minibert.training.settings import RunSettings

# The authors' sizes: bert-base, and four of the miniatures that they published later.
SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"num_hidden_layers": 2, "hidden_size": 128},
    "mini": {"num_hidden_layers": 4, "hidden_size": 256},
    "small": {"num_hidden_layers": 4, "hidden_size": 512},
    "medium": {"num_hidden_layers": 8, "hidden_size": 512},
    "base": {"num_hidden_layers": 12, "hidden_size": 768},
}


# For every size but base. Short rows and many hidden tokens, because a small model spends its first
# thousands of steps on learning which pieces are often side by side; the model card of
# minibert-tiny has the figures.
SMALL: dict[str, Any] = {
    "steps": 20_000,
    "phases": "128x32:0.75 32x128:0.25",
    "optimizer": "muon",
    "learning_rate": 1.5e-3,
    "muon_learning_rate": 2e-3,
    "warmup": 0.05,
    "beta2": 0.98,
    "dropout": 0.0,
    "position_start": "sinusoid",
    "mask_share": 0.3,
}


# What has no effect where nothing is masked and no sentences are paired.
MASKED_ONLY = ("mask_share", "max_predictions", "whole_words", "short_share")


@dataclass(frozen=True)
class Phase:
    """A part of the run with one batch size and one row length."""

    rows: int
    length: int
    share: float  # of all steps


@dataclass(frozen=True)
class Settings(RunSettings):
    """Each is an option of `minibert pretrain` of the same name."""

    phases: str = "256x128:0.9 256x512:0.1"  # rows x length : share of the steps, in order
    position_start: str = "normal"  # or "sinusoid": the learned table starts as small sine waves
    mask_share: float = 0.15
    max_predictions: int | None = None  # masked tokens in a row, at most
    whole_words: bool = False
    short_share: float = 0.1  # pairs that are meant shorter
    held_out: float = 0.02  # share of the documents kept for validation
    validation_rows: int = 1024

    SHARES: ClassVar = (*RunSettings.SHARES, "held_out", "short_share", "mask_share")
    NOT_ZERO: ClassVar = (*RunSettings.NOT_ZERO, "mask_share")
    CHOICES: ClassVar = RunSettings.CHOICES | {"position_start": ("normal", "sinusoid")}

    def __post_init__(self) -> None:
        super().__post_init__()
        for phase in self.parts():
            if phase.rows % self.accumulation:
                raise ValueError(
                    f"accumulation ({self.accumulation}) must divide the {phase.rows} rows of "
                    "every phase"
                )

    def parts(self) -> list[Phase]:
        """The phases, read."""
        parts = []
        for text in self.phases.split():
            try:
                shape, share = text.split(":")
                rows, length = shape.split("x")
                parts.append(Phase(int(rows), int(length), float(share)))
            except ValueError:
                raise ValueError(
                    f"phases: {text!r} is not ROWSxLENGTH:SHARE, as in '256x128:0.9 256x512:0.1'"
                ) from None
        total = sum(part.share for part in parts)
        if not (abs(total - 1) < 1e-6 and all(part.share > 0 for part in parts)):
            raise ValueError(f"phases: the shares must be above 0 and sum to 1, not to {total:g}")
        if min(part.rows for part in parts) < 1 or min(part.length for part in parts) < 8:
            raise ValueError("phases: at least 1 row, of at least 8 positions")
        return parts

    def phase(self, step: int) -> Phase:
        """The phase of step 0, 1, …"""
        end = 0.0
        for part in self.parts():
            end += part.share
            if step < round(end * self.steps):
                return part
        return part

    def check_fit(self, positions: int, processes: int) -> None:
        """Raise ValueError unless the rows fit a model of so many positions, and can be shared."""
        for phase in self.parts():
            if phase.length > positions:
                raise ValueError(
                    f"phases: rows of {phase.length}, but the model has {positions} positions"
                )
            if phase.rows % (processes * self.accumulation):
                raise ValueError(
                    f"phases: {phase.rows} rows cannot be shared by {processes} processes × "
                    f"accumulation {self.accumulation}"
                )

    def check_memory(self, config: BertConfig, processes: int) -> None:
        """Raise ValueError if this machine has less memory than the least that a run needs: a
        weight with its gradient and two averages, and for each token the inputs of every map.
        """
        width, inner = config.hidden_size, config.intermediate_size
        layer = 4 * width * width + 2 * width * inner
        weights = config.num_hidden_layers * layer + config.max_position_embeddings * width
        tokens = max(phase.rows * phase.length for phase in self.parts()) // self.accumulation
        kept = config.num_hidden_layers * (6 * width + inner)
        needed, there = 16 * weights + 2 * tokens * kept // processes, memory_size()
        if needed > there:
            raise ValueError(
                f"this run needs at least {needed / 1e9:,.0f} GB of memory; this machine has "
                f"{there / 1e9:,.0f} GB. Fewer or shorter rows (phases), more accumulation or a "
                "smaller model need less"
            )


def memory_size() -> int:
    """The bytes of this machine's memory; without limit where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # Windows
        return sys.maxsize


def settings_for(size: str | None, given: dict[str, Any]) -> Settings:
    """The settings `given`, and for the others those that suit the size; None (a config.json) is as
    base.
    """
    return Settings(**(({} if size in ("base", None) else SMALL) | given))


def config_of_size(size: str, positions: int) -> BertConfig:
    """The BertConfig of one of SIZES: heads of 64 features, I = 4·D."""
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}, not {size!r}")
    hidden_size = SIZES[size]["hidden_size"]
    return BertConfig(
        max_position_embeddings=positions,
        num_attention_heads=hidden_size // 64,
        intermediate_size=4 * hidden_size,
        **SIZES[size],
    )
