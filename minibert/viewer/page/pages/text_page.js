/* Page 1: text -> words -> pieces -> ids. */

import { LONGEST_WORD } from "../model/wordpiece.js";
import {
  button, code, element, formulaCard, heading, scroller, shortened, shown, table, tokenText,
} from "./elements.js";

export function textPage(page) {
  const { t, state, set, runner, result } = page;
  const words = result.texts.flatMap((explained) =>
    explained.words.map((word) => ({ ...word, explained })));
  const chosen = Math.min(state.word, words.length - 1);
  const groups = words.map((word, i) =>
    element("div", { class: `word${i === chosen ? " chosen" : ""}` },
      button(`word-${i}`, tokenText(word.text, 20), i === chosen, () => set({ word: i })),
      element("div", { class: "pieces" }, piecesOf(word).map(pieceBox))));
  const size = runner.vocab.length.toLocaleString("en");
  return [
    heading(t("text title"), t("text idea", { size })),
    words.length ? element("div", { class: "words", role: "group", "aria-label": t("words") },
      groups) : element("p", {}, t("no words")),
    unknownNote(page, words),
    chosen >= 0 ? wordDetails(page, words[chosen]) : null,
    modelInput(page),
    ...result.texts.map((explained, i) =>
      stageList(page, explained, t(i ? "stages title of pair" : "stages title"))),
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
  const isLong = [...text].length > LONGEST_WORD;
  const lastTried = () => tokenText(tries[tries.length - 1][0]);
  return element("p", { class: "note" },
    element("strong", {}, tokenText(text, 20)), " → [UNK] ",
    isLong ? t("unknown long", { length: LONGEST_WORD })
      : [t("not even"), " ", lastTried(), t("full stop"), t("unknown why")]);
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
  const rows = characters.map(({ char, becomes, rules }) => [
    tokenText(char),
    element("span", { class: "code", translate: "no" }, `U+${code(char)}`),
    afterStages(t, becomes),
    rules.map((rule) => t(`rule ${rule}`)).join(t("comma")),
  ]);
  const heads = ["character", "code", "becomes", "by stage"].map((key) => t(key));
  return table({ class: "plain" }, heads, rows);
}

function triedPieces({ runner }, { tries }) {
  const struck = (piece) => element("s", { class: "failed" }, tokenText(piece, 14));
  const idOf = (piece) => runner.vocab.indexOf(piece);
  const lines = attempts(tries).map(({ failed, found }) => element("li", {},
    failed.flatMap((piece) => [struck(piece), " "]),
    pieceBox({ token: found || "[UNK]", id: idOf(found || "[UNK]"), isUnknown: !found })));
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
  const rows = [
    [t("token"), ...tokens.map((token) => tokenText(token, 14))],
    ["id", ...ids],
    [t("segment"), ...segments],
    [t("position"), ...ids.map((_, position) => position)],
  ];
  return element("section", {}, element("h2", {}, t("input title", { count: ids.length })),
    scroller("input-scroller", t("input label"),
      table({ class: "input-table", translate: "no" }, null, rows)));
}

/* The whole text after each stage, and where the textbook has the stage. */
function stageList({ t, runner }, { text: typed, stages }, title) {
  let before = typed;
  const rows = stages.map(([name, text]) => {
    const isSame = text === before;
    before = text;
    const line = runner.lines[`words.${name.toLowerCase().replace(" ", "_")}`];
    return [
      t(`stage ${name}`),
      isSame ? element("span", { class: "same" }, t("unchanged"))
        : element("bdi", { class: "text", translate: "no" }, shortened(shown(text), 300)),
      element("span", { class: "location", translate: "no" }, line ? line.location : ""),
    ];
  });
  return element("section", {}, element("h2", {}, title),
    table({ class: "plain stages" }, null, rows));
}
