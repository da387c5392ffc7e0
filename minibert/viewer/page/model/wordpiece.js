/* Words to pieces to ids: WordPiece, F11 (minibert/wordpiece.py).

    piece_1 = the longest beginning of the word that the vocabulary has
    piece_2 = the longest continuation that it has, written with ## in front
    …         to the end of the word

A word of over 100 letters, or with a part that no piece covers, is [UNK] as a whole.

A text is an array of characters, as in Python: "😀" is one, though two units of a JavaScript string.
All offsets count characters. */

export const LONGEST_WORD = 100;
/* What Python's \S is not. (JavaScript's has other characters.) */
const SPACE =
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";

export class WordPiece {
  /* `vocab`: Map, piece -> id. `whole`: special tokens, never split, wherever they are in a text.
  `neverSplit`: words that are not split between white space. */
  constructor(vocab, unknown, whole, stages, neverSplit) {
    this.vocab = vocab;
    this.unknown = unknown;
    this.stages = stages;
    const patterns = [
      ...whole.map(escapeRegExp),
      ...neverSplit.map((word) => `(?<=^|${SPACE})${escapeRegExp(word)}(?=$|${SPACE})`),
    ];
    this.whole = new RegExp(`(${patterns.join("|")})`, "u");
  }

  /* What all stages make of one character: nothing, letters, or letters between spaces. */
  normalise(char) {
    return this.stages.reduce((text, [, stage]) => stage(text), char);
  }

  /* Each word: {text, offsets}, for each letter the offset of the character that it came from. */
  words(part, start) {
    const words = [];
    let word = null;
    Array.from(part).forEach((char, i) => {
      for (const letter of this.normalise(char)) {
        if (letter === " ") {
          word = null;
        } else {
          if (!word) words.push(word = { text: "", offsets: [] });
          word.text += letter;
          word.offsets.push(start + i);
        }
      }
    });
    return words;
  }

  /* The longest known beginning, then the longest known continuation, to the end.

  `tries`: [[piece, is it in the vocabulary?], …], in the order of the search. `pieces`: null if the
  word is unknown. */
  splitWord(word) {
    const letters = Array.from(word);
    const [tries, pieces] = [[], []];
    if (letters.length > LONGEST_WORD) return { tries, pieces: null };
    let start = 0;
    while (start < letters.length) {
      const mark = start ? "##" : "";
      let end = letters.length;
      for (; end > start; end -= 1) {
        const piece = mark + letters.slice(start, end).join("");
        const isKnown = this.vocab.has(piece);
        tries.push([piece, isKnown]);
        if (isKnown) {
          pieces.push(piece);
          break;
        }
      }
      if (end === start) return { tries, pieces: null };
      start = end;
    }
    return { tries, pieces };
  }

  /* {isWhole, text, offset}: the text cut at special tokens. */
  parts(text) {
    let offset = 0;
    // With a group in the pattern, split returns text, match, text, match, …, text.
    return text.split(this.whole).map((part, number) => {
      const found = { isWhole: number % 2 === 1, text: part, offset };
      offset += Array.from(part).length;
      return found;
    });
  }

  /* How a text became its pieces, with every step (minibert/inspection/explain.py):

  stages      [[name, the text after it], …]
  characters  [{offset, char, becomes, rules: [name of each stage that touched it]}, …]
  words       [{text, start, end, isWhole, tries, pieces: [number of the piece, …]}, …]
  pieces      [{token, id, start, end, word: its number, isUnknown}, …] */
  explain(text) {
    const stages = this.stages.map(([name]) => [name, ""]);
    const found = { text, stages, characters: [], words: [], pieces: [] };
    for (const part of this.parts(text)) {
      if (part.isWhole) this.explainWhole(part, found);
      else this.explainPart(part, found);
    }
    return found;
  }

  explainWhole({ text, offset }, found) {
    const chars = Array.from(text);
    found.stages.forEach((stage) => { stage[1] += text; });
    chars.forEach((char, i) => {
      found.characters.push({ offset: offset + i, char, becomes: char, rules: ["whole"] });
    });
    const offsets = chars.map((_, i) => offset + i);
    const isKnown = this.vocab.has(text);
    const split = { tries: [[text, isKnown]], pieces: isKnown ? [text] : null };
    this.addWord({ text, offsets }, split, true, found);
  }

  explainPart({ text, offset }, found) {
    let after = text;
    this.stages.forEach(([, stage], i) => {
      after = stage(after);
      found.stages[i][1] += after;
    });
    Array.from(text).forEach((char, i) => {
      found.characters.push(this.character(offset + i, char));
    });
    for (const word of this.words(text, offset)) {
      this.addWord(word, this.splitWord(word.text), false, found);
    }
  }

  /* The rules that touch one character, stage by stage. */
  character(offset, char) {
    const rules = [];
    const becomes = this.stages.reduce((before, [name, stage]) => {
      const after = stage(before);
      if (after !== before) rules.push(name);
      return after;
    }, char);
    return { offset, char, becomes, rules };
  }

  addWord({ text, offsets }, { tries, pieces }, isWhole, found) {
    const numbers = [];
    let first = 0;
    for (const token of pieces || [this.unknown]) {
      const length = Array.from(token).length - (first ? 2 : 0);
      // A single piece is the whole word, known or [UNK].
      const last = !pieces || pieces.length === 1 ? offsets.length - 1 : first + length - 1;
      numbers.push(found.pieces.length);
      found.pieces.push({
        token, id: this.vocab.get(token), start: offsets[first], end: offsets[last] + 1,
        word: found.words.length, isUnknown: !pieces });
      first = last + 1;
    }
    const [start, end] = [offsets[0], offsets[offsets.length - 1] + 1];
    found.words.push({ text, start, end, isWhole, tries, pieces: numbers });
  }
}

function escapeRegExp(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
