"""The official checkpoints and their published values. Needs the Hub: pytest -m official."""

import pytest
import torch

from minibert.attention import softmax
from minibert.proof.verify import verify
from tests.parity.helpers import assert_all_passed
from weights_loader import load_bert

pytestmark = pytest.mark.official
NAMES = (
    "bert-base-uncased",
    "bert-base-cased",
    "bert-base-chinese",
    "bert-base-multilingual-cased",
)
TEXTS = ("After stealing money from the bank vault.", "我喜欢的电影是《星际穿越》。", "naïve")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_every_operation(name, dtype):
    assert_all_passed(verify(name, TEXTS, dtype))


def close(values, expected, tolerance=1e-4):
    torch.testing.assert_close(
        values, torch.tensor(expected), rtol=0, atol=tolerance, check_dtype=False
    )


def test_the_integration_test_of_transformers():
    """tests/models/bert/test_modeling_bert.py there; the first id is a masked [PAD]."""
    model, _ = load_bert("bert-base-uncased")
    ids = torch.tensor([[0, 345, 232, 328, 740, 140, 1695, 69, 6078, 1588, 2]])
    mask = torch.tensor([[0] + [1] * 10])
    with torch.no_grad():
        state = model(ids, attention_mask=mask).last_hidden_state
    assert state.shape == (1, 11, 768)
    expected = [[0.4249, 0.1008, 0.7531], [0.3771, 0.1188, 0.7467], [0.4152, 0.1098, 0.7108]]
    close(state[0, 1:4, 1:4], expected)


def test_hello_my_dog_is_cute():
    model, tokenizer = load_bert("bert-base-uncased")
    with torch.no_grad():
        state = model(**tokenizer("Hello, my dog is cute")).last_hidden_state[0]
    assert state.shape == (8, 768)
    close(state[0, :3], [-0.1144, 0.1937, 0.1250])
    close(state[0, -3:], [-0.3827, 0.2107, 0.5407])
    close(state[1, :3], [0.5308, 0.3207, 0.3665])
    close(state[7, :3], [0.6080, 0.2610, -0.3131])


def test_the_bank_tutorial():
    """mccormickml.com, BERT word embeddings: the sum of the last four layers.

    Its segments of all 1 were passed where transformers then took the attention mask, so the
    segments in force were 0.
    """
    model, tokenizer = load_bert("bert-base-uncased")
    inputs = tokenizer(
        "After stealing money from the bank vault, the bank robber was seen fishing on the "
        "Mississippi river bank."
    )
    assert inputs["input_ids"][0, :7].tolist() == [101, 2044, 11065, 2769, 2013, 1996, 2924]
    with torch.no_grad():
        total = torch.stack(model(**inputs).hidden_states[-4:]).sum(dim=0)[0]
    close(total[6, :5], [3.3596, -2.9805, -1.5421, 0.7065, 2.0031], 1e-3)
    close(total[10, :5], [2.7359, -2.5577, -1.3094, 0.6797, 1.6633], 1e-3)
    close(total[19, :5], [1.5266, -0.8895, -0.5152, -0.9298, 2.8334], 1e-3)
    cosine = torch.nn.functional.cosine_similarity
    close(cosine(total[10], total[6], dim=0), 0.94, 0.005)
    close(cosine(total[10], total[19], dim=0), 0.69, 0.005)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Hello I'm a [MASK] model.",
            {
                "fashion": 0.10731,
                "role": 0.08774,
                "new": 0.05338,
                "super": 0.04667,
                "fine": 0.02710,
            },
        ),
        (
            "The man worked as a [MASK].",
            {
                "carpenter": 0.09748,
                "waiter": 0.05238,
                "barber": 0.04963,
                "mechanic": 0.03789,
                "salesman": 0.03768,
            },
        ),
        ("The woman worked as a [MASK].", {"nurse": 0.21981, "waitress": 0.15974, "maid": 0.11547}),
    ],
)
def test_the_model_cards_masked_words(text, expected):
    model, tokenizer = load_bert("bert-base-uncased", head="mlm")
    inputs = tokenizer(text)
    place = inputs["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    with torch.no_grad():
        probs = softmax(model(**inputs).mlm_logits[0, place])
    best = probs.topk(len(expected))
    assert [tokenizer.tokens[i] for i in best.indices] == list(expected)
    close(best.values, list(expected.values()), 1e-4)


def test_bert_base_uncaseds_account():
    """gamma and beta, "bert.", cls.*: every tensor of the file has its fate."""
    model, _ = load_bert("bert-base-uncased", head="pretraining")
    fates = [fate for fate, _ in model.account.file.values()]
    assert fates.count("renamed") == 52
    assert set(model.account.model.values()) == {"filled"}
