"""A frozen MiniLM on SST-2, each layer by itself: python -m tests.benchmarks.frozen_layers

What `--features all-layers` mixes (the mean over a row's tokens, of each layer), read by a logistic
regression for each layer alone, and by one for all layers side by side. Accuracy on dev, in %.
"""

import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from minibert import embed, load_bert
from minibert.extraction.engine import Engine
from minibert.extraction.layers import layer_names
from minibert.finetuning.examples import read_examples
from tests.benchmarks.tasks import DATA, MINILM


def main() -> None:
    model, tokenizer = load_bert(MINILM)
    engine = Engine(model)
    states, labels = {}, {}
    for part in ("train", "dev"):
        rows = read_examples(DATA / "sst2" / f"{part}.tsv", text="sentence")
        texts = [row.text for row in rows]
        states[part] = embed(texts, model=engine, tokenizer=tokenizer, layers="all").numpy()
        labels[part] = [row.label for row in rows]
    names = layer_names(model.config.num_hidden_layers)
    columns = {name: numpy.s_[:, number] for number, name in enumerate(names)}
    for name, column in {**columns, "side by side": numpy.s_[:]}.items():
        train, dev = (states[part][column].reshape(len(labels[part]), -1) for part in states)
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=100))
        score = classifier.fit(train, labels["train"]).score(dev, labels["dev"])
        print(f"{name:<14}{100 * score:.1f}", flush=True)


if __name__ == "__main__":
    main()
