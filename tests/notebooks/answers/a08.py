"""Notebook 08: embeddings of all layers."""

import torch

from minibert.extraction.layers import recipe
from weights_loader import load_bert

model, tokenizer = load_bert()
inputs = tokenizer(["They walked along the bank of the river.", "The council voted."])
with torch.no_grad():
    states = model(**inputs).hidden_states
four = recipe("concat of last four", states)[0]
layer3 = states[3]


def mean_pool(vectors, attention_mask):
    weight = attention_mask[:, :, None].float()
    return (vectors * weight).sum(dim=1) / weight.sum(dim=1)


def row_by_row(vectors, attention_mask):
    pairs = zip(vectors, attention_mask, strict=True)
    return torch.stack([rows[mask == 1].mean(dim=0) for rows, mask in pairs])


words_alone = torch.stack([layer3[0, 1:11].mean(dim=0), layer3[1, 1:5].mean(dim=0)])

RIGHT = {
    "08.1": [[1, 11], (1, 11), torch.tensor([1, 11])],
    "08.2": [mean_pool, row_by_row, lambda v, m: row_by_row(v.double(), m).numpy()],
    "08.3": [
        (four[2] + four[3]) / 2,
        torch.cat([states[i][0, 2:4].mean(dim=0) for i in (1, 2, 3, 4)]).tolist(),
    ],
    "08.4": [words_alone, words_alone.double().numpy(), words_alone.tolist()],
    "08.5": ["no"],
}
WRONG = {
    "08.1": [[0, -2], [0, 11], [1, -2], [1, 10], 1],
    "08.2": [
        lambda v, m: ...,
        lambda v, m: v.mean(dim=1),  # padding and all
        lambda v, m: (v * m[:, :, None]).mean(dim=1),  # divided by S
        lambda v, m: v[:, 0],
        lambda v, m: v.sum(dim=1) / m.sum(dim=1, keepdim=True),
    ],
    "08.3": [
        four[2],
        four[3],
        four[1:3].mean(dim=0),  # [CLS] forgotten
        states[-1][0, 2:4].mean(dim=0),  # one layer
        torch.cat([states[i][0, 2:4].mean(dim=0) for i in (0, 1, 2, 3)]),
        torch.cat([states[i][0, 2:4].mean(dim=0) for i in (4, 3, 2, 1)]),
        sum(states[i][0, 2:4].mean(dim=0) for i in (1, 2, 3, 4)),
    ],
    "08.4": [
        layer3.mean(dim=1),
        layer3[:, 1:-1].mean(dim=1),
        torch.stack([layer3[0, :12].mean(dim=0), layer3[1, :6].mean(dim=0)]),
        torch.stack([layer3[0, 1:12].mean(dim=0), layer3[1, 1:6].mean(dim=0)]),
        torch.stack([states[2][0, 1:11].mean(dim=0), states[2][1, 1:5].mean(dim=0)]),
    ],
    "08.5": ["yes", 0],
}
