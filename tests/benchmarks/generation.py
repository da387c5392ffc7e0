"""Tokens a second beside transformers' generate: python -m tests.benchmarks.generation

Two BERTs of random weights, the same on both sides, which read 16 tokens and write 64, greedy; the
end token is never written. The programs take turns with the same threads; the medians are compared.
The last table shows what one token costs at the end of longer and longer texts.
"""

from functools import partial

import torch
import transformers

from minibert import BertConfig, BertModel
from minibert.translation.encoder_decoder import BertLMHeadModel, EncoderDecoderModel
from tests.benchmarks.timing import medians, print_machine
from weights_loader import stored

READ, WRITTEN, ROUNDS = 16, 64, 5
SIZES = {  # name -> layers, D
    "3 layers, D 128": (3, 128),
    "6 layers, D 384": (6, 384),
    "12 layers, D 768": (12, 768),
}
VOCABULARY = 8000


def pair(layers: int, width: int) -> tuple[EncoderDecoderModel, transformers.PreTrainedModel]:
    """The same model, ours and theirs."""
    heads = {"num_attention_heads": width // 64 if width > 128 else 4}
    sizes = {"vocab_size": VOCABULARY, "hidden_size": width, "num_hidden_layers": layers}
    config = BertConfig(**sizes, **heads, intermediate_size=4 * width)
    writer = BertLMHeadModel(config, cross_attention=True)
    ours = EncoderDecoderModel(BertModel(config, with_pooler=False), writer, start_token_id=2)
    theirs_config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        *(transformers.BertConfig(**config.to_dict()) for _ in range(2))
    )
    theirs_config.decoder_start_token_id, theirs_config.pad_token_id = 2, 0
    theirs = transformers.EncoderDecoderModel(theirs_config)
    parts = {"encoder": ours.encoder, "decoder": ours.decoder}
    state = {f"{p}.{name}": t for p, one in parts.items() for name, t in stored(one).items()}
    unexpected = theirs.load_state_dict(state, strict=False).unexpected_keys
    if unexpected:
        raise ValueError(f"names that transformers does not have: {unexpected}")
    theirs.tie_weights()
    return ours.eval(), theirs.eval()


def main() -> None:
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    print_machine()
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    print(f"\n{'tokens a second':<20}{'batch':>8}{'ours':>10}{'theirs':>10}{'ratio':>8}")
    for name, (layers, width) in SIZES.items():
        ours, theirs = pair(layers, width)
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


if __name__ == "__main__":
    main()
