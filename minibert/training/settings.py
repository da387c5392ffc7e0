"""The settings that every run has; a task adds its own (as pretraining/settings.py does)."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar


@dataclass(frozen=True)
class RunSettings:
    """How the weights move. The defaults are those of the BERT paper's pretraining."""

    steps: int = 1_000_000
    accumulation: int = 1  # a step's rows go through the model in so many parts
    learning_rate: float = 1e-4
    warmup: float = 0.01  # share of the steps
    weight_decay: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-6
    clip: float = 1.0  # the gradient's largest length
    dropout: float = 0.1
    optimizer: str = "adamw"  # or "muon", for the matrices of the layers
    muon_learning_rate: float = 3e-3
    precision: str = "auto"  # float32, bfloat16, float64; auto: bfloat16 where the hardware has it
    seed: int = 1
    log_every: int = 10
    validate_every: int = 1000
    save_every: int = 1000

    # What a value may be, where its type does not say it.
    SHARES: ClassVar[tuple[str, ...]] = ("warmup", "dropout", "beta1", "beta2")  # 0 to below 1
    NOT_ZERO: ClassVar[tuple[str, ...]] = ("clip",)
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        "optimizer": ("adamw", "muon"),
        "precision": ("auto", "float32", "bfloat16", "float64"),
    }

    def __post_init__(self) -> None:
        """Raise ValueError for a value that a setting cannot have."""
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            allowed = ""
            if field.type in (int, int | None) and value is not None:
                low = 0 if name == "seed" else 1
                if type(value) is not int or not low <= value < 1 << 31:
                    allowed = f"a whole number from {low} to below 2**31"
            elif field.type is float:
                high = 1 if name in self.SHARES else math.inf
                if type(value) not in (int, float) or not 0 <= value < high:
                    allowed = f"a number from 0 to below {high}"
                elif value == 0 and name in self.NOT_ZERO:
                    allowed = "above 0"
            elif name in self.CHOICES and value not in self.CHOICES[name]:
                allowed = f"one of {', '.join(self.CHOICES[name])}"
            if allowed:
                raise ValueError(f"{name} must be {allowed}, not {value!r}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
