/* Where one number came from, written out with its numbers: a sum of products term by term (the
largest first), a sum, a softmax, a LayerNorm, a GELU. */

import { gelu } from "../model/feed_forward.js";
import { colourOf, css } from "./colours.js";
import { bracketed, element, number, percent, tokenText, withIndices } from "./elements.js";

const SHOWN = 8; // terms; the rest is one line

export function cellPanel(title, ...content) {
  return element("section", { class: "cell-panel", "aria-live": "polite" },
    element("h2", { translate: "no" }, title), content);
}

/* A line of its own: what, and the number. */
function line(what, value, name = "") {
  return element("tr", { class: name }, element("th", { scope: "row", colspan: 2 }, what),
    element("td", { class: "number" }, number(value)), element("td", {}));
}

function bar(value, largest) {
  const share = 50 * Math.min(Math.abs(value) / (largest || 1), 1);
  const colour = css(colourOf("signed", 1)(value < 0 ? -0.7 : 0.7));
  const start = value < 0 ? 50 - share : 50;
  return element("span", { class: "term-bar", "aria-hidden": "true" },
    element("span", { style: `left: ${start}%; width: ${share}%; background: ${colour}` }));
}

/* Σ a·b (+ bias) (÷ √H) = value. `terms`: [[label, a, b], …]. `heads`: of the label, of a × b. */
export function sumOfProducts(page, { heads, terms, bias = null, divisor = null, value }) {
  const { t } = page;
  const sorted = terms.map(([label, a, b]) => ({ label, a, b, product: a * b }))
    .sort((one, other) => Math.abs(other.product) - Math.abs(one.product));
  const first = sorted.slice(0, SHOWN);
  const rest = sorted.slice(SHOWN);
  const sum = (list) => list.reduce((total, term) => total + term.product, 0);
  const largest = Math.abs(first[0].product);
  const rows = first.map(({ label, a, b, product }) => element("tr", {},
    element("th", { scope: "row" }, label),
    element("td", { class: "number" }, `${number(a)} × ${bracketed(b)}`),
    element("td", { class: "number" }, number(product)),
    element("td", {}, bar(product, largest))));
  if (rest.length) rows.push(line(t("other terms", { count: rest.length }), sum(rest)));
  if (bias !== null) rows.push(line(t("bias"), bias));
  if (divisor) {
    rows.push(line("Σ", sum(sorted)));
    rows.push(line(`÷ √H = ÷ √${divisor}`, Math.sqrt(divisor)));
  }
  rows.push(line("=", value, "result"));
  return element("table", { class: "terms" },
    element("caption", {}, t("terms caption", { count: terms.length })),
    element("thead", {}, element("tr", {},
      element("th", { scope: "col" }, heads[0]),
      element("th", { scope: "col", class: "number", translate: "no" }, withIndices(heads[1])),
      element("th", { scope: "col", class: "number" }, "="), element("td", {}))),
    element("tbody", {}, rows));
}

/* a + b + … = value. parts: [[name, number], …]. */
export function plainSum(parts, value) {
  const largest = Math.max(...parts.map((part) => Math.abs(part[1])));
  const rows = parts.map(([name, part], i) => element("tr", {},
    element("th", { scope: "row", colspan: 2 }, i ? `+ ${name}` : name),
    element("td", { class: "number" }, number(part)), element("td", {}, bar(part, largest))));
  return element("table", { class: "terms" },
    element("tbody", {}, rows, line("=", value, "result")));
}

/* exp(s_j − max) / Σ_k exp(s_k − max), for a whole row; `column` is the chosen key. */
export function softmaxRow(page, scores, tokens, column) {
  const { t } = page;
  const largest = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const total = exponentials.reduce((a, b) => a + b, 0);
  const order = scores.map((_, j) => j).sort((a, b) => scores[b] - scores[a]);
  const kept = order.slice(0, SHOWN);
  if (!kept.includes(column)) kept[kept.length - 1] = column;
  const rows = kept.map((j) => element("tr", { class: j === column ? "chosen" : null },
    element("th", { scope: "row" }, tokenText(tokens[j], 12)),
    [number(scores[j], 2), number(exponentials[j]), number(exponentials[j] / total)].map((text) =>
      element("td", { class: "number" }, text))));
  const heads = [t("key"), "s", "exp(s − max)", "÷ Σ"].map((head, i) =>
    element("th", { scope: "col", class: i ? "number" : null }, head));
  return element("div", {},
    element("table", { class: "terms" },
      element("thead", {}, element("tr", {}, heads)), element("tbody", {}, rows)),
    element("p", { class: "result-line", translate: "no" },
      `max = ${number(largest)}    Σ exp(s − max) = ${number(total)}`),
    element("p", { class: "result-line strong", translate: "no" },
      `exp(${number(scores[column] - largest)}) / ${number(total)} = `
      + `${number(exponentials[column] / total)} = ${percent(exponentials[column] / total)}`));
}

/* γ · (x − μ) / √(σ² + ε) + β for one feature of one token's vector. */
export function normLines(x, j, gamma, beta, eps, value) {
  const mean = x.reduce((sum, one) => sum + one, 0) / x.length;
  const variance = x.reduce((sum, one) => sum + (one - mean) ** 2, 0) / x.length;
  const normalised = (x[j] - mean) / Math.sqrt(variance + eps);
  const signed = (one) => (one < 0 ? `− ${number(-one)}` : `+ ${number(one)}`);
  const lines = [
    `x = ${number(x[j])}`,
    `μ = 1/D · Σ x = ${number(mean)}`,
    `σ² = 1/D · Σ (x − μ)² = ${number(variance)}`,
    `(x − μ) / √(σ² + ε) = ${number(normalised)}`,
    `γ = ${number(gamma)}    β = ${number(beta)}`,
  ];
  return element("div", { translate: "no" },
    lines.map((text) => element("p", { class: "result-line" }, text)),
    element("p", { class: "result-line strong" },
      `${number(gamma)} · ${bracketed(normalised)} ${signed(beta)} = ${number(value)}`));
}

/* The curve of GELU from −4 to 4, and the value on it. */
export function geluCurve(x) {
  const [width, height] = [320, 200];
  const place = (a, b) => [(a + 4) / 8 * width, height - 20 - (b + 0.5) / 4.5 * (height - 30)];
  const points = Array.from({ length: 97 }, (_, i) => place(-4 + i / 12, gelu(-4 + i / 12)));
  const [cx, cy] = place(Math.min(Math.max(x, -4), 4), gelu(Math.min(Math.max(x, -4), 4)));
  const [zeroX, zeroY] = place(0, 0);
  const svg = (name, attributes, text = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.textContent = text;
    return made;
  };
  const picture = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, class: "curve", role: "img",
    "aria-label": `GELU(${number(x)}) = ${number(gelu(x))}`,
  });
  picture.append(
    svg("path", { class: "axis", d: `M0 ${zeroY}H${width}M${zeroX} 4V${height - 4}` }),
    svg("path", { class: "graph", d: `M${points.map((point) => point.join(" ")).join("L")}` }),
    svg("path", { class: "guide", d: `M${cx} ${zeroY}V${cy}H${zeroX}` }),
    svg("circle", { cx, cy, r: 6 }),
    ...[[-4, "start"], [-2, "middle"], [2, "middle"], [4, "end"]].map(([a, anchor]) =>
      svg("text", { x: place(a, 0)[0], y: zeroY + 16, "text-anchor": anchor }, number(a, 0))),
    svg("text", { x: 6, y: 18 }, "GELU(x) = x · Φ(x)"));
  const phi = x === 0 ? 0.5 : gelu(x) / x;
  return element("div", {}, picture, element("p", { class: "result-line strong", translate: "no" },
    `GELU(${number(x)}) = ${number(x)} · ${number(phi)} = ${number(gelu(x))}`));
}
