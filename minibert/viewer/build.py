"""A model, its vocabulary and the page that runs it, in one HTML file without a network.

    html = build(model, tokenizer, text="The cat sat on the [MASK].")

The file is page/index.html with everything put into it: the style, the modules of JavaScript one
after the other (imports first), the weights as float16, and the line of the textbook that computes
each value.
"""

import base64
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from minibert import words
from minibert.config import BertConfig
from minibert.tokenizer import BertTokenizer, check_text
from minibert.viewer.lines import lines_of
from minibert.viewer.scripts import joined

PAGE = Path(__file__).parent / "page"
MARK = "<!-- made by minibert view -->"
MAX_BYTES = 200_000_000
MAX_TOKENS = 128  # more make no picture that can be read
LANGUAGES = ("en", "zh")
# What a page without a network needs, and nothing else.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' blob:; worker-src blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:"
)
PARTS = ("embeddings", "encoder", "pooler", "mlm", "nsp")


def build(
    model: nn.Module,
    tokenizer: BertTokenizer,
    *,
    text: str = "",
    text_pair: str | None = None,
    lang: str = "en",
) -> str:
    """The page with this model in it; it starts with the text, in the language ("en" or "zh").

    `model` may have any head; the page shows those of pretraining.
    """
    check_inputs(model, tokenizer, text, "" if text_pair is None else text_pair, lang)
    weights = shown_weights(model)
    size = sum(tensor.numel() for tensor in weights.values()) * 2 * 4 // 3  # as base64
    if size > MAX_BYTES:
        raise ValueError(
            f"the page would have {size / 1e6:,.0f} MB; a browser takes {MAX_BYTES / 1e6:,.0f} MB "
            "at most, which is a model of 75 million weights"
        )
    bundle = bundle_of(model, tokenizer, weights)
    bundle["start"] |= {"text": text, "textPair": text_pair, "lang": lang}
    data = base64.b64encode(b"".join(map(float16_bytes, weights.values()))).decode()
    blocks = [
        # "<" would end the block, if a text had "</script>".
        ("bundle", "application/json", json.dumps(bundle).replace("<", r"\u003c")),
        ("weights", "text/plain", data),
        ("worker", "text/plain", joined(PAGE / "model" / "worker.js")),
        ("page", "module", joined(PAGE / "main.js")),
    ]
    scripts = [f'<script type="{kind}" id="{name}">{body}</script>' for name, kind, body in blocks]
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    style = (PAGE / "style.css").read_text(encoding="utf-8")
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    for old, new in (
        ("<!DOCTYPE html>", f"<!DOCTYPE html>\n{MARK}"),
        ('<meta charset="utf-8">', f'<meta charset="utf-8">\n{policy}'),
        ('<link rel="stylesheet" href="style.css">', f"<style>\n{style}</style>"),
        ('<script type="module" src="main.js"></script>', "\n".join(scripts)),
    ):
        before, after = html.split(old)
        html = before + new + after
    return html


def check_inputs(
    model: nn.Module, tokenizer: BertTokenizer, text: str, text_pair: str, lang: str
) -> None:
    """Raise ValueError for what makes no page."""
    if lang not in LANGUAGES:
        raise ValueError(f"lang must be one of {LANGUAGES}, not {lang!r}")
    check_text(text)
    check_text(text_pair)
    config = getattr(getattr(model, "bert", model), "config", None)
    if not isinstance(config, BertConfig):
        raise ValueError(f"model must be a BERT of minibert, not {type(model).__name__}")
    if len(tokenizer) > config.vocab_size:
        raise ValueError(
            f"the tokenizer has {len(tokenizer)} pieces, but the model's vocab_size is "
            f"{config.vocab_size}: it is another model's"
        )


def shown_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """The weights that the page shows, by their names in a BertForPreTraining, without `bert.`"""
    weights = {name.removeprefix("bert."): tensor for name, tensor in model.state_dict().items()}
    return {name: tensor for name, tensor in weights.items() if name.split(".")[0] in PARTS}


def float16_bytes(weight: torch.Tensor) -> bytes:
    half = weight.detach().cpu().half()
    if not half.isfinite().all():
        raise ValueError("the page has weights as float16, and this model has some above 65,504")
    return half.contiguous().numpy().astype("<f2").tobytes()


def bundle_of(
    model: nn.Module, tokenizer: BertTokenizer, weights: dict[str, torch.Tensor]
) -> dict[str, Any]:
    """All that the page is told, as model/runner.js describes it."""
    config: BertConfig = getattr(model, "bert", model).config  # type: ignore[assignment]
    start, tensors = 0, {}
    for name, weight in weights.items():
        tensors[name] = {"shape": list(weight.shape), "start": start}
        start += weight.numel()
    unicode = {"cjk": words.CJK, "later": words.LATER, "changed": words.CHANGED}
    account = getattr(model, "account", None)
    return {
        "config": config.to_dict(),
        "vocab": tokenizer.tokens,
        "settings": {
            **tokenizer.settings,
            **tokenizer.special_tokens,
            "max_tokens": min(MAX_TOKENS, config.max_position_embeddings),
            "unicode": unicode,
        },
        "tensors": tensors,
        "lines": lines_of(model, tokenizer("")),
        "start": {
            "model": account.source if account else type(model).__name__,
            "note": account.note if account else "",
        },
    }
