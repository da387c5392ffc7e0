import os

import pytest

from minibert.common.sentences import split_sentences
from minibert.pretraining.corpus import Corpus, open_corpus
from tests.pretraining.helpers import text, tokenizer


def read_back(corpus: Corpus) -> list[list[list[int]]]:
    """Documents of sentences of ids."""
    return [
        [corpus.sentence(i).tolist() for i in range(start, end)]
        for start, end in zip(corpus.documents, corpus.documents[1:], strict=False)
    ]


def expected(content: str) -> list[list[list[int]]]:
    """The same, straight from the tokenizer."""
    documents = [
        [
            tokenizer().text_ids(sentence)
            for line in document.split("\n")
            for sentence in split_sentences(line)
            if tokenizer().text_ids(sentence)
        ]
        for document in content.replace("\r", "").split("\n\n")
    ]
    return [document for document in documents if document]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_sentence_of_every_document(tmp_path, workers):
    contents = [text(30, seed=1), text(300, seed=2)]  # the second is more than one block of lines
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for file, content in zip(files, contents, strict=True):
        file.write_text(content, encoding="utf-8")
    corpus = open_corpus(files, tokenizer(), tmp_path / "corpus", workers=workers)
    assert read_back(corpus) == expected(contents[0]) + expected(contents[1])
    assert corpus.ids.dtype == "uint16"
    assert str(corpus).startswith("330 documents, ")


@pytest.mark.parametrize(
    ("content", "documents"),
    [
        ("ba.\n\n\n\nce.\ndi.\n\n", 2),  # empty documents between
        ("\n\n\nba.\n", 1),
        ("ba. Ce.\r\n\r\ndi.\r\n", 2),  # line ends of Windows
        ("ba.\n \t \nce.", 2),  # a line of white space is blank
        ("ba.\n\u200b\nce.", 1),  # a line without a piece is no blank line
    ],
)
def test_where_documents_end(tmp_path, content, documents):
    file = tmp_path / "text.txt"
    file.write_bytes(content.encode())
    corpus = open_corpus([file], tokenizer(), tmp_path / "corpus")
    found = read_back(corpus)
    assert len(found) == documents
    assert all(sentence for document in found for sentence in document)


def test_nothing_in_it(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("\n\n \n")
    with pytest.raises(ValueError, match="no text in it"):
        open_corpus([file], tokenizer(), tmp_path / "corpus")
    assert os.listdir(tmp_path) == ["text.txt"]
    with pytest.raises(FileNotFoundError, match="there is no file"):
        open_corpus([tmp_path / "other.txt"], tokenizer(), tmp_path / "corpus")


def test_a_whole_folder_is_used_again_and_any_other_made_anew(tmp_path):
    file, folder = tmp_path / "text.txt", tmp_path / "corpus"
    file.write_text(text(), encoding="utf-8")

    def made_at() -> int:
        open_corpus([file], tokenizer(), folder)
        return (folder / "ids.bin").stat().st_ino

    first = made_at()
    assert made_at() == first
    for name in ("ids.bin", "sentences.bin", "documents.bin"):
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1  # one bit
        (folder / name).write_bytes(content)
        whole = read_back(open_corpus([file], tokenizer(), folder))
        assert whole == expected(text())
        (folder / name).write_bytes(b"")  # cut short
        assert read_back(open_corpus([file], tokenizer(), folder)) == expected(text())
    (folder / "corpus.json").write_text("{")
    assert read_back(open_corpus([file], tokenizer(), folder)) == expected(text())
    os.remove(folder / "ids.bin")
    assert read_back(open_corpus([file], tokenizer(), folder)) == expected(text())
    file.write_text(text(seed=9), encoding="utf-8")
    assert read_back(open_corpus([file], tokenizer(), folder)) == expected(text(seed=9))


def test_lines_that_are_not_utf8(tmp_path):
    file = tmp_path / "text.txt"
    file.write_bytes("ba.\nna\u00efve ".encode() + b"\xff\nce.\n")
    with pytest.raises(ValueError, match=r"text\.txt: line 2 is not UTF-8 at byte 7"):
        open_corpus([file], tokenizer(), tmp_path / "corpus")
    assert os.listdir(tmp_path) == ["text.txt"]
    corpus = open_corpus([file], tokenizer(), tmp_path / "corpus", on_error="skip")
    assert corpus.problems == [f"{file}: line 2 is not UTF-8 at byte 7"]
    assert len(corpus.sentences) - 1 == 2
    again = open_corpus([file], tokenizer(), tmp_path / "corpus", on_error="skip")
    assert again.problems == corpus.problems
