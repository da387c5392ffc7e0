"""minibert: BERT written by hand, to be read, stepped through and used.

Reading order: config, tokenizer, embedding (positional, layer_norm), attention, feed_forward,
encoder, model, heads. The same letters everywhere, in code, comments, docstrings and errors:

    B  batch size                    padding_mask      [B, S]        1 = a real token, 0 = padding
    S  sequence length               additive_mask     [B, 1, 1, S]  0, or very large and negative
    D  hidden size, D = N·H          attention scores  [B, N, S, S]  before the softmax
    N  attention heads               attention probs   [B, N, S, S]  after it
    H  features of one head          context           [B, N, S, H]  probs · V
    I  intermediate size             hidden_states     (L+1) × [B, S, D]
    V  vocabulary size                 [0] the embeddings, [i] the output of encoder layer i
    L  encoder layers

(Q, K and V in a formula are query, key and value, as in the papers.)
"""

import importlib
from typing import Any

# Each name is imported when it is first used: `import minibert` costs nothing by itself.
PUBLIC = {
    "BertConfig": "minibert.config",
    "BertTokenizer": "minibert.tokenizer",
    "BertModel": "minibert.model",
    "BertOutput": "minibert.model",
    "BertForMaskedLM": "minibert.heads",
    "BertForNextSentencePrediction": "minibert.heads",
    "BertForPreTraining": "minibert.heads",
    "cross_entropy": "minibert.heads",
    "Engine": "minibert.extraction.engine",
    "embed": "minibert.extraction.embed",
    "embed_file": "minibert.extraction.embed",
    "trace": "minibert.inspection.trace",
    "patch": "minibert.inspection.patch",
    "explain": "minibert.inspection.explain",
}
__all__ = list(PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'minibert' has no attribute {name!r}")
    return getattr(importlib.import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *PUBLIC]
