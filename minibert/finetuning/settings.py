"""All settings of a fine-tuning run. The defaults are the paper's (Devlin et al. 2018, appendix
A.3); a smaller model learns faster, and without dropout.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from minibert.training.settings import RunSettings

ALL_LAYERS = "all-layers"
# On stored states a step costs next to nothing, and the few weights that learn must move far.
ON_STATES: dict[str, Any] = {"epochs": 5, "learning_rate": 3e-3}
# To translate is learned from far more than three epochs; from nothing also in larger steps.
TRANSLATION: dict[str, Any] = {
    "epochs": 30,
    "batch": 64,
    "dropout": 0.1,
    "label_smoothing": 0.1,
    "beta2": 0.98,
}
FROM_NOTHING: dict[str, Any] = TRANSLATION | {"learning_rate": 1e-3}
DERIVED = ("steps", "validate_every")  # they follow from the epochs and the number of rows


@dataclass(frozen=True)
class Settings(RunSettings):
    """Each is an option of `minibert finetune` of the same name, except DERIVED."""

    epochs: int = 3
    batch: int = 32  # rows of a step, in the mean
    learning_rate: float = 5e-5  # of BERT-base; see settings_for
    warmup: float = 0.1
    precision: str = "float32"  # on a CPU bfloat16 was measured slower; on a GPU give "auto"
    save_every: int = 500
    freeze: str = ""  # parts of BERT that do not change: "embeddings layer1-layer4"
    features: str = ""  # or "all-layers": a mixture of all layers; BERT does not change
    label_smoothing: float = 0.0  # of translate: ε, see translation.py

    SHARES: ClassVar = (*RunSettings.SHARES, "label_smoothing")
    CHOICES: ClassVar = RunSettings.CHOICES | {"features": ("", ALL_LAYERS)}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.freeze and self.features:
            raise ValueError("features all-layers leaves all of BERT as it is; give no freeze")

    def for_batches(self, count: int) -> "Settings":
        """With the steps of epochs of `count` batches; the model is measured after each epoch."""
        return replace(self, steps=self.epochs * count, validate_every=count)


def settings_for(
    hidden_size: int, given: dict[str, Any], *, is_number: bool = False, **of_task: Any
) -> Settings:
    """The settings `given`, and for the others those that suit a model with D = `hidden_size`, and
    the task. `is_number`: the model learns a number, not a label.
    """
    own: dict[str, Any] = {"learning_rate": round(5e-5 * 768 / hidden_size, 8)}
    # A small model has nothing to spare, and it was pretrained without dropout. A number's squared
    # error counts how its outputs scatter: with dropout that is more in training than in use.
    if hidden_size < 384 or is_number:
        own["dropout"] = 0.0
    if given.get("features") == ALL_LAYERS:
        own |= ON_STATES
    return Settings(**(own | of_task | given))
