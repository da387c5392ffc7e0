"""Tokens a second beside transformers' generate: python -m tests.benchmarks.generation

Two BERTs of random weights, the same on both sides, which read 16 tokens and write 64, greedy; the
end token is never written. The programs take turns with the same threads; the medians are compared.
Below, what a token costs in longer and longer texts.
"""

from functools import partial

import torch
import transformers

from minibert import BertConfig, BertModel
from minibert.translation.encoder_decoder import BertLMHeadModel, EncoderDecoderModel
from tests.benchmarks.timing import medians, print_machine
from tests.parity.helpers import as_theirs

READ, WRITTEN, ROUNDS = 16, 64, 5
SIZES = {  # name -> layers, D
    "3 layers, D 128": (3, 128),
    "6 layers, D 384": (6, 384),
    "12 layers, D 768": (12, 768),
}
VOCABULARY = 8000


def pair(layers: int, width: int) -> EncoderDecoderModel:
    heads = {"num_attention_heads": width // 64 if width > 128 else 4}
    sizes = {"vocab_size": VOCABULARY, "hidden_size": width, "num_hidden_layers": layers}
    config = BertConfig(**sizes, **heads, intermediate_size=4 * width)
    writer = BertLMHeadModel(config, cross_attention=True)
    reader = BertModel(config, with_pooler=False)
    return EncoderDecoderModel(reader, writer, start_token_id=2).eval()


def main() -> None:
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    print_machine()
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    print(f"\n{'tokens a second':<20}{'batch':>8}{'ours':>10}{'theirs':>10}{'ratio':>8}")
    for name, (layers, width) in SIZES.items():
        ours = pair(layers, width)
        theirs = as_theirs(ours)
        for batch in (1, 16):
            ids = torch.randint(5, VOCABULARY, (batch, READ))
            options = {"attention_mask": torch.ones_like(ids), "max_length": WRITTEN + 1}
            written = ours.generate(ids, **options), theirs.generate(ids, **options)
            same = (written[0] == written[1]).float().mean()
            times = medians(
                partial(ours.generate, ids, **options),
                partial(theirs.generate, ids, **options),
                rounds=ROUNDS,
            )
            speeds = [batch * WRITTEN / time for time in times]
            ratio = speeds[0] / speeds[1]
            row = f"{name:<20}{batch:>8}{speeds[0]:>10.0f}{speeds[1]:>10.0f}{ratio:>8.2f}"
            print(f"{row}  the same tokens: {same:.1%}", flush=True)
    ours = pair(*SIZES["3 layers, D 128"])
    print("\nms a token, with kept keys and values and without:")
    for length in (64, 128, 256, 512):
        kept, again = (
            partial(ours.generate, ids[:1], max_length=length, use_cache=use_cache)
            for use_cache in (True, False)
        )
        times = [1000 * time / (length - 1) for time in medians(kept, again, rounds=1)]
        print(f"{length:>5} tokens{times[0]:>10.2f}{times[1]:>10.2f}", flush=True)


if __name__ == "__main__":
    main()
