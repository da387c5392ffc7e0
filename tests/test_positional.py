import math

import pytest
import torch

from minibert import BertConfig, BertModel
from minibert.positional import LearnedPositions, SinusoidalPositions, sinusoid_table
from tests import tiny


@pytest.mark.parametrize("size", [28, 7])
def test_sinusoid_formula(size):
    table = sinusoid_table(13, size)
    for position in range(13):
        for feature in range(size):
            two_i = feature - feature % 2
            angle = position / 10000 ** (two_i / size)
            expected = math.cos(angle) if feature % 2 else math.sin(angle)
            assert table[position, feature].item() == pytest.approx(expected, abs=1e-6)


def test_learned_positions_are_the_first_rows_in_order():
    positions = tiny.randomise(LearnedPositions(tiny.CONFIG), seed=0)
    assert torch.equal(positions(5), positions.table[:5])


def test_sinusoid_in_place_of_the_table_by_configuration():
    config = BertConfig(**tiny.SIZES, position_embedding_type="sinusoidal")
    model = BertModel(config)
    assert isinstance(model.embeddings.position, SinusoidalPositions)
    assert torch.equal(model.embeddings.position(5), sinusoid_table(13, 28)[:5])
    assert "embeddings.position.table" in model.state_dict()
    assert "embeddings.position.table" not in dict(model.named_parameters())  # never trained
    assert len(model(**tiny.inputs()).hidden_states) == 7
