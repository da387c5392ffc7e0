"""Do the tests see the classic faults in the page's JavaScript? Each must make a check fail.

The notation is that of tests/mutations.py; a module is a file in viewer/page/.
"""

import importlib
import shutil
from pathlib import Path

import pytest

from minibert.viewer import build as builder
from tests.mutations import Mutation, read
from tests.viewer import test_parity as parity
from tests.viewer.chromium import Opened

pytestmark = pytest.mark.browser
MUTATIONS = read(r"""
[model/linear.js]
no bias
- y[t * outs + r] = bz + bias[r];
+ y[t * outs + r] = bz;
past the last token
- const t = Math.min(s + 1, tokens.length - 1);
+ const t = s + 1;
past the last feature
- const r = Math.min(o + 3, outs - 1);
+ const r = o + 3;

[model/embedding.js]
no positions
- add(add(token, segment), position)
+ add(token, segment)
swapped segments
- rowsOf(weights("segment.weight"), segments)
+ rowsOf(weights("segment.weight"), segments.map((segment) => 1 - segment))
positions one off
- table.data.slice(0, length * size)
+ table.data.slice(size, (length + 1) * size)
no LayerNorm of the embeddings
- return layerNorm(sum, "layer_norm", weights, config, named);
+ layerNorm(sum, "layer_norm", weights, config, named); return sum;

[model/layer_norm.js]
another ε
- Math.sqrt(variance + eps)
+ Math.sqrt(variance + 1e-12)
ε outside the root
- Math.sqrt(variance + eps)
+ (Math.sqrt(variance) + eps)
N−1 variance
- ** 2, 0) / size;
+ ** 2, 0) / (size - 1);
γ and β exchanged
- gamma[i % size] * number + beta[i % size]
+ beta[i % size] * number + gamma[i % size]

[model/attention.js]
√D for √H
- const root = Math.sqrt(size);
+ const root = Math.sqrt(size * heads);
keys ask
- attentionScores(query, key));
+ attentionScores(key, query));
heads merged without the transpose
- merged.data.set(context.data.subarray(start, start + size), (s * heads + n) * size);
+ merged.data.set(context.data.subarray(start, start + size), start);
heads interleaved when split
- split.data.set(x.data.subarray(start, start + size), (n * length + s) * size);
+ split.data.set(x.data.subarray(start, start + size), (s * heads + n) * size);
keys and values exchanged
- weightedValues(probs, value));
+ weightedValues(probs, key));
the softmax of the largest score only
- total += Math.exp(row[i] - largest);
+ total = Math.max(total, Math.exp(row[i] - largest));

[model/feed_forward.js]
the tanh form of GELU
- 0.5 * (1 + erf(x / Math.SQRT2))
+ 0.5 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
erf ends too early
- > 1e-17
+ > 1e-3
ReLU
- inner.data.map(gelu)
+ inner.data.map((number) => Math.max(0, number))

[model/encoder.js]
no residual around attention
- add(x, attentionOutput)
+ attentionOutput
the residual of the layer's input, not of a
- add(a, feedForwardOutput)
+ add(x, feedForwardOutput)
every layer reads the embeddings
- encoderLayer(hiddenStates[i],
+ encoderLayer(h0,

[model/heads.js]
the MLM head without GELU
- dense.data.map(gelu)
+ dense.data.slice()
the five last pieces, not the first
- logits[other] < logit)
+ logits[other] > logit)
a piece left out
- logit <= logits[best[k - 1]]
+ logit <= 2 * logits[best[k - 1]]

[model/model.js]
the pooler reads the last token
- rowOf(last, 0)
+ rowOf(last, last.shape[1] - 1)
the pooler without tanh
- dense.data.map(Math.tanh)
+ dense.data.slice()
the heads off are those of the layer before
- pair[0] === layer
+ pair[0] === layer + 1
the head after the one that is off
- changed.data.fill(0, head * all, (head + 1) * all)
+ changed.data.fill(0, (head + 1) * all, (head + 2) * all)
√D where √H is off
- Math.sqrt(config.hidden_size / config.num_attention_heads)
+ Math.sqrt(config.hidden_size)
positions are never off
- if (changes.noPositions)
+ if (changes.noPosition)
the probabilities of NSP as logits
- softmax(nsp).data
+ nsp.data

[model/words.js]
accents stay
- !isMark(part)
+ part
Chinese characters are letters
- (isCjk(char) ? ` ${char} ` : char)
+ char
$ is a letter
- [\p{P}$+<=>^`|~]
+ [\p{P}]
classes of today's Unicode
- if (isLater(char)) return false;
+ 
control characters stay
- isControl(char) ? "" : char
+ char
capital letters stay
- char.toLowerCase()
+ char

[model/wordpiece.js]
no ##
- const mark = start ? "##" : "";
+ const mark = "";
the shortest beginning
- let end = letters.length;
+ let end = start + 1;
words of up to 200 letters
- LONGEST_WORD = 100
+ LONGEST_WORD = 200
a part that no piece covers is passed over
- if (end === start) return { tries, pieces: null };
+ if (end === start) end = start + 1;
special tokens are split
- number % 2 === 1
+ false

[model/tokenizer.js]
the last [SEP] in the first segment
- this.push(row, this.settings.sep_token, number);
+ this.push(row, this.settings.sep_token, 0);
nothing is cut
- if (sum(lengths) <= room) return lengths;
+ if (room) return lengths;
both texts give way alike
- const shorter = Math.min(first, second, Math.floor(room / 2));
+ const shorter = Math.floor(room / 2);

[model/runner.js]
other ids are not taken
- changes.ids || row.ids
+ row.ids
other segments are not taken
- changes.segments || row.segments
+ row.segments
""")


def check(page: Opened, reference: parity.Reference) -> None:
    """What test_parity.py checks, with the small model alone."""
    for text in parity.SMALL_TEXTS:
        reference.check(page, text)
    for text in ("a", "ab c", parity.SMALL_TEXTS[-1]):
        for pair in parity.SMALL_PAIRS:
            reference.check(page, text, pair)
    for name in parity.WHAT_IFS:
        parity.check_what_if(name, page, reference, "a b c", "d e")
    parity.check_other_inputs(page, reference, "a b c", "d e")


def page_with(mutation: Mutation | None, folder: Path, monkeypatch) -> Path:
    """The built file of the small model, with one change in its sources."""
    copied = folder / "page"
    shutil.copytree(builder.PAGE, copied)
    if mutation:
        file = copied / mutation.module
        source, old = file.read_text(encoding="utf-8"), "\n".join(mutation.old)
        assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times"
        file.write_text(source.replace(old, "\n".join(mutation.new)), encoding="utf-8")
    monkeypatch.setattr(builder, "PAGE", copied)
    (folder / "bert.html").write_text(builder.build(*parity.small_model()), encoding="utf-8")
    return folder / "bert.html"


@pytest.fixture(scope="module")
def page(browser) -> Opened:
    """One for all, as opening it takes longer than the check."""
    return Opened(browser.new_page(offline=True))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_check_sees_it(mutation, page, tmp_path, monkeypatch):
    page.open(page_with(mutation, tmp_path, monkeypatch))
    # An error in the page comes back from run as the browser's.
    with pytest.raises((AssertionError, importlib.import_module("playwright.sync_api").Error)):
        check(page, parity.Reference(*parity.small_model()))


def test_the_check_passes_on_the_true_sources(page, tmp_path, monkeypatch):
    page.open(page_with(None, tmp_path, monkeypatch))
    check(page, parity.Reference(*parity.small_model()))
