/* Texts to the inputs of a model: BERT's tokenizer (分词), F11 and F12 (minibert/tokenizer.py).

    text -> words (words.js) -> pieces, ids (wordpiece.js) -> [CLS] A [SEP] B [SEP]

    new Tokenizer(vocab, settings).encode("one text", "another")

`vocab`: the pieces, in the order of their ids. `settings`: those of tokenizer_config.json, with the
special tokens; `max_tokens`, to which longer texts are cut; `unicode`, the tables of words.py. */

import { WordPiece } from "./wordpiece.js";
import { makeStages } from "./words.js";

export class Tokenizer {
  constructor(vocab, settings) {
    this.tokens = vocab;
    this.vocab = new Map(vocab.map((token, id) => [token, id]));
    this.settings = settings;
    this.wordpiece = new WordPiece(
      this.vocab,
      settings.unk_token,
      [settings.unk_token, settings.sep_token, settings.pad_token, settings.cls_token,
        settings.mask_token],
      makeStages(settings, settings.unicode),
      settings.never_split);
  }

  /* One row, [CLS] A [SEP] or [CLS] A [SEP] B [SEP]; for each of its tokens:

  ids, segments, tokens
  isUnknown   is it the [UNK] of a word without pieces?
  sources     {text: 0 or 1, piece: its number in texts[text].pieces, start, end}; null for a token
              that was added, [CLS] or [SEP]

  and for the row:

  texts       what `explain` found for A, and for B (wordpiece.js)
  cut         null, or {tokens: how many there were, kept: how many there are} */
  encode(text, textPair = null) {
    const texts = (textPair === null ? [text] : [text, textPair])
      .map((each) => this.wordpiece.explain(each));
    const lengths = texts.map((each) => each.pieces.length);
    const special = 1 + texts.length;
    const kept = shorten(lengths, this.settings.max_tokens - special);
    const row = { ids: [], segments: [], tokens: [], isUnknown: [], sources: [], texts };
    this.push(row, this.settings.cls_token, 0);
    texts.forEach((each, number) => {
      each.pieces.slice(0, kept[number]).forEach((piece, i) => {
        this.push(row, piece.token, number, piece.isUnknown,
          { text: number, piece: i, start: piece.start, end: piece.end });
      });
      this.push(row, this.settings.sep_token, number);
    });
    const tokens = special + sum(lengths);
    row.cut = sum(kept) < sum(lengths) ? { tokens, kept: special + sum(kept) } : null;
    return row;
  }

  push(row, token, segment, isUnknown = false, source = null) {
    row.ids.push(this.vocab.get(token));
    row.segments.push(segment);
    row.tokens.push(token);
    row.isUnknown.push(isUnknown);
    row.sources.push(source);
  }
}

/* How many tokens of each text are left when the longer one gives way until all fit. */
function shorten(lengths, room) {
  if (sum(lengths) <= room) return lengths;
  if (lengths.length === 1) return [room];
  const [first, second] = lengths;
  const shorter = Math.min(first, second, Math.floor(room / 2));
  return first <= second ? [shorter, room - shorter] : [room - shorter, shorter];
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
