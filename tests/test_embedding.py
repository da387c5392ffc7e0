import numpy as np
import torch

from minibert.embedding import Embeddings
from tests import tiny


def test_sum_of_three_then_layer_norm():
    embeddings = tiny.randomise(Embeddings(tiny.CONFIG).double(), seed=0)
    weights = {name: p.detach().numpy() for name, p in embeddings.named_parameters()}
    given = tiny.inputs()
    ids, segments = given["input_ids"].numpy(), given["token_type_ids"].numpy()
    expected = np.empty((3, 5, 28))
    for text in range(3):
        for place in range(5):
            total = (
                weights["token.weight"][ids[text, place]]
                + weights["position.table"][place]
                + weights["segment.weight"][segments[text, place]]
            )
            standard = (total - total.mean()) / np.sqrt(total.var() + 1e-12)
            expected[text, place] = (
                weights["layer_norm.gamma"] * standard + weights["layer_norm.beta"]
            )
    result = embeddings(given["input_ids"], given["token_type_ids"])
    np.testing.assert_allclose(result.detach().numpy(), expected, rtol=0, atol=1e-12)


def test_the_same_word_differs_by_place_and_by_segment():
    embeddings = tiny.randomise(Embeddings(tiny.CONFIG), seed=0)
    ids = torch.tensor([[7, 7, 7]])
    with torch.no_grad():
        first, second, third = embeddings(ids, torch.tensor([[0, 0, 1]]))[0]
        other_third = embeddings(ids, torch.tensor([[0, 0, 0]]))[0, 2]
    assert not torch.allclose(first, second)
    assert not torch.allclose(third, other_third)
