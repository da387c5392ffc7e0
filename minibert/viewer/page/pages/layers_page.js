/* Page 4: all layers at once. Four views: the attention of every head; each token's way up; two
sentences side by side; the embeddings of all layers, to be kept. */

import {
  button, choice, element, formulaCard, heading, scroller, stateLabel, table,
} from "./elements.js";
import { heatMap, thumbnail } from "./heat_map.js";
import { keepView } from "./keep_view.js";
import { twoView } from "./two_view.js";
import { cosine, hiddenStates, matrixOf, vectorOf, within } from "./vectors.js";

const VIEWS = { attention: attentionView, way: wayView, two: twoView, keep: keepView };

export function layersPage(page) {
  const { t, state, set, result, config } = page;
  const view = VIEWS[state.view] ? state.view : "attention";
  const views = Object.keys(VIEWS).map((name) => [name, t(`${name} view`)]);
  return [
    heading(t("layers title"), t(`${view} idea`)),
    choice("view", t("shown"), views, view, (name) => set({ view: name })),
    VIEWS[view](page, hiddenStates(config, result)),
  ];
}

/* L × N small pictures; the chosen one also large, with its tokens. */
function attentionView(page) {
  const { t, state, set, result, config } = page;
  const counted = (size) => Array.from({ length: size }, (_, i) => i);
  const heads = counted(config.num_attention_heads);
  const layer = within(state.layer, config.num_hidden_layers);
  const head = within(state.head, heads.length);
  const probs = counted(config.num_hidden_layers).map((i) =>
    result.intermediates[`encoder.layers.${i}.attention.probs`]);
  const room = (window.innerWidth < 800 ? 220 : 400) / heads.length;
  const size = Math.max(26, Math.min(80, room));
  const picture = (i, n) => button(`show-${i}-${n}`,
    thumbnail(matrixOf(probs[i], n), "weight", size, size), i === layer && n === head,
    () => set({ layer: i, head: n }), { "aria-label": `${t("layer")} ${i}, ${t("head")} ${n}` });
  const rows = probs.map((_, i) => [i, ...heads.map((n) => picture(i, n))]);
  const matrix = matrixOf(probs[layer], head);
  return element("div", { class: "columns" },
    scroller("attention-scroller", t("attention view"),
      table({ class: "pictures" }, [t("layer and head"), ...heads], rows)),
    element("div", {},
      formulaCard(page, "attention.probs", "B, N, S, S", probs[layer]),
      heatMap(page, {
        id: "attention-map", label: t("map label", { name: t("attention view") }),
        matrix, scale: "weight", rowLabels: result.tokens, columnLabels: result.tokens,
        selected: {
          row: within(state.row, matrix.rows), column: within(state.column, matrix.columns),
        },
        select: (row, column) => set({ row, column }),
      }),
      button("open-head", t("open head", { layer, head }), null,
        () => set({ page: "layer", layer, head, step: "attention.probs" }))));
}

/* Tokens × states: the cosine with the token's own embedding, or with the layer before. */
function wayView(page, states) {
  const { t, state, set, result } = page;
  const isBefore = state.compare === "before";
  const other = (j) => states[isBefore ? Math.max(j - 1, 0) : 0];
  const matrix = {
    rows: result.tokens.length, columns: states.length,
    at: (i, j) => cosine(vectorOf(states[j], i), vectorOf(other(j), i)),
  };
  const ways = [["embedding", t("with embedding")], ["before", t("with before")]];
  const formula = isBefore ? "cos(hᵢ, hᵢ₋₁) = hᵢ · hᵢ₋₁ / (|hᵢ| |hᵢ₋₁|)"
    : "cos(hᵢ, h₀) = hᵢ · h₀ / (|hᵢ| |h₀|)";
  return element("section", {},
    choice("compare", t("cosine"), ways, isBefore ? "before" : "embedding",
      (way) => set({ compare: way })),
    formulaCard(page, "", "[S, L + 1]", null, formula),
    element("p", { class: "hint" }, t(isBefore ? "way before text" : "way embedding text")),
    heatMap(page, {
      id: "way-map", label: t("way view"), matrix, limit: 1,
      rowLabels: result.tokens, columnLabels: states.map((_, i) => stateLabel(i)),
      selected: {
        row: within(state.row, matrix.rows), column: within(state.state, matrix.columns),
      },
      select: (row, column) => set({ row, state: column }),
    }));
}
