"""The page where it is wanted: in a notebook; the model for it."""

import html
from typing import Any

from minibert.viewer.build import build
from weights_loader import load_bert


def view(text: str = "", model: str | None = None, lang: str = "en") -> Any:
    """In a notebook: BERT at work on the text, every number of it.

    `model`: a folder, a name on the Hub, or None for the bundled one. `lang`: "en" or "zh".
    """
    try:
        from IPython.display import HTML
    except ImportError:
        raise ModuleNotFoundError(
            "view needs a notebook (IPython); `minibert view` writes the page as a file"
        ) from None
    page = build(*load_for_page(model), text=text, lang=lang)
    frame = f'<iframe srcdoc="{html.escape(page)}" width="100%" height="800"></iframe>'
    return HTML(f"<div>{frame}</div>")


def load_for_page(name: str | None) -> tuple[Any, Any]:
    """The model with the pretraining heads that its file has, and its tokenizer."""
    model, tokenizer = load_bert(name, head="bert")
    has_mlm, has_nsp = (
        any(part in stored for stored in model.account.file)
        for part in ("cls.predictions.", "cls.seq_relationship.")
    )
    has_nsp = has_nsp and model.pooler is not None
    if not (has_mlm or has_nsp):
        return model, tokenizer
    head = {(True, True): "pretraining", (True, False): "mlm", (False, True): "nsp"}
    return load_bert(name, head=head[has_mlm, has_nsp])
