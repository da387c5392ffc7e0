import torch

from minibert.embedding import Embeddings
from tests import tiny


def test_the_same_word_differs_by_place_and_by_segment():
    embeddings = tiny.randomise(Embeddings(tiny.CONFIG), seed=0)
    ids = torch.tensor([[7, 7, 7]])
    with torch.no_grad():
        first, second, third = embeddings(ids, torch.tensor([[0, 0, 1]]))[0]
        other_third = embeddings(ids, torch.tensor([[0, 0, 0]]))[0, 2]
    assert not torch.allclose(first, second)
    assert not torch.allclose(third, other_third)
