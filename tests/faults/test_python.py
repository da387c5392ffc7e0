"""Wrong arguments in Python: an exception that names the argument, never somebody else's."""

from pathlib import Path

import numpy
import pytest
import torch
import transformers

from minibert import BertModel
from minibert.extraction.embed import embed, embed_file
from minibert.extraction.engine import Engine
from minibert.pretraining.predict import fill_mask, next_sentence
from minibert.viewer.show import view
from tests import tiny
from weights_loader import load_bert, save_bert

NAMES = {
    "Engine": Engine,
    "Path": Path,
    "embed": embed,
    "embed_file": embed_file,
    "fill_mask": fill_mask,
    "load_bert": load_bert,
    "next_sentence": next_sentence,
    "numpy": numpy,
    "other": tiny.tokenizer(),
    "save_bert": save_bert,
    "small": tiny.ours(BertModel).float(),
    "torch": torch,
    "view": view,
}
REFUSED = [
    ("view(5)", "text"),
    ("view('a', lang='fr')", "lang"),
    ("view('a', model=5)", "name"),
    ("embed(None)", "texts"),
    ("embed(5)", "texts"),
    ("embed(b'a')", "texts|line 1"),
    ("embed([None])", "line 1"),
    ("embed([5])", "line 1"),
    ("embed(['a', ['b']])", "line 2"),
    ("embed({'text': 5}.values())", "line 1"),
    ("embed(Path('nowhere.txt'))", "nowhere.txt"),
    ("embed(Path('.'))", "file"),
    ("embed('a', layers=None)", "layers?"),
    ("embed('a', layers=1.5)", "layers?"),
    ("embed('a', layers=[[]])", "layers?"),
    ("embed('a', layers=[])", "layers?"),
    ("embed('a', layers=[1.0])", "layers?"),
    ("embed('a', layers=True)", "layers?"),
    ("embed('a', layers=99)", "layers?"),
    ("embed('a', layers=b'last')", "layers?"),
    ("embed('a', layers={})", "layers?"),
    ("embed('a', convention='nobody')", "convention"),
    ("embed('a', convention=None)", "convention"),
    ("embed('a', convention=[])", "convention"),
    ("embed('a', mix=5)", "mix"),
    ("embed('a', mix=[])", "mix"),
    ("embed('a', pool=None)", "pool"),
    ("embed('a', pool=[])", "pool"),
    ("embed('a', long=None)", "long"),
    ("embed('a', long='windows', stride='a')", "stride"),
    ("embed('a', long='windows', stride=1.5)", "stride"),
    ("embed('a', long='windows', stride=-1)", "stride"),
    ("embed('a', stride='a')", "stride"),
    ("embed('a', on_error='stop')", "on_error"),
    ("embed('a', field='text')", "field"),
    ("embed('a', column=1)", "column"),
    ("embed('a', device='nope')", "device"),
    ("embed('a', device=[])", "device"),
    ("embed('a', dtype='float32')", "dtype"),
    ("embed('a', dtype=torch.int16)", "dtype"),
    ("embed('a', model=5)", "name|model"),
    ("embed('a', model=model)", "tokenizer"),
    ("embed('a', tokenizer=tokenizer)", "model"),
    ("embed('a', model=model, tokenizer=5)", "tokenizer"),
    ("embed('a', model=model, tokenizer=theirs)", "tokenizer"),
    ("embed('the cat', model=small, tokenizer=tokenizer)", "tokenizer|vocab"),
    ("embed('a', model=torch.nn.Linear(1, 1), tokenizer=tokenizer)", "model|Engine|BertModel"),
    ("embed_file(['a'], 5)", "out"),
    ("embed_file(['a'], None)", "out"),
    ("embed_file(['a'], 'o.bin')", "o.bin"),
    ("embed_file(['a'], 'nowhere/o.npy')", "nowhere"),
    ("embed_file(None, 'o.npy')", "source|texts"),
    ("embed_file(5, 'o.npy')", "source|texts"),
    ("embed_file('nowhere.txt', 'o.npy')", "nowhere.txt"),
    ("Engine(5)", "model|BertModel"),
    ("load_bert(5)", "name"),
    ("load_bert([])", "name"),
    ("load_bert(b'a')", "name"),
    ("load_bert('')", "''"),
    ("load_bert('./nowhere')", "nowhere"),
    ("load_bert('a\\0b')", "a.*b"),
    ("load_bert(Path('nowhere'))", "nowhere"),
    ("load_bert(device='nope')", "device"),
    ("load_bert(device=[])", "device"),
    ("load_bert(dtype='float32')", "dtype"),
    ("load_bert(head='nobody')", "head"),
    ("load_bert(head=[])", "head"),
    ("save_bert(5, tokenizer, 'm')", "int"),
    ("save_bert(model, 5, 'm')", "tokenizer"),
    ("model(None)", "input_ids"),
    ("model([[1]])", "input_ids"),
    ("model(torch.ones(1, 2))", "input_ids"),
    ("model(torch.ones(2, dtype=torch.long))", "input_ids"),
    ("model(torch.full((1, 2), 8192))", "input_ids"),
    ("model(torch.full((1, 2), -1))", "input_ids"),
    ("model(torch.ones(1, 200, dtype=torch.long))", "positions"),
    ("model(torch.ones(1, 2, dtype=torch.long, device='meta'))", "meta|device"),
    ("model(torch.ones(1, 2, dtype=torch.long).to_sparse())", "sparse|input_ids"),
    ("model(torch.ones(1, 2).long(), attention_mask=torch.ones(1, 3).long())", "attention_mask"),
    ("tokenizer(None)", "text"),
    ("tokenizer(5)", "text"),
    ("tokenizer([])", "text"),
    ("tokenizer([5])", "text"),
    ("tokenizer('a', truncation='never')", "truncation"),
    ("tokenizer('a', truncation=True, max_length='x')", "max_length"),
    ("tokenizer('a', truncation=True, max_length=0)", "max_length"),
    ("tokenizer('a', padding='never')", "padding"),
    ("tokenizer('a', return_tensors='tf')", "return_tensors"),
    ("fill_mask(heads, tokenizer, 'a')", "MASK"),
    ("fill_mask(heads, tokenizer, None)", "text"),
    ("fill_mask(heads, tokenizer, '[MASK]', top='a')", "top"),
    ("fill_mask(model, tokenizer, '[MASK]')", "head"),
    ("next_sentence(heads, tokenizer, '', 'a')", "first"),
    ("next_sentence(model, tokenizer, 'a', 'b')", "head"),
]
WORKING = [
    "embed('a', layers=numpy.int64(1)).shape == (256,)",
    "embed('a', layers=[numpy.int32(-1), 'layer1']).shape == (2, 256)",
    "embed(numpy.array(['a', 'b'])).shape == (2, 256)",
    "embed([]).shape == (0, 256)",
    "embed_file(['a'], 'o.npy') == [] and Path('o.npy').is_file()",
    "tokenizer('a b c', truncation=True)['input_ids'].shape == (1, 5)",
]


@pytest.fixture(scope="module")
def names():
    model, tokenizer = load_bert()
    theirs = transformers.BertTokenizer(vocab=dict(tokenizer.vocab))
    heads = load_bert(head="pretraining")[0]
    return {**NAMES, "model": model, "tokenizer": tokenizer, "theirs": theirs, "heads": heads}


@pytest.mark.parametrize(("call", "told"), REFUSED)
def test_refused(call, told, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        eval(call, names)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", WORKING)
def test_working(call, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert eval(call, names)


@pytest.mark.parametrize(
    "call", ["embed()", "embed('a', nonsense=1)", "embed_file(['a'])", "model()", "load_bert(1, 2)"]
)
def test_wrong_names_and_numbers_of_arguments(call, names):
    with pytest.raises(TypeError, match="argument"):
        eval(call, names)


def test_a_default_type_of_half_the_size(names):
    whole = embed("a cat")
    torch.set_default_dtype(torch.float16)
    try:
        assert torch.equal(embed("a cat"), whole)
    finally:
        torch.set_default_dtype(torch.float32)
