"""minibert: BERT written by hand, to be read, stepped through and used.

Reading order: config, tokenizer (words, wordpiece, packing, vocabulary), embedding (positional,
layer_norm), attention, feed_forward, encoder, model, heads, task_heads (weighted_sum); then the
half that writes, translation/: causal, cross_attention, decoder, encoder_decoder, generation. The
same letters everywhere, in code, comments, docstrings and errors:

    B  batch size                    padding_mask      [B, S]        1 = a real token, 0 = padding
    S  sequence length               additive_mask     [B, 1, 1, S]  0, or very large and negative
    D  hidden size, D = N·H          attention scores  [B, N, S, S]  before the softmax
    N  attention heads               attention probs   [B, N, S, S]  after it
    H  features of one head          context           [B, N, S, H]  probs · V
    I  intermediate size             hidden_states     (L+1) × [B, S, D]
    V  vocabulary size                 [0] the embeddings, [i] the output of encoder layer i
    L  encoder layers                memory            [B, S, D]     what a decoder reads
    T  what a decoder has written    cross-attention   [B, N, T, S]  scores and probs

(Q, K and V in a formula are query, key and value, as in the papers.)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers: the same names as in PUBLIC
    from minibert.compression.importance import importance as importance
    from minibert.compression.pruning import prune as prune
    from minibert.config import BertConfig as BertConfig
    from minibert.extraction.embed import embed as embed
    from minibert.extraction.embed import embed_file as embed_file
    from minibert.extraction.engine import Engine as Engine
    from minibert.extraction.search import search as search
    from minibert.extraction.summary import summarize as summarize
    from minibert.finetuning.evaluate import evaluate as evaluate
    from minibert.finetuning.predict import predict as predict
    from minibert.finetuning.translator import translate as translate
    from minibert.finetuning.translator import translate_file as translate_file
    from minibert.heads import BertForMaskedLM as BertForMaskedLM
    from minibert.heads import BertForNextSentencePrediction as BertForNextSentencePrediction
    from minibert.heads import BertForPreTraining as BertForPreTraining
    from minibert.heads import cross_entropy as cross_entropy
    from minibert.inspection.explain import explain as explain
    from minibert.inspection.patch import patch as patch
    from minibert.inspection.trace import trace as trace
    from minibert.model import BertModel as BertModel
    from minibert.model import BertOutput as BertOutput
    from minibert.pretraining.masking import mask_texts as mask_texts
    from minibert.pretraining.predict import continue_text as continue_text
    from minibert.task_heads import BertForQuestionAnswering as BertForQuestionAnswering
    from minibert.task_heads import BertForSequenceClassification as BertForSequenceClassification
    from minibert.task_heads import BertForTokenClassification as BertForTokenClassification
    from minibert.tokenizer import BertTokenizer as BertTokenizer
    from minibert.translation.encoder_decoder import BertLMHeadModel as BertLMHeadModel
    from minibert.translation.encoder_decoder import EncoderDecoderModel as EncoderDecoderModel
    from minibert.viewer.show import view as view
    from weights_loader import load_bert as load_bert
    from weights_loader import save_bert as save_bert

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
    "BertForSequenceClassification": "minibert.task_heads",
    "BertForTokenClassification": "minibert.task_heads",
    "BertForQuestionAnswering": "minibert.task_heads",
    "BertLMHeadModel": "minibert.translation.encoder_decoder",
    "EncoderDecoderModel": "minibert.translation.encoder_decoder",
    "load_bert": "weights_loader",
    "save_bert": "weights_loader",
    "trace": "minibert.inspection.trace",
    "patch": "minibert.inspection.patch",
    "explain": "minibert.inspection.explain",
    "view": "minibert.viewer.show",
    "Engine": "minibert.extraction.engine",
    "embed": "minibert.extraction.embed",
    "embed_file": "minibert.extraction.embed",
    "search": "minibert.extraction.search",
    "summarize": "minibert.extraction.summary",
    "mask_texts": "minibert.pretraining.masking",
    "continue_text": "minibert.pretraining.predict",
    "predict": "minibert.finetuning.predict",
    "translate": "minibert.finetuning.translator",
    "translate_file": "minibert.finetuning.translator",
    "evaluate": "minibert.finetuning.evaluate",
    "importance": "minibert.compression.importance",
    "prune": "minibert.compression.pruning",
}
__all__ = list(PUBLIC)
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'minibert' has no attribute {name!r}")
    return getattr(importlib.import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *PUBLIC]
