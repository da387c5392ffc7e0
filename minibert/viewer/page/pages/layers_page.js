/* Page 4: all layers at once. Four views: the attention of every head; each token's way up; two
sentences side by side; the embeddings of all layers, to be kept. */

import { stateName } from "../model/model.js";
import { button, choice, element, formulaCard, heading, number, shown, stateLabel, tokenButtons } from "./elements.js";
import { colourOf, css } from "./colours.js";
import { heatMap, thumbnail } from "./heat_map.js";
import { cosine, matrixOf, pooled, vectorOf } from "./vectors.js";

const VIEWS = { attention: attentionView, way: wayView, two: twoView, keep: keepView };

export function layersPage(page) {
  const { t, state, set } = page;
  const view = VIEWS[state.view] ? state.view : "attention";
  return [
    heading(t("layers title"), t(`${view} idea`)),
    choice("view", t("shown"), Object.keys(VIEWS).map((name) => [name, t(`${name} view`)]), view,
      (name) => set({ view: name })),
    VIEWS[view](page),
  ];
}

/* The hidden states h_0 … h_L of a result. */
export function hiddenStates(config, result) {
  return Array.from({ length: config.num_hidden_layers + 1 }, (_, i) =>
    result.intermediates[stateName(i)]);
}

/* L × N small pictures; the chosen one also large, with its tokens. */
function attentionView(page) {
  const { t, state, set, result, config } = page;
  const layer = Math.min(state.layer, config.num_hidden_layers - 1);
  const head = Math.min(state.head, config.num_attention_heads - 1);
  const counted = (size) => Array.from({ length: size }, (_, i) => i);
  const probs = counted(config.num_hidden_layers).map((i) =>
    result.intermediates[`encoder.layers.${i}.attention.probs`]);
  const size = Math.max(26, Math.min(80, (window.innerWidth < 800 ? 220 : 400) / config.num_attention_heads));
  const picture = (i, n) => element("td", {}, button(`show-${i}-${n}`,
    thumbnail(matrixOf(probs[i], n), "weight", size, size), i === layer && n === head,
    () => set({ layer: i, head: n }), { "aria-label": `${t("layer")} ${i}, ${t("head")} ${n}` }));
  const heads = counted(config.num_attention_heads);
  const matrix = matrixOf(probs[layer], head);
  const row = Math.min(state.row, matrix.rows - 1);
  return element("div", { class: "columns" },
    element("div", { class: "scroller", id: "attention-scroller", tabindex: 0, role: "region", "aria-label": t("attention view") },
      element("table", { class: "pictures" },
        element("thead", {}, element("tr", {}, element("th", { scope: "col" }, t("layer and head")),
          heads.map((n) => element("th", { scope: "col" }, n)))),
        element("tbody", {}, probs.map((_, i) => element("tr", {},
          element("th", { scope: "row" }, i), heads.map((n) => picture(i, n))))))),
    element("div", {},
      formulaCard(page, "attention.probs", "B, N, S, S", probs[layer]),
      heatMap(page, {
        id: "attention-map", label: t("map label", { name: t("attention view") }), matrix, scale: "weight",
        rowLabels: result.tokens, columnLabels: result.tokens,
        selected: { row, column: Math.min(state.column, matrix.columns - 1) },
        select: (i, j) => set({ row: i, column: j }),
      }),
      button("open-head", t("open head", { layer, head }), null,
        () => set({ page: "layer", layer, head, step: "attention.probs" }))));
}

/* Tokens × states: the cosine with the token's own embedding, and with the layer before. */
function wayView(page) {
  const { t, state, set, result, config } = page;
  const states = hiddenStates(config, result);
  const isBefore = state.compare === "before";
  const matrix = {
    rows: result.tokens.length, columns: states.length,
    at: (i, j) => cosine(vectorOf(states[j], i), vectorOf(states[isBefore ? Math.max(j - 1, 0) : 0], i)),
  };
  const ways = [["embedding", t("with embedding")], ["before", t("with before")]];
  return element("section", {},
    choice("compare", t("cosine"), ways, isBefore ? "before" : "embedding", (way) => set({ compare: way })),
    formulaCard(page, "", "[S, L + 1]", null, isBefore ? "cos(hᵢ, hᵢ₋₁) = hᵢ · hᵢ₋₁ / (|hᵢ| |hᵢ₋₁|)"
      : "cos(hᵢ, h₀) = hᵢ · h₀ / (|hᵢ| |h₀|)"),
    element("p", { class: "hint" }, t(isBefore ? "way before text" : "way embedding text")),
    heatMap(page, {
      id: "way-map", label: t("way view"), matrix, limit: 1, rowLabels: result.tokens,
      columnLabels: states.map((_, i) => stateLabel(i)),
      selected: { row: Math.min(state.row, matrix.rows - 1), column: Math.min(state.state, config.num_hidden_layers) },
      select: (row, column) => set({ row, state: column }),
    }));
}

/* One word of each of two sentences, and the two sentences pooled: how alike at each layer? */
function twoView(page) {
  const { t, state, set, result, config } = page;
  const other = page.run(state.other, "", {});
  const text = element("textarea", {
    id: "other-text", rows: 1, spellcheck: "false", dir: "auto",
    // Not in the middle of a Chinese word that is still being composed.
    oninput: (event) => !event.isComposing && page.type({ other: event.target.value }),
    oncompositionend: (event) => page.type({ other: event.target.value }),
  });
  text.value = state.other;
  const field = element("label", { class: "field" }, element("span", {}, t("sentence b")), text);
  if (!other) return element("section", {}, field, element("p", { class: "running" }, t("running")));
  const [sharedA, sharedB] = sharedWord(result.tokens, other.tokens);
  const a = state.wordA in result.tokens ? state.wordA : sharedA;
  const b = state.wordB in other.tokens ? state.wordB : sharedB;
  const states = [hiddenStates(config, result), hiddenStates(config, other)];
  const special = [result, other].map(({ tokens }) => tokens.map((token) => /^\[(CLS|SEP)\]$/.test(token)));
  const rows = states[0].map((_, i) => {
    const word = cosine(vectorOf(states[0][i], a), vectorOf(states[1][i], b));
    const whole = cosine(pooled(states[0][i], special[0], state.how), pooled(states[1][i], special[1], state.how));
    return element("tr", {}, element("th", { scope: "row", translate: "no" }, stateLabel(i)), cosineCell(word), cosineCell(whole));
  });
  const hows = ["mean", "cls", "max"].map((how) => [how, t(`pool ${how}`)]);
  return element("section", {},
    tokenButtons("wordA", t("sentence a"), result.tokens, a, (i) => set({ wordA: i })),
    field,
    tokenButtons("wordB", t("sentence b"), other.tokens, b, (i) => set({ wordB: i })),
    choice("how", t("pooling"), hows, state.how, (how) => set({ how })),
    element("table", { class: "plain cosines" },
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, t("state")),
        element("th", { scope: "col" }, `cos(${shown(result.tokens[a])}, ${shown(other.tokens[b])})`),
        element("th", { scope: "col" }, t("cos of sentences")))),
      element("tbody", {}, rows)),
    element("p", { class: "hint" }, t("two hint")),
    button("bank-example", t("show bank"), null, () => set({
      text: t("example bank"), pair: "", other: t("example lent"), wordA: -1, wordB: -1 })));
}

/* The longest token that both have, as its two positions; [CLS] if there is none. */
function sharedWord(tokens, others) {
  const shared = tokens.filter((token) => others.includes(token) && !/^\[.*\]$/.test(token));
  const longest = shared.sort((one, other) => other.length - one.length)[0];
  return longest === undefined ? [0, 0] : [tokens.indexOf(longest), others.indexOf(longest)];
}

function cosineCell(value) {
  const colour = css(colourOf("signed", 1)(value < 0 ? -0.7 : 0.7));
  return element("td", {}, element("span", { class: "meter" },
    element("span", { class: "track", "aria-hidden": "true" },
      element("span", { style: `width: ${100 * Math.abs(value)}%; background: ${colour}` })),
    element("span", { class: "number" }, number(value))));
}

/* The embeddings of all layers as a table or as JSON: saved as a file, or copied. */
function keepView(page) {
  const { t, result, config } = page;
  const states = hiddenStates(config, result);
  const status = element("p", { role: "status", class: "hint" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(asCsv(result, states));
      status.textContent = t("copied");
    } catch {
      status.textContent = t("not copied");
    }
  };
  const size = `${states.length} × ${result.tokens.length} × ${config.hidden_size}`;
  const lines = asCsv(result, states).split("\n", 6).map((text) => `${text.slice(0, 90)} …`);
  return element("section", {},
    formulaCard(page, "feed_forward_layer_norm", "B, S, D", states[0]),
    element("p", {}, t("keep text", { size })),
    element("div", { class: "choice" },
      button("save-csv", t("save", { name: "embeddings.csv" }), null,
        () => download("embeddings.csv", asCsv(result, states))),
      button("save-json", t("save", { name: "embeddings.json" }), null,
        () => download("embeddings.json", asJson(page, states))),
      button("copy-csv", t("copy"), null, copy)),
    status,
    element("pre", { tabindex: 0, id: "csv-start", role: "region", "aria-label": t("csv start"), translate: "no" }, lines.join("\n")),
    element("p", { class: "hint" }, t("keep python")),
    element("pre", { class: "wrapped", translate: "no" }, "minibert embed \"…\" --layers all --out embeddings.npz"));
}

/* Nine digits are enough to get each float32 back. */
function numbersOf(state, position) {
  return Array.from(vectorOf(state, position), (value) => Number(value.toPrecision(9)));
}

export function asCsv({ tokens }, states) {
  const quoted = (token) => `"${token.replaceAll('"', '""')}"`;
  const features = vectorOf(states[0], 0).length;
  const head = ["state", "position", "token", ...Array.from({ length: features }, (_, j) => `f${j}`)];
  const rows = states.flatMap((state, i) => tokens.map((token, s) =>
    [i, s, quoted(token), ...numbersOf(state, s)].join(",")));
  return [head.join(","), ...rows].join("\n");
}

export function asJson({ state, result }, states) {
  const vectors = states.map((one) => result.tokens.map((_, s) => numbersOf(one, s)));
  return JSON.stringify({ text: state.text, tokens: result.tokens, ids: result.ids, hidden_states: vectors });
}

function download(name, content) {
  const address = URL.createObjectURL(new Blob([content], { type: "text/plain" }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
