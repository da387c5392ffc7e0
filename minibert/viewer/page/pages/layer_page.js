/* Page 3: one encoder layer as a picture to walk along; each number down to its products. */

import {
  button, choice, element, formulaCard, heading, percent, shown, tokenText, withIndices,
} from "./elements.js";
import { colourOf, css, inkOn, limitOf, weightLimit } from "./colours.js";
import { heatMap, lens, thumbnail } from "./heat_map.js";
import { layerMap } from "./layer_map.js";
import { isBetweenTokens, layerView, STEPS, stepOf } from "./steps.js";
import { cellPanel } from "./terms.js";
import { matrixOf, within } from "./vectors.js";

export function layerPage(page) {
  const { t, state, set, config } = page;
  const layer = within(state.layer, config.num_hidden_layers);
  const head = within(state.head, config.num_attention_heads);
  const step = stepOf(state.step);
  const view = layerView(page, layer, head);
  const layers = Array.from({ length: config.num_hidden_layers }, (_, i) => [i, String(i)]);
  return [
    heading(t("layer title"), t("layer idea")),
    element("div", { class: "choosers" },
      choice("layer", t("layer"), layers, layer, (i) => set({ layer: i })),
      headChoice(page, view)),
    element("div", { class: "walk" }, layerMap(page, view, step), stepDetails(page, view, step)),
  ];
}

/* The heads side by side, each by the picture of its attention. */
function headChoice({ t, set, config }, view) {
  const probs = view.value("attention.probs");
  const picture = (n) => thumbnail(matrixOf(probs, n), "weight", 44, 44);
  const heads = Array.from({ length: config.num_attention_heads }, (_, n) =>
    button(`head-${n}`, element("span", {}, picture(n), String(n)), n === view.head,
      () => set({ head: n }), { "aria-label": `${t("head")} ${n}` }));
  return element("div", { class: "choice heads", role: "group", "aria-label": t("head") },
    element("span", { class: "choice-title", "aria-hidden": "true" }, t("head")), heads);
}

/* One step: its formula, its matrix, and where the selected number came from. */
function stepDetails(page, view, step) {
  const { t, state, set } = page;
  const matrix = view.matrix(step);
  const isSquare = isBetweenTokens(step);
  const selected = {
    row: within(state.row, matrix.rows), column: within(state.column, matrix.columns),
  };
  const { row, column } = selected;
  const select = (newRow, newColumn) => set({ row: newRow, column: newColumn });
  const limit = step.scale === "weight" ? weightLimit(matrix.columns) : limitOf(matrix);
  const columnName = isSquare ? view.tokens[column] : `${t("feature")} ${column}`;
  const map = heatMap(page, {
    id: "layer-matrix", label: t("map label", { name: t(`${step.id} title`) }),
    matrix, scale: step.scale, limit, selected, select,
    rowLabels: view.tokens, columnLabels: isSquare ? view.tokens : null,
  });
  return element("div", { class: "details" },
    stepTitle(page, step),
    formulaCard(page, lineOf(view, step), step.letters, view.value(step.id)),
    element("p", {}, withIndices(t(`${step.id} text`))),
    isSquare ? looks(page, view, row) : null,
    element("div", { class: "columns wide-left" },
      element("div", {}, map,
        isSquare ? null : lens(page, { id: "layer-lens", matrix, selected, select, limit })),
      step.explain ? cellPanel(`${shown(view.tokens[row])} → ${shown(columnName)}`,
        step.explain(view, step, row, column)) : cameFrom(page, view)));
}

/* The name of the line that computes a step; the input is computed before this layer. */
function lineOf(view, step) {
  if (step.id !== "layer.input") return step.id;
  return view.layer ? "feed_forward_layer_norm" : "embeddings.layer_norm";
}

/* The step's name between a button to the step before and one to the next. */
function stepTitle({ t, set }, step) {
  const i = STEPS.indexOf(step);
  const move = (id, label, title, target) => button(id, label, null,
    () => target && set({ step: target.id }),
    { "aria-disabled": target ? null : "true", "aria-label": title });
  return element("div", { class: "step-title" },
    move("step-before", "‹", t("step before"), STEPS[i - 1]),
    element("h2", {}, t(`${step.id} title`)),
    element("span", { class: "count" }, `${i + 1} / ${STEPS.length}`),
    move("step-after", "›", t("step after"), STEPS[i + 1]));
}

/* The sentence, coloured by how much the chosen token looks at each; another token is looked from
while the pointer is over it. */
function looks({ t, set }, view, row) {
  const probs = view.matrix(stepOf("attention.probs"));
  const colour = colourOf("weight", weightLimit(view.tokens.length));
  const shares = view.tokens.map(() => element("span", { class: "share" }));
  const paint = (from) => buttons.forEach((one, j) => {
    const background = colour(probs.at(from, j));
    one.style.background = css(background);
    one.style.color = inkOn(background);
    shares[j].textContent = percent(probs.at(from, j));
    one.setAttribute("aria-pressed", String(j === from));
  });
  const buttons = view.tokens.map((token, j) =>
    button(`look-${j}`, element("span", {}, tokenText(token), shares[j]), j === row,
      () => set({ row: j }),
      { onpointerenter: () => paint(j), onpointerleave: () => paint(row) }));
  paint(row);
  return element("div", { class: "looks" }, element("p", { class: "hint" }, t("looks hint")),
    element("div", { class: "tokens", role: "group", "aria-label": t("looks hint") }, buttons));
}

/* The input has no sum of its own: it is what came before this layer. */
function cameFrom({ t, set }, view) {
  const before = view.layer - 1;
  const text = view.layer ? t("input from layer", { layer: before }) : t("input from embeddings");
  const there = view.layer ? { layer: before, step: "feed_forward_layer_norm" }
    : { page: "embeddings" };
  return cellPanel("x", element("p", {}, text),
    button("input-source", t("go there"), null, () => set(there)));
}
