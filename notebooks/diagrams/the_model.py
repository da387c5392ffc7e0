"""The diagrams of notebooks 01 to 09: from a text to the embeddings of every layer."""

from .style import Diagram


def text_to_ids() -> Diagram:
    d = Diagram("From two texts to the rows of numbers that BERT takes", 560)
    tokens = [
        ["[CLS]", "un", "##wan", "##ted", "cat", "##s", "?", "[SEP]"],
        ["[CLS]", "no", ".", "[SEP]", "[PAD]", "[PAD]", "[PAD]", "[PAD]"],
    ]
    ids = [["2", "581", "6803", "944", "2007", "36", "243", "3"], ["2", "864", "226", "3", *"0000"]]
    kinds = [
        "special data data data data data data special",
        "special data data special padding padding padding padding",
    ]
    texts = d.cells(480, 55, [["“Unwantéd cats?”"], ["“No.”"]], width=190)
    words = d.cells(480, 165, [["unwanted", "cats", "?"], ["no", ".", ""]], width=100)
    pieces = d.cells(480, 285, tokens, kinds=kinds)
    table = d.cells(480, 395, ids, kinds=kinds)
    mask = d.cells(480, 480, [list("11111111"), list("11110000")], kinds=kinds)
    for name, y in (("texts", 55), ("words", 165), ("tokens", 285), ("input_ids", 395)):
        d.text(195, y, name, anchor="end", name=True)
    d.text(195, 480, "attention_mask", anchor="end", name=True)
    for y, name in ((112, "clean, lower case, split"), (340, "number in the vocabulary")):
        d.text(500, y, name, anchor="start")
    d.note(500, 225, "WordPiece: the longest piece first; [CLS], [SEP], [PAD]", anchor="start")
    d.note(765, 395, "[B, S]", anchor="start")
    d.note(765, 480, "[B, S]", anchor="start")
    d.chain(texts, words, pieces, table)
    d.line((744, 285), (860, 285), (860, 480), (829, 480))
    d.note(868, 385, "1 real", "0 padding", anchor="start")
    assert mask.width == table.width
    return d


def three_embeddings() -> Diagram:
    d = Diagram("Three rows are added, and the sum is normalised", 500)
    columns = (
        (150, "input_ids", "[B, S]", "token", "[V, D]", "[B, S, D]", "what"),
        (420, "position", "[S]", "position", "[512, D]", "[S, D]", "where"),
        (690, "token_type_ids", "[B, S]", "segment", "[2, D]", "[B, S, D]", "which text"),
    )
    total = d.box(420, 335, "sum", "[B, S, D]")
    for x, index, index_shape, part, table_shape, part_shape, meaning in columns:
        rows = d.box(x, 250, part, part_shape)
        table = d.box(x, 150, f"{part} table", table_shape, kind="weights")
        d.chain(d.box(x, 50, index, index_shape), table, rows)
        d.text(x + 14, 100, "take the row", anchor="start")
        d.text(rows.right + 12, 250, meaning, anchor="start")
        if x == 420:
            d.arrow(rows, total)
        else:
            d.line((x, rows.bottom), (x, 335), (total.right if x > 420 else total.left, 335))
    d.text(255, 318, "+", size=22, name=True)
    d.text(585, 318, "+", size=22, name=True)
    norm = d.box(420, 420, "LayerNorm", "γ, β", kind="weights", width=150)
    state = d.box(720, 420, "hidden_states[0]", "[B, S, D]", kind="result")
    d.chain(total, norm, state)
    return d


def attention() -> Diagram:
    d = Diagram("Attention: three products and a softmax", 500)
    shades = [[0.43, 0.14, 0.43], [0.22, 0.39, 0.39], [0.30, 0.17, 0.53]]
    numbers = [[f"{number:.2f}" for number in row] for row in shades]
    x = d.box(85, 195, "X", "[S, D]", "a row for", "each token", width=120)
    parts = []
    for y, name in ((80, "Q"), (195, "K"), (400, "V")):
        weight = d.box(235, y, f"W_{name}", "[D, H]", kind="weights")
        parts.append(d.box(370, y, name, "[S, H]", width=100))
        d.chain(x, weight, parts[-1])
    scores = d.box(540, 137, "scores", "[S, S]", "Q · Kᵀ / √H")
    d.arrow(parts[0], scores)
    d.arrow(parts[1], scores)
    mask = d.box(540, 265, "additive mask", "[S]", "0, at padding −∞", width=175)
    plus = d.box(680, 137, "+", kind="step", width=40)
    d.arrow(scores, plus)
    d.line((mask.right, 265), (680, 265), (680, plus.bottom))
    softmax = d.box(835, 137, "softmax", "of each row", kind="step")
    probs = d.cells(835, 270, numbers, width=54, shades=shades)
    d.chain(plus, softmax, probs)
    d.note(835, 338, "probs [S, S]", "each row sums to 1")
    context = d.box(580, 400, "context", "[S, H]", "probs · V", kind="result")
    d.arrow(parts[2], context)
    d.line((probs.left, 270), (725, 270), (725, 400), (context.right, 400))
    return d


def heads() -> Diagram:
    d = Diagram("N small attentions side by side", 415)
    x = d.box(80, 170, "x", "[B, S, D]")
    maps = d.box(240, 170, "W_Q, W_K, W_V", "[D, D] each", "and biases", kind="weights")
    split = d.box(415, 170, "split", "[B, N, S, H]", kind="step")
    one = d.box(
        610, 170, "attention", "probs [S, S]", "of each head", kind="step", height=99, behind=3
    )
    context = d.box(845, 170, "context", "[B, N, S, H]")
    d.chain(x, maps, split, one)
    d.line((one.right + 18, 170), (context.left, 170))
    merge = d.box(845, 320, "side by side", "[B, S, N·H]", kind="step")
    out = d.box(590, 320, "W_O", "[D, D] and b_O", kind="weights")
    result = d.box(350, 320, "output", "[B, S, D]", kind="result")
    d.chain(context, merge, out, result)
    d.note(620, 82, "head 0 … head N−1: D = N · H")
    d.note(835, 245, "N moves back behind S", anchor="end")
    d.note(165, 320, "one vector for each token:", "the sum of all heads' parts")
    return d


def feed_forward_norm_residual() -> Diagram:
    d = Diagram("Each token by itself: feed-forward, residual, normalisation", 400)
    a = d.box(75, 190, "a", "[B, S, D]")
    first = d.box(225, 190, "W_1, b_1", "[D, I]", kind="weights")
    inner = d.box(370, 190, "inner", "[B, S, I]")
    gelu = d.box(505, 190, "GELU", "x · Φ(x)", kind="step")
    second = d.box(640, 190, "W_2, b_2", "[I, D]", kind="weights")
    plus = d.box(755, 190, "+", kind="step", width=40)
    norm = d.box(870, 190, "LayerNorm", "γ, β", kind="weights", width=125)
    d.chain(a, first, inner, gelu, second, plus, norm)
    d.line((75, a.top), (75, 75), (755, 75), (755, plus.top))
    d.note(415, 57, "residual: a is kept, and what was computed is added to it")
    result = d.box(870, 310, "output", "[B, S, D]", kind="result")
    d.arrow(norm, result)
    d.note(430, 300, "I = 4 · D: wide inside. The same weights for every token;")
    d.note(430, 325, "no token sees another one here.")
    return d


def layer_and_stack() -> Diagram:
    d = Diagram("One layer in four lines, and L of them", 700)
    d.frame(24, 20, 500, 650, "one layer")
    x = d.box(220, 80, "x = h_(i−1)", "[B, S, D]", width=150)
    attention = d.box(220, 175, "attention", "probs [B, N, S, S]", kind="weights", width=190)
    plus = d.box(220, 250, "+", kind="step", width=40)
    norm = d.box(220, 310, "LayerNorm", kind="weights", width=190)
    a = d.box(220, 385, "a", "[B, S, D]", width=150)
    feed_forward = d.box(220, 480, "feed-forward", "inside [B, S, I]", kind="weights", width=190)
    plus_two = d.box(220, 555, "+", kind="step", width=40)
    norm_two = d.box(220, 615, "LayerNorm", kind="weights", width=190)
    d.chain(x, attention, plus, norm, a, feed_forward, plus_two, norm_two)
    state = d.box(420, 615, "h_i", "[B, S, D]", kind="result")
    d.arrow(norm_two, state)
    for start, end in ((x, plus), (a, plus_two)):
        d.line((start.right, start.y), (350, start.y), (350, end.y), (end.right, end.y))
        d.text(360, (start.y + end.y) / 2, "residual", anchor="start")
    d.frame(530, 20, 936, 650, "the stack")
    ids = d.box(650, 90, "input_ids", "[B, S]")
    below = d.box(650, 190, "embeddings", kind="weights", width=160)
    d.arrow(ids, below)
    for i, (y, name) in enumerate(((285, "layer 1"), (380, "layer 2"), (515, "layer L"))):
        d.text(755, below.bottom + 27, f"hidden_states[{i}]", anchor="start")
        d.line((680, below.bottom), (680, below.bottom + 27), (748, below.bottom + 27))
        layer = d.box(650, y, name, kind="weights", width=160)
        if i < 2:
            d.arrow(below, layer)
        below = layer
    d.line((650, 399), (650, 428))
    d.text(650, 447, "⋮", name=True)
    d.line((650, 466), (650, 496))
    pooler = d.box(650, 610, "pooler", kind="weights", width=160)
    d.arrow(below, pooler)
    d.line((680, below.bottom), (680, below.bottom + 27), (748, below.bottom + 27))
    d.text(755, below.bottom + 27, "hidden_states[L]", anchor="start")
    d.text(755, 610, "pooler_output [B, D]", anchor="start")
    d.note(845, 90, "each hidden state:", "[B, S, D]")
    return d


def official_weights() -> Diagram:
    d = Diagram("Every tensor has a fate, and every operation a twin", 460)
    file = d.box(120, 110, "model.safetensors", "official names", kind="weights")
    table = d.box(350, 110, "name table", "one line for each", kind="step")
    ours = d.box(600, 55, "minibert", "used, renamed, tied", kind="weights", width=200)
    out = d.box(600, 170, "left out", "with a reason", kind="unused", width=200)
    error = d.box(845, 110, "an error", "unknown, missing", kind="mistake")
    d.chain(file, table, ours)
    d.arrow(table, out)
    d.line((table.right, 110), (error.left, 110))
    ids = d.box(120, 315, "input_ids", "[B, S]")
    torch = d.box(350, 265, "textbook", "PyTorch", kind="step", width=150)
    twin = d.box(350, 365, "twin", "NumPy, float64", kind="step", width=150)
    values = d.box(570, 265, "each value", "[B, S, D] …")
    values_two = d.box(570, 365, "each value", "[B, S, D] …")
    difference = d.box(820, 315, "largest difference", "below 1e-5 in float32", kind="result")
    d.arrow(ids, torch)
    d.arrow(ids, twin)
    d.chain(torch, values, difference)
    d.chain(twin, values_two, difference)
    return d


def embeddings_of_all_layers() -> Diagram:
    d = Diagram("From L + 1 states to vectors of words and sentences", 460)
    ids = d.box(80, 190, "input_ids", "[B, S]")
    model = d.box(220, 190, "BERT", "L layers", kind="weights")
    d.arrow(ids, model)
    states = [
        d.box(410, y, name, "[B, S, D]", width=190)
        for y, name in (
            (60, "hidden_states[L]"),
            (140, "hidden_states[L−1]"),
            (240, "hidden_states[1]"),
            (320, "hidden_states[0]"),
        )
    ]
    d.text(410, 190, "⋮", name=True)
    for state in states:
        d.arrow(model, state)
    mix = d.box(645, 190, "mix the layers", "one, sum, mean,", "concat, weighted", kind="step")
    for state in states:
        d.arrow(state, mix)
    one = d.box(850, 190, "one state", "[B, S, D]")
    d.arrow(mix, one)
    words = d.box(850, 60, "words", "[words, D]", kind="result")
    texts = d.box(850, 350, "sentences", "[B, D]", kind="result")
    d.arrow(one, words)
    d.arrow(one, texts)
    d.note(838, 125, "pieces of a word", anchor="end")
    d.note(838, 270, "mean over real tokens", anchor="end")
    d.note(300, 395, "hidden_states[0]: the embeddings.  hidden_states[i]: the output of layer i.")
    return d


def which_layer() -> Diagram:
    d = Diagram("The same word in two sentences, compared in each layer", 430)
    cosine = d.box(720, 130, "cosine", "layer by layer", kind="step")
    for y, text in ((60, "the [bank] of the river"), (200, "money in the [bank]")):
        words = d.box(150, y, text, width=250)
        model = d.box(345, y, "BERT", kind="weights")
        states = d.box(515, y, "“bank”", "[L+1, D]")
        d.chain(words, model, states, cosine)
    result = d.box(880, 130, "likeness", "[L+1]", kind="result")
    d.arrow(cosine, result)
    others = d.box(150, 320, "any two tokens", "of other sentences", width=250)
    model = d.box(345, 320, "BERT", kind="weights")
    states = d.box(515, 320, "any two", "[L+1, D] each")
    cosine = d.box(720, 320, "cosine", "the mean", kind="step")
    result = d.box(880, 320, "measure", "[L+1]", kind="result")
    d.chain(others, model, states, cosine, result)
    d.note(880, 225, "compare")
    d.line((880, 212), (880, 162))
    d.line((880, 238), (880, 289))
    return d


DIAGRAMS = {
    "01": text_to_ids,
    "02": three_embeddings,
    "03": attention,
    "04": heads,
    "05": feed_forward_norm_residual,
    "06": layer_and_stack,
    "07": official_weights,
    "08": embeddings_of_all_layers,
    "09": which_layer,
}
