/* Page 1: text -> words -> pieces -> ids. */

import { LONGEST_WORD } from "../model/wordpiece.js";
import { button, element, formulaCard, heading, shortened, shown, tokenText } from "./elements.js";

export function textPage(page) {
  const { t, state, set, runner, result } = page;
  const words = result.texts.flatMap((explained) => explained.words.map((word) => ({ ...word, explained })));
  const chosen = Math.min(state.word, words.length - 1);
  const groups = words.map((word, i) => element("div", { class: `word${i === chosen ? " chosen" : ""}` },
    button(`word-${i}`, tokenText(word.text, 20), i === chosen, () => set({ word: i })),
    element("div", { class: "pieces" }, piecesOf(word).map(pieceBox))));
  return [
    heading(t("text title"), t("text idea", { size: runner.vocab.length.toLocaleString("en") })),
    words.length ? element("div", { class: "words", role: "group", "aria-label": t("words") }, groups)
      : element("p", {}, t("no words")),
    unknownNote(page, words),
    chosen >= 0 ? wordDetails(page, words[chosen]) : null,
    modelInput(page),
    ...result.texts.map((explained) => stageList(page, explained)),
  ];
}

function piecesOf({ pieces, explained }) {
  return pieces.map((i) => explained.pieces[i]);
}

function pieceBox({ token, id, isUnknown }) {
  return element("span", { class: isUnknown ? "piece unknown" : "piece" },
    tokenText(token, 20), element("span", { class: "id", translate: "no" }, id));
}

/* Why a word is [UNK], if there is one. */
function unknownNote({ t }, words) {
  const unknown = words.find((word) => piecesOf(word)[0].isUnknown);
  if (!unknown) return null;
  const { text, tries } = unknown;
  return element("p", { class: "note" },
    element("strong", {}, tokenText(text, 20)), " → [UNK] ",
    [...text].length > LONGEST_WORD ? t("unknown long", { length: LONGEST_WORD })
      : [t("not even"), " ", tokenText(tries[tries.length - 1][0]), t("full stop"), t("unknown why")]);
}

/* The characters of one word, stage by stage; then the pieces tried for it. */
function wordDetails(page, word) {
  const { t } = page;
  return element("div", { class: "columns" },
    element("section", {}, element("h2", {}, t("characters title")), characterTable(page, word)),
    element("section", {}, element("h2", {}, t("tries title")),
      formulaCard(page, "wordpiece.split_word", "", null, t("longest first")),
      triedPieces(page, word)));
}

function characterTable({ t }, word) {
  const characters = word.explained.characters.slice(word.start, word.end).slice(0, 24);
  const rows = characters.map(({ char, becomes, rules }) => element("tr", { class: rules.length ? null : "same" },
    element("td", { class: "char" }, tokenText(char)),
    element("td", { class: "code", translate: "no" },
      `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`),
    element("td", { class: "char" }, afterStages(t, becomes)),
    element("td", {}, rules.map((rule) => t(`rule ${rule}`)).join(t("comma")))));
  const heads = ["character", "code", "becomes", "by stage"].map((key) =>
    element("th", { scope: "col" }, t(key)));
  return element("table", { class: "plain" },
    element("thead", {}, element("tr", {}, heads)), element("tbody", {}, rows));
}

function triedPieces({ runner }, { tries }) {
  const lines = attempts(tries).map(({ failed, found }) => element("li", {},
    failed.map((piece) => element("span", { class: "failed" }, element("s", {}, tokenText(piece, 14)), " ")),
    pieceBox(found === null ? { token: "[UNK]", id: runner.vocab.indexOf("[UNK]"), isUnknown: true }
      : { token: found, id: runner.vocab.indexOf(found) })));
  return element("ol", { class: "tries" }, lines);
}

function afterStages(t, becomes) {
  if (!becomes) return element("em", {}, t("nothing"));
  return becomes.trim() ? tokenText(becomes.trim()) : element("em", {}, t("a space"));
}

/* The tries of a word, cut into the piece that was found and the longer ones before it. */
function attempts(tries) {
  const groups = [];
  let failed = [];
  tries.forEach(([piece, found]) => {
    if (!found) failed.push(piece);
    else {
      groups.push({ failed, found: piece });
      failed = [];
    }
  });
  if (failed.length || !tries.length) groups.push({ failed, found: null });
  // Of a long word's tries the first ones say enough.
  return groups.map((group) => ({ ...group, failed: group.failed.slice(0, 12) }));
}

/* What the model is given: [CLS] A [SEP] B [SEP], ids and segments. */
function modelInput({ t, result }) {
  const { tokens, ids, segments } = result;
  const row = (title, cells) => element("tr", {}, element("th", { scope: "row" }, title),
    cells.map((cell) => element("td", {}, cell)));
  return element("section", {}, element("h2", {}, t("input title", { count: ids.length })),
    element("div", { class: "scroller", tabindex: 0, id: "input-scroller", role: "region", "aria-label": t("input label") },
      element("table", { class: "input-table", translate: "no" }, element("tbody", {},
        row(t("token"), tokens.map((token) => tokenText(token, 14))),
        row("id", ids), row(t("segment"), segments),
        row(t("position"), ids.map((_, position) => position))))));
}

/* The whole text after each stage, and where the textbook has the stage. */
function stageList({ t, runner }, { text: typed, stages }) {
  let before = typed;
  const rows = stages.map(([name, text]) => {
    const same = text === before;
    before = text;
    const line = runner.lines[`words.${name.toLowerCase().replace(" ", "_")}`];
    return element("tr", { class: same ? "same" : null },
      element("th", { scope: "row" }, t(`stage ${name}`)),
      element("td", {}, same ? t("unchanged")
        : element("bdi", { class: "text", translate: "no" }, shortened(shown(text), 300))),
      element("td", { class: "location", translate: "no" }, line ? line.location : ""));
  });
  return element("section", {}, element("h2", {}, t("stages title")),
    element("table", { class: "plain stages" }, element("tbody", {}, rows)));
}
