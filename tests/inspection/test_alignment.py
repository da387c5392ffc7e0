"""Cross-attention as an alignment: its numbers, on the terminal, as a picture."""

import pytest
import torch

from minibert import BertTokenizer, patch, trace
from minibert.inspection.alignment import Alignment, alignment, draw_alignment
from tests import tiny

TOKENIZER = tiny.tokenizer()
TARGET = BertTokenizer([*tiny.VOCAB[:5], *"我累了不是你们他她它很好人大小上下左右中国日月水火山"])
TEXT = "ab c"  # [CLS] a ##b c [SEP]
WRITTEN = torch.tensor([[2, 5, 6, 7, 3, 0, 0]])  # [CLS] 我 累 了 [SEP] and padding


def made():
    model = tiny.pair()
    model.target_tokenizer = TARGET
    return model


MODEL = made()


def test_a_row_is_what_was_read_to_guess_its_piece():
    found = alignment(MODEL, TOKENIZER, TEXT, WRITTEN, layer=1)
    assert found.read == ("[CLS]", "a", "##b", "c", "[SEP]")
    assert found.written == ("我", "累", "了", "[SEP]")
    with torch.no_grad():
        output = MODEL(**TOKENIZER(TEXT), decoder_input_ids=WRITTEN[:, :4])
    expected = output.decoder.cross_attention_probs[1][0].mean(dim=0)
    torch.testing.assert_close(found.weights, expected)
    torch.testing.assert_close(found.weights.sum(dim=1), torch.ones(4, dtype=torch.float64))
    last = alignment(MODEL, TOKENIZER, TEXT, WRITTEN)
    assert torch.equal(last.weights, alignment(MODEL, TOKENIZER, TEXT, WRITTEN, layer=2).weights)
    assert not torch.allclose(last.weights, found.weights)
    # A model that writes the same pieces as it reads has one vocabulary.
    MODEL.target_tokenizer = None
    assert alignment(MODEL, TOKENIZER, TEXT, WRITTEN).written == ("a", "b", "c", "[SEP]")
    MODEL.target_tokenizer = TARGET


def test_ids_of_a_translation_are_as_generated_ones():
    ids = TARGET("我累了")["input_ids"]
    assert torch.equal(ids, WRITTEN[:, :5])
    one, other = (alignment(MODEL, TOKENIZER, TEXT, each) for each in (ids, WRITTEN))
    assert torch.equal(one.weights, other.weights)
    cut = alignment(MODEL, TOKENIZER, TEXT, WRITTEN[:, :3])  # by max_length
    assert cut.written == ("我", "累")


def test_the_picture_is_the_patched_attention():
    """All heads look at one piece for each row: that is what both pictures show."""
    wanted = torch.zeros(1, 2, 4, 5, dtype=torch.float64)
    for t, s in enumerate((1, 3, 2, 4)):
        wanted[..., t, s] = 1
    name = "decoder.bert.decoder.layers.2.cross_attention.probs"
    with patch(MODEL, {name: wanted}), trace(MODEL, name) as t:
        found = alignment(MODEL, TOKENIZER, TEXT, WRITTEN)
    assert torch.equal(found.weights, t[name][0, 0])
    assert str(found).splitlines() == [
        "         [CLS]  a  ##b  c  [SEP]  most",
        "  我            █                 a 100%",
        "  累                    █         c 100%",
        "  了               ███            ##b 100%",
        "  [SEP]                    █████  [SEP] 100%",
    ]


def test_shades():
    weights = torch.tensor([[0.05, 0.15, 0.3, 0.5, 0.0], [0.19, 0.21, 0.41, 0.61, 0.81]])
    lines = str(Alignment(("a", "b", "c", "d", "e"), ("x", "y"), weights)).splitlines()
    assert lines[1] == "  x        ░  ▒     d 50%"
    assert lines[2] == "  y     ░  ▒  ▓  █  e 81%"


@pytest.mark.filterwarnings("ignore:Glyph")  # where no font has Chinese characters
def test_drawn(tmp_path, monkeypatch):
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    drawn, save = [], Figure.savefig

    def keep(figure, *arguments, **options):
        drawn.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    found = alignment(MODEL, TOKENIZER, TEXT, WRITTEN)
    draw_alignment(found, str(tmp_path / "one.png"))
    axes = drawn[0].axes[0]
    assert (axes.images[0].get_array() == found.weights.numpy()).all()
    assert tuple(label.get_text() for label in axes.get_xticklabels()) == found.read
    assert tuple(label.get_text() for label in axes.get_yticklabels()) == found.written
    assert imread(tmp_path / "one.png").std() > 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": 3}, "layer must be 0 to 2, or −1 for the last, not 3"),
        ({"layer": -4}, "layer must be 0 to 2, or −1 for the last, not -4"),
        ({"written_ids": WRITTEN[:, :1]}, r"written_ids must have .* not \[1, 1\]"),
        ({"written_ids": WRITTEN[0]}, r"written_ids must have shape \[1, T\], .* not \[7\]"),
        ({"written_ids": WRITTEN.repeat(2, 1)}, r"written_ids must have .* not \[2, 7\]"),
        ({"written_ids": WRITTEN + 31}, "decoder_input_ids holds 37"),
        ({"model": tiny.pair().encoder}, "is of an EncoderDecoderModel, not BertModel"),
    ],
)
def test_what_cannot_be(arguments, message):
    given = {"model": MODEL, "tokenizer": TOKENIZER, "text": TEXT, "written_ids": WRITTEN}
    with pytest.raises(ValueError, match=message):
        alignment(**{**given, **arguments})
