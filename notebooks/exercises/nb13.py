"""What is right in notebook 13: what the articles get wrong."""

import math
from functools import cache

import torch

from minibert.layer_norm import LayerNorm
from weights_loader import load_bert

from . import compare, exercise, numbers_of

bundled = cache(load_bert)


@exercise("13.1")
def sentence_vectors(answer) -> str | None:
    model, tokenizer = bundled()
    texts = ["Rain.", "The king died in the winter of 1516."]
    inputs = tokenizer(texts)
    with torch.no_grad():
        found = answer(model(**inputs), inputs["attention_mask"])
        alone = [model(**tokenizer(text)).last_hidden_state[0].mean(dim=0) for text in texts]
    return compare(found, torch.stack(alone))


@exercise("13.2")
def the_first_loss(answer: tuple[int, float]) -> str | None:
    question, loss = answer
    if abs(loss - math.log(30522)) > 0.3:
        return "What does a guesser pay that gives each of 30,522 pieces the same probability?"
    return None if question == 3 else "The size of a number gave it away. Which question was that?"


@exercise("13.3")
def which_are_right(answer: list[str]) -> str | None:
    if isinstance(answer, str) or not set(answer) <= set("abcde"):
        return 'A list of letters from "a" to "e".'
    wrong = len(set(answer) ^ {"b", "d"})
    return None if wrong == 0 else f"{5 - wrong} of the 5 sentences are judged rightly."


@exercise("13.4")
def where_they_differ(answer: torch.Tensor) -> str | None:
    x = torch.from_numpy(numbers_of(answer))
    if x.dim() != 2:
        return f"An x of shape [S, D] is wanted, not {list(x.shape)}."
    theirs = (x - x.mean()) / torch.sqrt(((x - x.mean()) ** 2).mean() + 1e-12)
    ours = LayerNorm(x.shape[1], eps=1e-12).double()(x)
    if (theirs - ours).abs().max() > 0.1:
        return None
    return "For this x both give the same. Over which axes does each take the mean?"
