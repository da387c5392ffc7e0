"""All that may be chosen in a pretraining run. The defaults are the paper's, for bert-base; SMALL
is what a small model wants that has hours and not weeks.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from minibert.config import BertConfig

# The authors' sizes: bert-base, and four of the miniatures that they published later.
SIZES = {
    "tiny": {"num_hidden_layers": 2, "hidden_size": 128},
    "mini": {"num_hidden_layers": 4, "hidden_size": 256},
    "small": {"num_hidden_layers": 4, "hidden_size": 512},
    "medium": {"num_hidden_layers": 8, "hidden_size": 512},
    "base": {"num_hidden_layers": 12, "hidden_size": 768},
}


# For every size but base. Short rows and many hidden tokens, because a small model spends its first
# thousands of steps on learning which pieces stand beside which; the model card of minibert-tiny
# has the figures.
SMALL = {
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


@dataclass(frozen=True)
class Phase:
    """A part of the run with one batch size and one row length."""

    rows: int
    length: int
    share: float  # of all steps


@dataclass(frozen=True)
class Settings:
    """Each is an option of `minibert pretrain` of the same name."""

    steps: int = 1_000_000
    phases: str = "256x128:0.9 256x512:0.1"  # rows x length : share of the steps, in order
    accumulation: int = 1  # a step's rows go through the model in so many parts
    learning_rate: float = 1e-4
    warmup: float = 0.01  # share of the steps
    weight_decay: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-6
    clip: float = 1.0  # the gradient's largest length
    dropout: float = 0.1
    optimizer: str = "adamw"  # or "muon", for the encoder's matrices
    muon_learning_rate: float = 3e-3
    position_start: str = "normal"  # or "sinusoid": the learned table starts as small sine waves
    mask_share: float = 0.15
    max_predictions: int | None = None  # masked tokens in a row, at most
    whole_words: bool = False
    short_share: float = 0.1  # pairs that are meant shorter
    held_out: float = 0.02  # share of the documents kept for validation
    validation_rows: int = 1024
    precision: str = "auto"  # float32, bfloat16, float64; auto: bfloat16 where the hardware has it
    seed: int = 1
    log_every: int = 10
    validate_every: int = 1000
    save_every: int = 1000

    def __post_init__(self) -> None:
        for field in fields(self):
            check(field.name, getattr(self, field.name))
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
        if abs(total - 1) > 1e-6 or min(part.share for part in parts) <= 0:
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

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def settings_for(size: str | None, given: dict[str, Any]) -> Settings:
    """The settings `given`, the others as they suit the size; None (a config.json) is as base."""
    return Settings(**(({} if size in ("base", None) else SMALL) | given))


def check(name: str, value: Any) -> None:
    """Raise ValueError for a value that cannot be the setting called `name`."""
    whole = ("steps", "accumulation", "validation_rows", "log_every", "validate_every")
    if name in (*whole, "save_every") and (type(value) is not int or value < 1):
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
    if name == "seed" and (type(value) is not int or not 0 <= value < 1 << 31):
        raise ValueError(f"seed must be a whole number from 0 to below 2**31, not {value!r}")
    if name == "clip" and value == 0:
        raise ValueError("clip must be above 0: it is the gradient's largest length")
    if name in ("warmup", "dropout", "held_out", "beta1", "beta2", "short_share"):
        check_range(name, value, 0, 1)
    if name in ("learning_rate", "muon_learning_rate", "weight_decay", "epsilon", "clip"):
        check_range(name, value, 0, float("inf"))
    choices = {
        "optimizer": ("adamw", "muon"),
        "position_start": ("normal", "sinusoid"),
        "precision": ("auto", "float32", "bfloat16", "float64"),
    }
    if name in choices and value not in choices[name]:
        raise ValueError(f"{name} must be one of {', '.join(choices[name])}, not {value!r}")


def check_range(name: str, value: Any, low: float, high: float) -> None:
    if type(value) not in (int, float) or not low <= value < high:
        raise ValueError(f"{name} must be a number from {low} to below {high}, not {value!r}")


def config_of_size(size: str, vocab_size: int, **others: Any) -> BertConfig:
    """The BertConfig of one of SIZES: heads of 64 features, I = 4·D."""
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}, not {size!r}")
    hidden_size = SIZES[size]["hidden_size"]
    return BertConfig(
        vocab_size=vocab_size,
        num_attention_heads=hidden_size // 64,
        intermediate_size=4 * hidden_size,
        **(SIZES[size] | others),
    )
