/* The map of one layer: its steps as buttons with small pictures, and lines between them. */

import { button, element, withIndices } from "./elements.js";
import { thumbnail } from "./heat_map.js";
import { STEPS } from "./steps.js";

export function layerMap({ t, set }, view, chosen) {
  const walkTo = (step) => {
    set({ step: step.id });
    // On a narrow screen the step is below the map.
    if (window.innerWidth < 800) document.querySelector(".details").scrollIntoView();
  };
  const buttons = STEPS.map((step) => {
    const isThird = ["Q", "K", "V"].includes(step.symbol);
    const symbol = element("span", { class: "symbol", translate: "no" }, withIndices(step.symbol));
    return button(`step-${step.id}`,
      element("span", { class: "node" }, thumbnail(view.matrix(step), step.scale, 56, 30), symbol),
      step === chosen, () => walkTo(step),
      { title: t(`${step.id} title`), class: isThird ? "third" : null });
  });
  const lines = svgElement("svg", { "aria-hidden": "true" });
  const label = t("map of the layer");
  const map = element("nav", { class: "layer-map", "aria-label": label }, lines, buttons);
  new ResizeObserver(() => drawLines(lines, map)).observe(map);
  return map;
}

function svgElement(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  return made;
}

/* From each step to those that read it. What skips steps goes round: the two residuals on the left,
V on the right. */
function drawLines(lines, map) {
  if (!map.isConnected) return;
  const paths = STEPS.flatMap((step) => step.from.map((id) => {
    const [start, end] = [boxOf(id, map), boxOf(step.id, map)];
    const isResidual = step.symbol.startsWith("+") && id !== step.from[0];
    if (isResidual) return round(start.left, -34, start, end, "residual");
    if (id === "attention.value") return round(start.right, 26, start, end, "");
    return straight(start, end);
  }));
  lines.replaceChildren(...paths);
}

/* Where a step's button is on the map. */
function boxOf(id, map) {
  const own = map.getBoundingClientRect();
  const box = document.getElementById(`step-${id}`).getBoundingClientRect();
  const [left, top] = [box.left - own.left, box.top - own.top];
  return {
    left, right: left + box.width, middle: left + box.width / 2,
    top, bottom: top + box.height, centre: top + box.height / 2,
  };
}

function round(x, bend, start, end, name) {
  const curve = `${x + bend} ${start.centre} ${x + bend} ${end.centre} ${x} ${end.centre}`;
  return svgElement("path", { class: name, d: `M${x} ${start.centre}C${curve}` });
}

function straight(start, end) {
  const half = (start.bottom + end.top) / 2;
  const curve = `${start.middle} ${half} ${end.middle} ${half} ${end.middle} ${end.top}`;
  return svgElement("path", { d: `M${start.middle} ${start.bottom}C${curve}` });
}
