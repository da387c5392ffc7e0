"""Cross-attention as an alignment (对齐): which pieces were read while a piece was written.

    print(alignment(model, tokenizer, "I am tired.", model.generate(**tokenizer("I am tired."))))

    A_ts = 1/N · Σ_n probs_nts        of one decoder layer's cross-attention

where row t belongs to the piece that was guessed there, the one behind the piece that the decoder
was given. Each row sums to 1.

Source: Bahdanau et al. 2014 (arXiv 1409.0473), figure 3; Vaswani et al. 2017, section 3.2.3.

Differs: there it was one layer's one attention. Here are L·N of them, and none was taught to align:
many look at [SEP] where nothing is to be read. Look at several layers before you believe one.
"""

from dataclasses import dataclass

import torch

from minibert.common.fonts import fonts
from minibert.common.language import said
from minibert.inspection.explain import aligned, visible, width
from minibert.tokenizer import BertTokenizer
from minibert.translation.encoder_decoder import EncoderDecoderModel

SHADES = " ░▒▓█"  # for fifths of a row


@dataclass(frozen=True)
class Alignment:
    """What `alignment` found; print it, or draw it."""

    read: tuple[str, ...]  # S pieces
    written: tuple[str, ...]  # T pieces
    weights: torch.Tensor  # [T, S]

    def __str__(self) -> str:
        """A row for each written piece: shades below the pieces that it read, and the darkest."""
        rows = [["", *self.read, said("most")]]
        for piece, weights in zip(self.written, self.weights.tolist(), strict=True):
            shades = [
                SHADES[min(4, int(5 * weight))] * width(other)
                for weight, other in zip(weights, self.read, strict=True)
            ]
            most = max(weights)
            rows.append([piece, *shades, f"{self.read[weights.index(most)]} {most:.0%}"])
        return aligned(rows)


def alignment(
    model: EncoderDecoderModel,
    tokenizer: BertTokenizer,
    text: str,
    written_ids: torch.Tensor,
    *,
    layer: int = -1,
) -> Alignment:
    """What a decoder layer read while it wrote.

    `written_ids` [1, T]: as `generate` returns them, the start token first; of a translation that
    was not written by this model: model.target_tokenizer(translation)["input_ids"].
    `layer`: counted from 0; −1 is the last.
    """
    if not isinstance(model, EncoderDecoderModel):
        raise ValueError(f"an alignment is of an EncoderDecoderModel, not {type(model).__name__}")
    layers = len(model.decoder.bert.decoder.layers)
    if not -layers <= layer < layers:
        raise ValueError(f"layer must be 0 to {layers - 1}, or −1 for the last, not {layer}")
    if written_ids.dim() != 2 or len(written_ids) != 1 or written_ids.shape[1] < 2:
        wanted = "[1, T], the start token and at least one more"
        raise ValueError(f"written_ids must have shape {wanted}, not {list(written_ids.shape)}")
    ids = written_ids[0].tolist()
    if model.end_token_id in ids[1:]:  # what stands behind it is padding
        ids = ids[: ids.index(model.end_token_id, 1) + 1]
    device = model.decoder.mlm.bias.device
    inputs = {name: tensor.to(device) for name, tensor in tokenizer(text).items()}
    with torch.inference_mode():
        given = torch.tensor([ids[:-1]], device=device)
        output = model(**inputs, decoder_input_ids=given)
    probs = output.decoder.cross_attention_probs[layer][0]  # [N, T, S]
    target = model.target_tokenizer or tokenizer
    read = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    written = target.convert_ids_to_tokens(ids[1:])
    return Alignment(
        tuple(map(visible, read)), tuple(map(visible, written)), probs.mean(dim=0).cpu()
    )


def draw_alignment(found: Alignment, file: str) -> None:
    """The same as a picture: what was read along the top, what was written down the side."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows, columns = found.weights.shape
    with rc_context({"font.family": fonts()}):
        figure = Figure(figsize=(2.5 + 0.4 * columns, 1.5 + 0.4 * rows), layout="constrained")
        axes = figure.add_subplot()
        image = axes.imshow(found.weights.numpy(), vmin=0, cmap="Greys", aspect="auto")
        axes.set_xticks(range(columns), found.read, rotation=90)
        axes.set_yticks(range(rows), found.written)
        axes.xaxis.tick_top()
        figure.colorbar(image, label=said("share"))
        figure.savefig(file, dpi=150, metadata={"Software": "minibert"})
