import torch

from minibert.attention import MultiHeadAttention, make_additive_mask
from minibert.translation.cross_attention import CrossAttention
from tests import tiny
from tests.articles.formulas import close, softmax, weights_of

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(3, 7, 28, generator=GENERATOR, dtype=torch.float64)  # [B, T, D]
MEMORY = torch.randn(3, 5, 28, generator=GENERATOR, dtype=torch.float64)  # [B, S, D]
MASK = make_additive_mask(tiny.inputs()["attention_mask"], torch.float64)
ATTENTION = tiny.randomise(CrossAttention(tiny.CONFIG).double(), seed=0)


def run(x=X, memory=MEMORY, mask=MASK):
    with torch.no_grad():
        return ATTENTION(x, mask, memory)


def test_the_formula_with_padding():
    """Each head by itself, over the real tokens of each text; queries of x, the rest of memory."""
    output, probs = run()
    weights = weights_of(ATTENTION)

    def project(name, vectors):
        return vectors.numpy() @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    for text, length in enumerate(tiny.LENGTHS):
        query = project("query", X[text])
        key, value = (project(name, MEMORY[text, :length]) for name in ("key", "value"))
        merged = torch.empty(7, 28, dtype=torch.float64)
        for head in range(4):
            part = slice(7 * head, 7 * head + 7)
            shares = softmax(query[:, part] @ key[:, part].T / 7**0.5)
            close(probs[text, head, :, :length], shares)
            merged[:, part] = torch.from_numpy(shares @ value[:, part])
        assert (probs[text, :, :, length:] == 0).all()
        close(output[text], project("output", merged))


def test_of_a_text_to_itself_it_is_multi_head_attention():
    """F2: nothing is new but where keys and values come from."""
    attention = MultiHeadAttention(tiny.CONFIG).double().eval()
    attention.load_state_dict(ATTENTION.state_dict())
    expected = attention(MEMORY, MASK)
    for ours, theirs in zip(run(MEMORY, MEMORY), expected, strict=True):
        assert torch.equal(ours, theirs)


def test_each_token_asks_for_itself_and_sees_the_whole_memory():
    output, _ = run()
    one_changed = X.clone()
    one_changed[:, 3] = 0
    changed, _ = run(one_changed)
    assert torch.equal(output[:, [0, 1, 2, 4, 5, 6]], changed[:, [0, 1, 2, 4, 5, 6]])
    last = MEMORY.clone()
    last[0, 4] = 0  # a real token of the first text, padding in the others
    changed, _ = run(memory=last)
    assert ((output - changed)[0].abs().amax(dim=-1) > 1e-3).all()  # of every token
    assert torch.equal(output[1:], changed[1:])
    padding = MEMORY.clone()
    padding[1, 3:] = 9.0
    assert torch.equal(output, run(memory=padding)[0])


def test_the_order_of_the_memory_is_nothing_to_it():
    """Where a word stood, the encoder has written into its vector."""
    no_mask = torch.zeros(1, 1, 1, 5, dtype=torch.float64)
    output, probs = run(mask=no_mask)
    flipped, flipped_probs = run(memory=MEMORY.flip(1), mask=no_mask)
    torch.testing.assert_close(flipped, output)
    torch.testing.assert_close(flipped_probs, probs.flip(-1))
