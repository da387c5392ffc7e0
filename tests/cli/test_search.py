import json
import os

import numpy as np
import pytest

from minibert import embed
from minibert.cli import main

TEXTS = ["The river flows into the sea.", "", "He was born in London.", "She won the race."]
QUERY = "He was born in Paris."


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(TEXTS) + "\n")
    return file


def run(capsys, *arguments):
    status = main(["search", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def nearest(query=QUERY, texts=TEXTS, **choices):
    """Numbers and cosines, the largest first."""
    vectors, wanted = embed(texts, **choices).double(), embed(query, **choices).double()
    cosines = (vectors @ wanted / vectors.norm(dim=1) / wanted.norm()).numpy()
    return [(i, cosines[i]) for i in sorted(range(len(texts)), key=lambda i: -cosines[i])]


def test_a_query(capsys, file):
    lines = [f"{score:6.3f}  line {i + 1:<6}  {TEXTS[i]}" for i, score in nearest()[:2]]
    status, out, err = run(capsys, file, QUERY, "-k", 2)
    assert (status, out.splitlines()) == (0, lines)
    made = file.with_name("texts.txt.npy")
    assert sorted(file.parent.iterdir()) == [file, made]
    content, when = made.read_bytes(), made.stat().st_mtime_ns
    status, out, err = run(capsys, file, QUERY, "-k", 2)
    assert (status, out.splitlines(), err) == (0, lines, "")
    assert (made.read_bytes(), made.stat().st_mtime_ns) == (content, when)


def test_several_queries_and_a_file_of_results(capsys, file, tmp_path):
    status, out, _ = run(capsys, file, QUERY, "a\tb", "-k", 1)
    assert status == 0
    blocks = out.split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == [f"query: {QUERY}", "query: a\\tb"]
    assert [len(block.splitlines()) for block in blocks] == [2, 2]
    queries, results = tmp_path / "queries.txt", tmp_path / "found.jsonl"
    queries.write_text(f"{QUERY}\nA race.\n")
    given = (file, "--queries", queries, "--out", results, "--layers", "1,2", "--mix", "mean")
    vectors = tmp_path / "other.npy"
    status, out, _ = run(capsys, *given, "--vectors", vectors)
    assert (status, out) == (0, f"written: {results}\n")
    assert np.load(vectors).shape == (4, 256)
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    for row, query in zip(rows, (QUERY, "A race."), strict=True):
        right = nearest(query, layers="1,2", mix="mean")
        assert row["query"] == query
        assert [(each["line"], each["text"]) for each in row["found"]] == [
            (i + 1, TEXTS[i]) for i, _ in right
        ]
        scores = [each["score"] for each in row["found"]]
        assert scores == pytest.approx([score for _, score in right], abs=2e-6)
    status, _, err = run(capsys, *given, "--vectors", vectors)
    assert status == 2
    assert "found.jsonl is there already; --overwrite" in err
    assert run(capsys, *given, "--vectors", vectors, "--overwrite")[0] == 0


def test_a_table_with_a_wrong_row(capsys, tmp_path):
    file = tmp_path / "texts.csv"
    file.write_text('id,text\n1,"The river\nflows."\n2\n3,He was born in London.\n')
    given = (file, QUERY, "--column", "text")
    status, _, err = run(capsys, *given)
    assert status == 2
    assert "line 4: no column 1" in err
    for _ in range(2):
        status, out, err = run(capsys, *given, "--on-error", "skip")
        assert status == 0
        assert [line[8:] for line in out.splitlines()] == [
            "line 5       He was born in London.",
            "line 3       The river\\nflows.",
        ]
    assert err == ""


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        (["--layers", "1"], None, "was made by another model, or with other options; delete it"),
        (["--layers", "2,3", "--mix", "concat"], None, "was made by another model"),
        (["--pool", "cls"], None, "was made by another model"),
        ([], "\n".join(TEXTS[:3]), "has 4 vectors,"),
        ([], "\n".join([*TEXTS, "more"]), "has 4 vectors,"),
        ([], "\n".join(TEXTS[::-1]), "was made by another model"),
    ],
)
def test_vectors_of_something_else(capsys, file, options, change, message):
    made = file.with_name("texts.txt.npy")
    assert run(capsys, file, QUERY)[0] == 0
    content = made.read_bytes()
    if change is not None:
        file.write_text(change + "\n")
        later = made.stat().st_mtime_ns + 10**9
        os.utime(made, ns=(later, later))  # as if it were newer
    status, out, err = run(capsys, file, QUERY, *options)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert made.read_bytes() == content


def test_texts_that_changed_since(capsys, file):
    assert run(capsys, file, QUERY)[0] == 0
    made = file.with_name("texts.txt.npy")
    later = made.stat().st_mtime_ns + 10**9
    os.utime(file, ns=(later, later))
    status, _, err = run(capsys, file, QUERY)
    assert status == 2
    assert "texts.txt.npy is older than" in err
    made.unlink()
    assert run(capsys, file, QUERY)[0] == 0


def test_vectors_of_length_1_from_elsewhere_do(capsys, file):
    made = file.with_name("texts.txt.npy")
    np.save(made, embed(TEXTS, normalize=True).numpy())
    _, out, err = run(capsys, file, QUERY, "-k", 1)
    assert (out.splitlines()[0].split("  ")[-1].strip(), err) == (TEXTS[nearest()[0][0]], "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["texts.txt"], "give queries, or a file with --queries, and not both"),
        (["texts.txt", "a", "--queries", "texts.txt"], "and not both"),
        (["nothing.txt", "a"], "there is no file nothing.txt"),
        (["texts.txt", "a", "--vectors", "v.jsonl"], "the name must end in .npy"),
        (["texts.txt", "a", "--out", "v.npy"], "the name must end in .jsonl"),
        (["texts.txt", "a", "--out", "nowhere/x.jsonl"], "there is no folder nowhere"),
        (["texts.txt", "a", "-k", "0"], "k must be a whole number from 1"),
        (["texts.txt", "a", "--layers", "all"], "a text needs one vector: give one layer or a"),
        (["texts.txt", "a", "--pool", "tokens"], "a text needs one vector"),
        (["texts.txt", "a", "--vectors", "texts.npy"], "is not a .npy file"),
        (["texts.txt", "--queries", "nothing.txt"], "there is no file nothing.txt"),
    ],
)
def test_one_line_errors(capsys, file, monkeypatch, arguments, message):
    monkeypatch.chdir(file.parent)
    other = file.with_name("texts.npy")
    other.write_text("not vectors")
    later = file.stat().st_mtime_ns + 10**9
    os.utime(other, ns=(later, later))
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert other.read_text() == "not vectors"
