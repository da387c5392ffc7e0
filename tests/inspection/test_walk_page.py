"""What is printed of a walk: the numbers of the NumPy twin, in columns that line up."""

import re

import pytest

from minibert import BertModel
from minibert.inspection.explain import width
from minibert.inspection.walk import walk
from minibert.inspection.walk_page import ACROSS, COLUMNS, FEW, MANY, Page, cut, table
from minibert.proof.numpy_twin import as_arrays, forward
from tests import tiny

MODEL = tiny.ours(BertModel)
TOKENIZER = tiny.tokenizer()
INPUTS = TOKENIZER("abc ba")
TOKENS = TOKENIZER.convert_ids_to_tokens(INPUTS["input_ids"][0])
STEPS = walk(MODEL, INPUTS)
TWIN = forward(as_arrays(MODEL.state_dict()), tiny.CONFIG, INPUTS["input_ids"].numpy())
BETWEEN_TOKENS = ("scores", "masked_scores", "probs")
SIDE_BY_SIDE = ("query", "key", "value", "merged_context")


def page(head=0, tokens=TOKENS, **options):
    return Page(tokens, head=head, head_size=tiny.CONFIG.head_size, **options)


def read_table(text):
    """(corner and columns, rows) of a printed table, its … left out."""
    lines = [line.split() for line in text.splitlines() if line]
    header = [word for word in lines[0] if word != "…"]
    return header, [(row[0], [float(cell) for cell in row[1:]]) for row in lines[1:]]


@pytest.mark.parametrize("head", [0, 2])
@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_the_numbers_are_those_of_the_twin(step, head):
    first, formula, source, *rest = page(head, in_full=True).step(step).splitlines()
    assert first.split("  ")[:2] == [step.name, str(list(step.value.shape))]
    assert first.endswith(f"  {step.location}")
    assert formula.startswith(f"  =  {step.formula}")
    assert formula.endswith(f"  in {step.inside}" if step.inside else step.formula)
    assert source == f"  -> {step.source}"
    header, rows = read_table("\n".join(rest))

    value, kind = TWIN[step.name], step.name.rpartition(".")[2]
    if kind in (*BETWEEN_TOKENS, "context"):
        rows_of_twin = value[0, head]
    elif kind in SIDE_BY_SIDE:  # the twin's own way to cut a vector into heads
        rows_of_twin = value[0, :, 7 * head : 7 * head + 7]
    else:
        rows_of_twin = value if kind == "position" or "pooler" in step.name else value[0]
    assert [label for label, _ in rows] == TOKENS[: len(rows_of_twin)]
    shown = min(ACROSS, rows_of_twin.shape[1])
    for (_, numbers), expected in zip(rows, rows_of_twin, strict=True):
        assert numbers == pytest.approx(expected[:shown], abs=5.1e-4)

    has_heads = kind in (*BETWEEN_TOKENS, "context", *SIDE_BY_SIDE)
    corner = ["head", str(head)] if has_heads else ["feature"]
    start = 7 * head if kind in SIDE_BY_SIDE else 0
    columns = TOKENS if kind in BETWEEN_TOKENS else map(str, range(start, start + shown))
    assert header == [*corner, *columns]


def test_overview():
    text = page(head=1).overview(STEPS)
    titles = [line.strip("─ ") for line in text.splitlines() if line.startswith("──")]
    assert titles == [
        "embeddings: input_ids -> hidden_states[0]",
        "encoder.layers.0: hidden_states[0] -> hidden_states[1]",
        "the same steps in each further layer; its output at [CLS]",
        "pooler: last_hidden_state -> pooler_output",
    ]
    names = re.findall(r"^((?:embeddings|encoder|pooler)\S+)  \[", text, flags=re.MULTILINE)
    assert names == [step.name for step in STEPS if not re.search(r"layers\.[1-5]", step.name)]
    lines = re.findall(r"^  (encoder\S+)  +(\S+)  +(\S+)", text, flags=re.MULTILINE)
    assert [line[0] for line in lines] == [f"encoder.layers.{i}" for i in range(1, 6)]
    for name, *numbers in lines:
        expected = TWIN[f"{name}.feed_forward_layer_norm"][0, 0, :2]
        assert list(map(float, numbers)) == pytest.approx(expected, abs=5.1e-4)


def test_overview_of_one_layer_and_no_pooler():
    text = page().overview([s for s in STEPS if s.section in ("embeddings", "encoder.layers.0")])
    assert "further" not in text
    assert "pooler" not in text
    assert text.count("encoder.layers.0.attention.probs") == 1


def test_a_long_text_is_shown_in_part():
    inputs = TOKENIZER(" ".join("abcdefghijkabcdefghijk"[: MANY - 1]))
    tokens = TOKENIZER.convert_ids_to_tokens(inputs["input_ids"][0])
    assert len(tokens) == MANY + 1
    steps = {step.name.removeprefix("encoder.layers.0."): step for step in walk(MODEL, inputs)}

    def labels(name, **options):
        lines = page(tokens=tokens, **options).step(steps[name]).splitlines()[4:]
        return [line.split()[0] for line in lines if line]

    assert labels("attention.query") == [*tokens[:FEW], "…"]
    assert labels("attention.probs") == [*tokens[:MANY], "…"]
    assert labels("attention.query", in_full=True) == [*tokens[:MANY], "…"]
    assert labels("embeddings.position", in_full=True) == [*tokens[:MANY], "…"]


def test_inputs():
    (first, *_), rows = read_table(page().inputs(INPUTS).partition("\n")[2])
    assert first == "token"
    assert dict(rows) == {name: ids[0].tolist() for name, ids in INPUTS.items()}


CHINESE = ["[CLS]", "我", "##们的猫在", "e\u0301", "a\u200bb", "internationalization", "[SEP]"]


def test_columns_line_up_for_chinese_and_for_long_tokens():
    step = next(step for step in STEPS if step.short_name == "attention.scores")
    text = page(tokens=CHINESE[: len(TOKENS)]).step(step)
    rows = [line for line in text.splitlines()[3:] if line.strip() and "…" not in line[:4]]
    ends = {
        tuple(width(row[: match.end()]) for match in re.finditer(r"\S+", row))[-len(TOKENS) :]
        for row in rows
    }
    assert len(rows) == FEW + 1
    assert len(ends) == 1, text
    assert "##们…" in rows[0]
    assert "a<U+2…" in rows[0]


@pytest.mark.parametrize("size", [1e-3, 1.0, -12.5, -123456.789])
def test_no_line_is_too_long(size):
    columns = [cut(token, 6) for token in CHINESE * 4]
    rows = [("encoder.layers.11", [size] * len(columns)), ("我", [0.5] * len(columns))]
    lines = table("feature", columns, rows).splitlines()[:3]
    assert max(map(width, lines)) <= COLUMNS
    # One more column would not have fitted, or ten are there.
    count = len(lines[1].split()) - 1
    assert count == ACROSS or width(lines[1]) + len(f"  {size:.3f}") + 3 > COLUMNS
    assert lines[0].endswith("…")
    assert float(lines[1].split()[1]) == pytest.approx(size, abs=5e-4)


def test_a_table_that_fits_says_nothing_of_more():
    assert table("a", ["b", "c"], [("x", [1.0, 2.0])]) == (
        "  a      b      c\n  x  1.000  2.000\n\n"
    )


def test_cut():
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcde…"
    assert cut("我们的猫", 6) == "我们…"
    assert cut("", 6) == ""
