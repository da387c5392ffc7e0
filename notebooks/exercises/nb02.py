"""What is right in notebook 02: three embeddings."""

import torch

from minibert import BertConfig
from minibert.embedding import Embeddings
from minibert.positional import sinusoid_table

from . import compare, exercise

SEP = torch.tensor([4.0, 0, 1, 0])
POSITION_2 = torch.tensor([1.0, 1, 0, 0])
SEGMENT_1 = torch.tensor([1.0, 0, 0, 0])


@exercise("02.1")
def sum_of_three(answer: list[float]) -> str | None:
    return compare(answer, SEP + POSITION_2 + SEGMENT_1)


@exercise("02.2")
def three_embeddings(answer) -> str | None:
    config = BertConfig(
        vocab_size=9,
        hidden_size=6,
        num_attention_heads=2,
        max_position_embeddings=8,
        hidden_dropout_prob=0.0,
    )
    module = Embeddings(config)
    generator = torch.Generator().manual_seed(2)
    tables = (module.token.weight, module.position.table, module.segment.weight)
    with torch.no_grad():
        for table in tables:
            table.normal_(generator=generator)
    ids = torch.tensor([2, 7, 7, 3, 5, 7, 3])
    for name, segment_ids in (
        ("one text", torch.zeros_like(ids)),
        ("two texts", torch.tensor([0, 0, 0, 0, 1, 1, 1])),
    ):
        given = answer(ids, segment_ids, *(table.detach().clone() for table in tables))
        hint = compare(given, module(ids[None], segment_ids[None])[0])
        if hint:
            return f"On {name}, S = 7, D = 6, 8 positions: {hint}"
    return None


@exercise("02.3")
def sinusoid_at_3(answer: list[float]) -> str | None:
    return compare(answer, sinusoid_table(4, 4)[3], tolerance=2e-3)


@exercise("02.4")
def count(answer: int) -> str | None:
    with torch.device("meta"):  # shapes without numbers
        module = Embeddings(BertConfig())
    right = sum(parameter.numel() for parameter in module.parameters())
    hint = compare(answer, right, tolerance=0)
    return hint and "Three tables of D columns, and γ and β of the normalisation."


@exercise("02.5")
def dot_product_at_distance(answer) -> str | None:
    for size in (4, 64, 256):
        table = sinusoid_table(40, size).double()
        for distance in (0, 1, 7, 30):
            hint = compare(answer(distance, size), table[5] @ table[5 + distance])
            if hint:
                return f"k = {distance}, D = {size}: {hint}"
    return None
