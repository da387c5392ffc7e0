"""The diagrams of notebooks 10 to 19: training a BERT, looking into it, and using it."""

from .style import Diagram


def mlm_and_nsp() -> Diagram:
    d = Diagram("Two questions for each row, two heads, one loss", 510)
    tokens = ["[CLS]", "the", "[MASK]", "sat", "[SEP]", "it", "slept", "[SEP]"]
    row = d.cells(330, 45, [tokens], kinds="special data special data special data data special")
    bert = d.box(330, 125, "BERT", "L layers", kind="weights", width=528)
    states = d.cells(330, 205, [[""] * 8], kinds="data")
    d.chain(row, bert, states)
    d.note(610, 205, "last_hidden_state [B, S, D]", anchor="start")
    head = d.box(229, 290, "MLM head", "Linear, GELU, LayerNorm, Eᵀ", kind="weights")
    d.line((231, states.bottom), (231, head.top))
    probs = d.box(229, 385, "P of each piece", "[V] for each asked token")
    d.arrow(head, probs)
    pooler = d.box(580, 290, "pooler", "tanh, [B, D]", kind="weights")
    d.line((99, states.bottom), (99, 240), (580, 240), (580, pooler.top))
    classes = d.box(580, 385, "P of “is next”", "[B, 2]")
    nsp = d.box(760, 290, "NSP head", "[D, 2]", kind="weights")
    d.chain(pooler, nsp)
    d.line((760, nsp.bottom), (760, 345), (580, 345), (580, classes.top))
    loss = d.box(860, 385, "loss", "−ln P, added", kind="result")
    d.arrow(classes, loss)
    d.line((229, probs.bottom), (229, 450), (860, 450), (860, loss.bottom))
    return d


def pretraining() -> Diagram:
    d = Diagram("The training loop, and the best guesser beside it", 500)
    corpus = d.box(95, 90, "documents", "ids", width=130)
    batch = d.box(290, 90, "a batch", "[B, S], 15 % asked", kind="step")
    model = d.box(500, 90, "BERT", "its weights", kind="weights", width=150)
    loss = d.box(740, 90, "loss", "MLM + NSP", kind="result")
    d.chain(corpus, batch, model, loss)
    gradients = d.box(740, 210, "gradients", "one for each weight")
    optimizer = d.box(500, 210, "optimizer", "a step", kind="step", width=150)
    d.chain(loss, gradients, optimizer, model)
    d.note(620, 150, "1,000 times")
    schedule = d.box(290, 210, "learning rate", "up, then down to 0", kind="step")
    d.arrow(schedule, optimizer)
    held_out = d.box(95, 330, "held out", "never trained on", width=150)
    d.arrow(corpus, held_out)
    trained = d.box(400, 330, "BERT", "trained", kind="weights", width=150)
    oracle = d.box(400, 410, "oracle", "knows the grammar", kind="step")
    d.chain(held_out, trained)
    d.line((95, held_out.bottom), (95, 410), (oracle.left, 410))
    ours = d.box(680, 330, "loss", "of the model", kind="result", width=140)
    best = d.box(680, 410, "floor", "the best possible", kind="result", width=165)
    d.arrow(trained, ours)
    d.arrow(oracle, best)
    d.note(780, 370, "never below", "the floor", anchor="start")
    return d


def gradients() -> Diagram:
    d = Diagram("Forward from the numbers to the loss, and back again", 400)
    forward = (
        (100, "Q, K", "[S, H]", "dQ, dK", "dS · K / √H"),
        (300, "scores", "[S, S]", "dS", "P (dP − Σ dP P)"),
        (500, "P", "[S, S]", "dP", "dC · Vᵀ"),
        (690, "context", "[S, H]", "dC", "dV = Pᵀ · dC"),
    )
    above, below = [], []
    for x, name, shape, gradient, formula in forward:
        above.append(d.box(x, 95, name, shape, width=110))
        below.append(d.box(x, 260, gradient, shape, formula, kind="gradient", width=155))
    loss = d.box(870, 95, "loss", "−ln p_y", width=110)
    last = d.box(870, 260, "p − y", "[V]", "at the logits", kind="gradient", width=140)
    d.chain(*above, loss)
    d.chain(loss, last)
    d.chain(last, *reversed(below))
    for x, step in ((200, "· / √H"), (400, "softmax"), (598, "· V"), (785, "…")):
        d.note(x, 50, step)
    d.note(430, 165, "forward: the numbers")
    d.note(430, 190, "backward: a gradient has the shape of its number")
    return d


def mistakes() -> Diagram:
    d = Diagram("Where the articles' mistakes lie on the data's way", 480)
    chain = [
        d.box(75, 150, "text"),
        d.box(190, 150, "ids", "[B, S]"),
        d.box(345, 150, "embeddings", "[B, S, D]", kind="weights"),
        d.box(515, 150, "attention", "[B, N, S, S]", kind="weights"),
        d.box(685, 150, "feed-forward", "[B, S, D]", kind="weights"),
        d.box(860, 150, "states", "[B, S, D]"),
    ]
    d.chain(*chain)
    task = d.box(860, 310, "head, loss", "labels [B]", kind="weights", width=140)
    d.arrow(chain[-1], task)
    faults = (
        (515, 50, "X4, X14, X16, X18", "other layers", 190),
        (345, 250, "X2, X3, X8", "positions, order", 140),
        (530, 250, "X13, X17, X24, X25", "shapes, mask, Q and K", 205),
        (700, 50, "X1, X9, X10", "ReLU, n × d", 140),
        (860, 50, "X5, X7", "row 0 is [CLS]", 140),
    )
    for (x, y, name, what, width), i in zip(faults, (3, 2, 3, 4, 5), strict=True):
        d.arrow(d.box(x, y, name, what, kind="mistake", width=width), chain[i])
    order = d.box(130, 250, "X6, X23", "vocabulary, order", kind="mistake")
    d.line((130, order.top), (130, 172))
    names = "X11, X12, X15, X20, X21, X22"
    loss = d.box(580, 365, names, "labels, losses, questions", kind="mistake")
    d.line((loss.right, 365), (860, 365), (860, task.bottom))
    d.box(135, 365, "X19, X26", "what does not exist", kind="mistake")
    d.note(860, 400, "Each has a test.")
    return d


def small_and_fast() -> Diagram:
    d = Diagram("Bytes for numbers, and heads left out", 480)
    weight = d.box(135, 65, "W", "[out, in], 4 bytes each", kind="weights")
    quantize = d.box(355, 65, "max |W| / 127", "for each row", kind="step")
    bytes_ = d.box(600, 65, "q", "[out, in], 1 byte each", kind="weights", width=220)
    d.chain(weight, quantize, bytes_)
    x = d.box(135, 180, "x", "[tokens, in]", width=150)
    same = d.box(355, 180, "max |x| / 127", "for each token", kind="step")
    q = d.box(600, 180, "q", "[tokens, in], 1 byte", width=220)
    d.chain(x, same, q)
    product = d.box(845, 122, "Σ q · q", "whole numbers,", "times both scales", kind="result")
    d.arrow(bytes_, product)
    d.arrow(q, product)
    heads = d.box(135, 345, "heads", "[L, N]", kind="weights", width=150)
    mask = d.box(330, 345, "factor ξ = 1", "for each head", kind="step")
    importance = d.box(575, 345, "importance", "mean |∂loss / ∂ξ|, [L, N]")
    kept = d.box(850, 300, "kept", "the largest", kind="result", width=150)
    gone = d.box(850, 390, "pruned", "the smallest", kind="unused", width=150)
    d.chain(heads, mask, importance)
    d.arrow(importance, kept)
    d.arrow(importance, gone)
    return d


def fine_tuning() -> Diagram:
    d = Diagram("Fine-tuning: a head on BERT, and how far the gradient goes down", 420)
    ids = d.box(90, 90, "input_ids", "[B, S]")
    bert = d.box(270, 90, "BERT", "L layers", kind="weights", width=130)
    pooler = d.box(445, 90, "pooler", "[B, D]", width=110)
    head = d.box(615, 90, "head", "W [labels, D]", kind="weights")
    logits = d.box(805, 90, "logits", "[B, labels]")
    d.chain(ids, bert, pooler, head, logits)
    loss = d.box(805, 180, "loss", "−ln P_y", kind="result", width=130)
    d.arrow(logits, loss)
    error = d.box(805, 280, "P − Y", "[B, labels]", kind="gradient")
    to_head = d.box(615, 280, "∂loss/∂W", "moves the head", kind="gradient")
    to_x = d.box(445, 280, "∂loss/∂x", "[B, D]", kind="gradient", width=110)
    to_bert = d.box(250, 280, "gradients of BERT", "layer L … layer 1", kind="gradient")
    d.chain(loss, error, to_head, to_x, to_bert)
    d.arrow(to_bert, bert)
    d.line((615, to_head.top), (615, head.bottom))
    d.note(262, 180, "not if frozen", anchor="end")
    d.note(615, 345, "the head always learns")
    return d


def entities_and_answers() -> Diagram:
    d = Diagram("From vectors of tokens to characters of the text", 500)
    text = d.box(95, 180, "the text", "characters")
    tokens = d.box(260, 180, "tokens", "[B, S], offsets")
    bert = d.box(415, 180, "BERT", "[B, S, D]", kind="weights")
    d.chain(text, tokens, bert)
    tagger = d.box(575, 100, "tag head", "[D, tags]", kind="weights")
    tags = d.box(725, 100, "a tag", "first pieces")
    entities = d.box(870, 100, "spans", "B- I- I-", kind="result")
    d.chain(bert, tagger, tags, entities)
    answerer = d.box(575, 270, "answer head", "[D, 2]", kind="weights")
    ends = d.box(740, 270, "start, end", "[B, S] each")
    d.chain(bert, answerer, ends)
    rows = [["6", "8", "5"], ["–", "9", "6"], ["–", "–", "4"]]
    shades = [[0.5, 0.7, 0.4], [0.0, 0.9, 0.5], [0.0, 0.0, 0.3]]
    table = d.cells(740, 385, rows, width=44, shades=shades)
    d.arrow(ends, table)
    d.note(660, 385, "start i + end j,", "only i ≤ j: [S, S]", anchor="end")
    answer = d.box(870, 385, "a span", "the best", kind="result")
    d.arrow(table, answer)
    d.line((answer.right, 385), (940, 385), (940, 45), (95, 45), (95, text.top))
    d.line((870, entities.top), (870, 45), arrow=False)
    d.note(480, 26, "offsets lead back: text[start:end]")
    return d


def few_examples() -> Diagram:
    d = Diagram("A frozen BERT: its states once, then a mixture and a head learn", 440)
    texts = d.box(75, 190, "texts", "[n, S]")
    bert = d.box(220, 190, "BERT", "frozen", kind="frozen", width=110)
    d.arrow(texts, bert)
    mix = d.box(590, 190, "Σ softmax(w)_i h_i", "times g", kind="weights", width=190)
    for y, name in ((60, "layer L"), (135, "⋮"), (225, "layer 1"), (310, "embeddings")):
        if name == "⋮":
            d.text(385, y, name, name=True)
            continue
        state = d.box(385, y, name, "[n, D]", width=130)
        d.chain(bert, state, mix)
    vector = d.box(765, 190, "m", "[n, D]", width=90)
    head = d.box(885, 190, "head", "[D, C]", kind="weights")
    d.chain(mix, vector, head)
    logits = d.box(885, 310, "logits", "[n, C]", kind="result")
    d.arrow(head, logits)
    d.note(390, 370, "means over the tokens, computed once and kept")
    d.note(590, 260, "w: [L+1], learned;", "the shares say which", "layer the task wants")
    return d


def search_and_summary() -> Diagram:
    d = Diagram("When each text is one vector, only cosines are left", 470)
    texts = d.box(85, 185, "n texts", width=110)
    query = d.box(85, 75, "a query", width=110)
    embed = d.box(290, 130, "embed", "mean over tokens", kind="weights")
    d.arrow(texts, embed)
    d.arrow(query, embed)
    vectors = d.box(475, 185, "X", "[n, D]", width=100)
    asked = d.box(475, 75, "q", "[D]", width=100)
    d.arrow(embed, vectors)
    d.arrow(embed, asked)
    cosines = d.box(680, 130, "cosines", "X · q: [n]")
    d.arrow(vectors, cosines)
    d.arrow(asked, cosines)
    best = d.box(860, 130, "nearest", "k numbers", kind="result")
    d.arrow(cosines, best)
    table = d.box(475, 345, "each with each", "X · Xᵀ: [n, n]")
    d.arrow(vectors, table)
    d.note(350, 345, "length 1 first:", "then a product", "is a cosine", anchor="end")
    walk = d.box(690, 300, "LexRank", "a random walk", kind="step", width=140)
    mmr = d.box(690, 390, "MMR", "not twice the same", kind="step")
    summary = d.box(870, 345, "summary", "k sentences", kind="result")
    d.chain(table, walk, summary)
    d.chain(table, mmr, summary)
    return d


def whole_transformer() -> Diagram:
    d = Diagram("The encoder reads; the decoder writes, and looks at what was read", 490)
    read = d.box(95, 75, "text read", "[B, S]")
    encoder = d.box(330, 75, "encoder (BERT)", "each sees all", kind="weights")
    memory = d.box(600, 75, "memory", "[B, S, D]", width=130)
    d.chain(read, encoder, memory)
    written = d.box(95, 260, "written so far", "[B, T]", width=156)
    d.frame(200, 175, 730, 365, "decoder layer, L times")
    own = d.box(290, 260, "attention", "causal mask", kind="weights", width=140)
    cross = d.box(475, 260, "cross-attention", "[B, N, T, S]", kind="weights", width=170)
    inner = d.box(650, 260, "feed-forward", kind="weights", width=130)
    d.chain(written, own, cross, inner)
    d.line((600, memory.bottom), (600, 150), (475, 150), (475, cross.top))
    d.note(614, 135, "K and V", anchor="start")
    d.note(290, 320, "Q, K, V: the text", "that is written")
    d.note(475, 320, "Q: the text", "that is written")
    head = d.box(835, 260, "MLM head", "what is next?", kind="weights", width=150)
    d.arrow(inner, head)
    token = d.box(835, 360, "next token", "[B, V]", kind="result", width=130)
    d.arrow(head, token)
    d.line((835, token.bottom), (835, 425), (95, 425), (95, written.bottom))
    d.note(480, 405, "appended, until it is [SEP]")
    return d


DIAGRAMS = {
    "10": mlm_and_nsp,
    "11": pretraining,
    "12": gradients,
    "13": mistakes,
    "14": small_and_fast,
    "15": fine_tuning,
    "16": entities_and_answers,
    "17": few_examples,
    "18": search_and_summary,
    "19": whole_transformer,
}
