/* Page 2: three embeddings are added, then LayerNorm. */

import { choice, element, formulaCard, heading, shown, tokenButtons } from "./elements.js";
import { heatMap, lens } from "./heat_map.js";
import { limitOf } from "./colours.js";
import { cellPanel, normLines, plainSum } from "./terms.js";
import { matrixOf, vectorOf, within } from "./vectors.js";

const PARTS = ["token", "segment", "position", "sum", "layer_norm"];

export function embeddingsPage(page) {
  const { t, state, set, result, config } = page;
  const row = within(state.row, result.tokens.length);
  const column = within(state.column, config.hidden_size);
  const part = PARTS.includes(state.part) ? state.part : "sum";
  const value = (name) => result.intermediates[`embeddings.${name}`];
  const select = (newRow, newColumn) => set({ row: newRow, column: newColumn });
  return [
    heading(t("embeddings title"), t("embeddings idea")),
    tokenButtons("token", t("token"), result.tokens, row, (i) => set({ row: i })),
    element("div", { class: "columns wide-left" },
      element("div", {}, rowsOfToken()), panel()),
    element("section", {},
      element("h2", {}, t("all tokens title")),
      choice("part", t("shown"), PARTS.map((name) => [name, t(`part ${name}`)]), part,
        (name) => set({ part: name })),
      formulaCard(page, `embeddings.${part}`, part === "position" ? "S, D" : "B, S, D",
        value(part)),
      heatMap(page, {
        id: "embeddings-map", label: t("map label", { name: t(`part ${part}`) }),
        matrix: matrixOf(value(part)), rowLabels: result.tokens, selected: { row, column }, select,
      })),
  ];

  /* The chosen token's rows, one under the other, as in a sum on paper; then the sum normalised. */
  function rowsOfToken() {
    const signs = { token: "", segment: "+ ", position: "+ ", sum: "= ", layer_norm: "→ " };
    const labels = (names) => names.map((name) => signs[name] + t(`short ${name}`));
    const rowMap = (id, names) => heatMap(page, {
      id, label: t("sum label", { token: shown(result.tokens[row]) }),
      matrix: {
        rows: names.length, columns: config.hidden_size,
        at: (i, j) => matrixOf(value(names[i])).at(row, j),
      },
      rowLabels: labels(names), alignedWith: labels(PARTS),
      limit: limitOf(matrixOf(value(names[names.length - 1]))),
      selected: names.includes(part) ? { row: names.indexOf(part), column } : null,
      select: (i, j) => set({ part: names[i], column: j }),
    });
    return [
      rowMap("sum-map", PARTS.slice(0, 4)),
      rowMap("norm-map", PARTS.slice(4)),
      lens(page, {
        id: "sum-lens", matrix: matrixOf(value(part)), selected: { row, column },
        select: (i, j) => set({ column: j }),
      }),
    ];
  }

  /* The sum and the LayerNorm of one feature, with its numbers. */
  function panel() {
    const at = (name) => vectorOf(value(name), row)[column];
    const weight = (name) => page.runner.weight(`embeddings.layer_norm.${name}`).data[column];
    return cellPanel(`${shown(result.tokens[row])}, ${t("feature")} ${column}`,
      plainSum(PARTS.slice(0, 3).map((name) => [t(`part ${name}`), at(name)]), at("sum")),
      element("h3", {}, t("short layer_norm")),
      normLines(vectorOf(value("sum"), row), column, weight("gamma"), weight("beta"),
        config.layer_norm_eps, at("layer_norm")));
  }
}
