/* The embeddings of all layers as a table or as JSON: saved as a file, or copied. */

import { button, element, formulaCard } from "./elements.js";
import { vectorOf } from "./vectors.js";

export function keepView(page, states) {
  const { t, result, config } = page;
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
  const region = { tabindex: 0, id: "csv-start", role: "region", "aria-label": t("csv start") };
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
    element("pre", { ...region, translate: "no" }, lines.join("\n")),
    element("p", { class: "hint" }, t("keep python")),
    element("pre", { class: "wrapped", translate: "no" },
      "minibert embed --input texts.txt --layers all --out embeddings.npy"));
}

/* Nine digits are enough to get each float32 back. */
function numbersOf(state, position) {
  return Array.from(vectorOf(state, position), (value) => Number(value.toPrecision(9)));
}

function asCsv({ tokens }, states) {
  const quoted = (token) => `"${token.replaceAll('"', '""')}"`;
  const features = numbersOf(states[0], 0).map((_, j) => `f${j}`);
  const rows = states.flatMap((state, i) => tokens.map((token, s) =>
    [i, s, quoted(token), ...numbersOf(state, s)].join(",")));
  return [["state", "position", "token", ...features].join(","), ...rows].join("\n");
}

function asJson({ state, result }, states) {
  const { tokens, ids } = result;
  const vectors = states.map((one) => tokens.map((_, s) => numbersOf(one, s)));
  return JSON.stringify({ text: state.text, tokens, ids, hidden_states: vectors });
}

function download(name, content) {
  const address = URL.createObjectURL(new Blob([content], { type: "text/plain" }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
