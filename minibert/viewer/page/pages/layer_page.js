/* Page 3: one encoder layer as a picture to walk along; each number down to its products. */

import { button, choice, element, formulaCard, heading, percent, shown, tokenText, withIndices } from "./elements.js";
import { colourOf, css, inkOn, limitOf, weightLimit } from "./colours.js";
import { heatMap, lens, thumbnail } from "./heat_map.js";
import { isBetweenTokens, layerView, STEPS, stepOf } from "./steps.js";
import { cellPanel } from "./terms.js";
import { matrixOf } from "./vectors.js";

export function layerPage(page) {
  const { t, state, set, config } = page;
  const layer = Math.min(state.layer, config.num_hidden_layers - 1);
  const head = Math.min(state.head, config.num_attention_heads - 1);
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
  const heads = Array.from({ length: config.num_attention_heads }, (_, n) =>
    button(`head-${n}`, element("span", {}, thumbnail(matrixOf(probs, n), "weight", 44, 44), String(n)),
      n === view.head, () => set({ head: n }), { "aria-label": `${t("head")} ${n}` }));
  return element("div", { class: "choice heads", role: "group", "aria-label": t("head") },
    element("span", { class: "choice-title", "aria-hidden": "true" }, t("head")), heads);
}

/* The steps as buttons with small pictures; lines show which step reads which. */
function layerMap(page, view, chosen) {
  const { t, set } = page;
  const walkTo = (step) => {
    set({ step: step.id });
    // On a narrow screen the step is below the map.
    if (window.innerWidth < 800) document.querySelector(".details").scrollIntoView();
  };
  const nodes = STEPS.map((step) => {
    const scale = step.id === "attention.probs" ? "weight" : "signed";
    const picture = thumbnail(view.matrix(step), scale, 56, 30);
    return button(`step-${step.id}`,
      element("span", { class: "node" }, picture, element("span", { class: "symbol", translate: "no" }, withIndices(step.symbol))),
      step === chosen, () => walkTo(step),
      { title: t(`${step.id} title`), class: step.symbol.length === 1 && step.id !== "layer.input" ? "third" : null });
  });
  const lines = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  lines.setAttribute("aria-hidden", "true");
  const map = element("nav", { class: "layer-map", "aria-label": t("map of the layer") }, lines, nodes);
  map.draw = () => drawLines(lines, map);
  new ResizeObserver(map.draw).observe(map);
  return map;
}

/* From the middle of a step's lower edge to the middle of the next one's upper edge. What skips
steps goes round: the two residuals on the left, V on the right. */
function drawLines(lines, map) {
  if (!map.isConnected) return;
  const own = map.getBoundingClientRect();
  const boxOf = (id) => {
    const box = document.getElementById(`step-${id}`).getBoundingClientRect();
    const [left, top] = [box.left - own.left, box.top - own.top];
    return {
      left, top, right: left + box.width, bottom: top + box.height,
      middle: left + box.width / 2, centre: top + box.height / 2,
    };
  };
  const path = (name, shape) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "path");
    made.setAttribute("class", name);
    made.setAttribute("d", shape);
    return made;
  };
  const round = (name, x, bend, start, end) => path(name,
    `M${x} ${start.centre}C${x + bend} ${start.centre} ${x + bend} ${end.centre} ${x} ${end.centre}`);
  lines.replaceChildren(...STEPS.flatMap((step) => step.from.map((id) => {
    const [start, end] = [boxOf(id), boxOf(step.id)];
    if (step.symbol.startsWith("+") && id !== step.from[0]) return round("residual", start.left, -34, start, end);
    if (id === "attention.value") return round("skip", start.right, 26, start, end);
    const half = (start.bottom + end.top) / 2;
    return path("", `M${start.middle} ${start.bottom}C${start.middle} ${half} ${end.middle} ${half} ${end.middle} ${end.top}`);
  })));
}

function stepDetails(page, view, step) {
  const { t, state, set } = page;
  const matrix = view.matrix(step);
  const isSquare = isBetweenTokens(step);
  const row = Math.min(state.row, matrix.rows - 1);
  const column = Math.min(state.column, matrix.columns - 1);
  const scale = step.id === "attention.probs" ? "weight" : "signed";
  const select = (newRow, newColumn) => set({ row: newRow, column: newColumn });
  const limit = scale === "weight" ? weightLimit(matrix.columns) : limitOf(matrix);
  const columnName = isSquare ? view.tokens[column] : `${t("feature")} ${column}`;
  const name = step.id === "layer.input" ? (view.layer ? "feed_forward_layer_norm" : "embeddings.layer_norm") : step.id;
  return element("div", { class: "details" },
    stepTitle(page, step),
    formulaCard(page, name, step.letters, view.value(step.id)),
    element("p", {}, t(`${step.id} text`)),
    isSquare ? looks(page, view, row) : null,
    element("div", { class: "columns wide-left" },
      element("div", {},
        heatMap(page, {
          id: "layer-matrix", label: t("map label", { name: t(`${step.id} title`) }), matrix, scale, limit,
          rowLabels: view.tokens, columnLabels: isSquare ? view.tokens : null,
          selected: { row, column }, select,
        }),
        isSquare ? null
          : lens(page, { id: "layer-lens", matrix, selected: { row, column }, select, limit })),
      step.explain ? cellPanel(`${shown(view.tokens[row])} → ${shown(columnName)}`,
        step.explain(view, step, row, column)) : cameFrom(page, view)));
}

/* The step's name between a button to the step before and one to the next. */
function stepTitle({ t, set }, step) {
  const i = STEPS.indexOf(step);
  const move = (id, label, target) => button(id, label, null,
    () => target && set({ step: target.id }), { "aria-disabled": target ? null : "true" });
  return element("div", { class: "step-title" },
    move("step-before", "‹", STEPS[i - 1]),
    element("h2", {}, t(`${step.id} title`)),
    element("span", { class: "count" }, `${i + 1} / ${STEPS.length}`),
    move("step-after", "›", STEPS[i + 1]));
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
    button(`look-${j}`, element("span", {}, tokenText(token), shares[j]), j === row, () => set({ row: j }),
      { onpointerenter: () => paint(j), onpointerleave: () => paint(row) }));
  paint(row);
  return element("div", { class: "looks" }, element("p", { class: "hint" }, t("looks hint")),
    element("div", { class: "tokens", role: "group", "aria-label": t("looks hint") }, buttons));
}

/* The input has no formula of this layer: it is what the layer before gave. */
function cameFrom({ t, set }, view) {
  const text = view.layer ? t("input from layer", { layer: view.layer - 1 }) : t("input from embeddings");
  const there = view.layer ? { layer: view.layer - 1, step: "feed_forward_layer_norm" } : { page: "embeddings" };
  return cellPanel("x", element("p", {}, text), button("input-source", t("go there"), null, () => set(there)));
}
