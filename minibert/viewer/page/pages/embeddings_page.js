/* Page 2: three embeddings are added, then LayerNorm. */

import { choice, element, formulaCard, heading, number, tokenButtons } from "./elements.js";
import { heatMap, lens } from "./heat_map.js";
import { limitOf } from "./colours.js";
import { cellPanel, normLines, plainSum } from "./terms.js";
import { matrixOf, vectorOf } from "./vectors.js";

const PARTS = ["token", "segment", "position", "sum", "layer_norm"];

export function embeddingsPage(page) {
  const { t, state, set, result, config } = page;
  const row = Math.min(state.row, result.tokens.length - 1);
  const column = Math.min(state.column, config.hidden_size - 1);
  const part = PARTS.includes(state.part) ? state.part : "sum";
  const value = (name) => result.intermediates[`embeddings.${name}`];
  const select = (newRow, newColumn) => set({ row: newRow, column: newColumn });
  return [
    heading(t("embeddings title"), t("embeddings idea")),
    tokenButtons("token", t("token"), result.tokens, row, (i) => set({ row: i })),
    element("div", { class: "columns wide-left" },
      element("div", {}, threeRows()), panel()),
    element("section", {},
      element("h2", {}, t("all tokens title")),
      choice("part", t("shown"), PARTS.map((name) => [name, t(`part ${name}`)]), part,
        (name) => set({ part: name })),
      formulaCard(page, `embeddings.${part}`, part === "position" ? "S, D" : "B, S, D", value(part)),
      heatMap(page, {
        id: "embeddings-map", label: t("map label", { name: t(`part ${part}`) }),
        matrix: matrixOf(value(part)), rowLabels: result.tokens, selected: { row, column }, select,
      })),
  ];

  /* The chosen token's rows, one under the other, as in a sum on paper. */
  function threeRows() {
    const matrix = {
      rows: PARTS.length, columns: config.hidden_size,
      at: (i, j) => matrixOf(value(PARTS[i])).at(row, j),
    };
    const signs = ["", "+ ", "+ ", "= ", "→ "];
    return [
      heatMap(page, {
        id: "sum-map", label: t("sum label", { token: result.tokens[row] }), matrix,
        rowLabels: PARTS.map((name, i) => signs[i] + t(`short ${name}`)),
        limit: limitOf(matrixOf(value("layer_norm"))), selected: { row: PARTS.indexOf(part), column },
        select: (i, j) => set({ part: PARTS[i], column: j }),
      }),
      lens(page, {
        id: "sum-lens", matrix, selected: { row: PARTS.indexOf(part), column },
        limit: limitOf(matrixOf(value("layer_norm"))), select: (i, j) => set({ column: j }),
      }),
    ];
  }

  /* The sum and the LayerNorm of one feature, with its numbers. */
  function panel() {
    const at = (name) => vectorOf(value(name), row)[column];
    const weight = (name) => page.runner.weight(`embeddings.layer_norm.${name}`).data[column];
    return cellPanel(`${result.tokens[row]}, ${t("feature")} ${column}`,
      plainSum(page, ["token", "segment", "position"].map((name) => [t(`part ${name}`), at(name)]), at("sum")),
      element("h4", {}, "LayerNorm"),
      normLines(vectorOf(value("sum"), row), column, weight("gamma"), weight("beta"),
        config.layer_norm_eps, at("layer_norm")));
  }
}
