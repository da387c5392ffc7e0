"""The settings that every run has; a task adds its own (as pretraining/settings.py does)."""

from dataclasses import asdict, dataclass
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

    # What a value may be, by the names of the settings.
    WHOLE: ClassVar[tuple[str, ...]] = (  # at least 1
        "steps",
        "accumulation",
        "log_every",
        "validate_every",
        "save_every",
    )
    SHARES: ClassVar[tuple[str, ...]] = ("warmup", "dropout", "beta1", "beta2")  # 0 to below 1
    AMOUNTS: ClassVar[tuple[str, ...]] = (  # 0 or more
        "learning_rate",
        "muon_learning_rate",
        "weight_decay",
        "epsilon",
        "clip",
    )
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        "optimizer": ("adamw", "muon"),
        "precision": ("auto", "float32", "bfloat16", "float64"),
    }

    def __post_init__(self) -> None:
        """Raise ValueError for a value that a setting cannot have."""
        for name in self.WHOLE:
            check_whole(name, getattr(self, name))
        for name in self.SHARES:
            check_range(name, getattr(self, name), 1)
        for name in self.AMOUNTS:
            check_range(name, getattr(self, name), float("inf"))
        for name, allowed in self.CHOICES.items():
            if getattr(self, name) not in allowed:
                found = getattr(self, name)
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {found!r}")
        if type(self.seed) is not int or not 0 <= self.seed < 1 << 31:
            raise ValueError(
                f"seed must be a whole number from 0 to below 2**31, not {self.seed!r}"
            )
        if self.clip == 0:
            raise ValueError("clip must be above 0: it is the gradient's largest length")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def check_whole(name: str, value: Any) -> None:
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")


def check_range(name: str, value: Any, high: float) -> None:
    if type(value) not in (int, float) or not 0 <= value < high:
        raise ValueError(f"{name} must be a number from 0 to below {high}, not {value!r}")
