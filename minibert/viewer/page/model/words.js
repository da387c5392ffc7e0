/* Text to words: what BERT's tokenizer does to characters before it looks into the vocabulary
(minibert/words.py).

    text -> clean -> space CJK -> strip accents -> lower case -> split punctuation -> words

Each stage looks at one character at a time, so the words are the same whether the stages run over
the text or over each of its characters. The classes of characters are those of Unicode 8. `unicode`
has the tables of words.py for it: `cjk`, `later` (letters, whatever the browser knows of them) and
`changed`.

Differs: lower case and NFD are the browser's. It may know letters that Python does not know yet, 75
in Chrome 156 beside Python 3.11, all of Unicode 15 to 17. */

/* Is the code in a run of "41-43 61"? */
function inRanges(ranges) {
  const pairs = ranges.split(" ").map((range) => range.split("-").map((end) => parseInt(end, 16)));
  return (char) => {
    const code = char.codePointAt(0);
    return pairs.some((pair) => pair[0] <= code && code <= pair[pair.length - 1]);
  };
}

/* The stages that the settings ask for, in their order: [[name, function], …]. */
export function makeStages(settings, unicode) {
  const isCjk = inRanges(unicode.cjk);
  const isLater = inRanges(unicode.later);
  const isOf = (pattern, kind) => (char) => {
    if (isLater(char)) return false; // a letter
    const changed = unicode.changed[char];
    return changed ? changed.startsWith(kind) : pattern.test(char);
  };
  const isSpace = isOf(/[\t\n\r\p{Z}]/u, "Z");
  const isControl = isOf(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\ufffd]/u, "C");
  const isMark = isOf(/\p{Mn}/u, "Mn");
  const isPunctuation = isOf(/[\p{P}$+<=>^`|~]/u, "P"); // and in ASCII every sign

  const over = (stage) => (text) => Array.from(text, stage).join("");
  const all = [
    /* Drop control characters; make every white space a plain space. */
    ["clean", over((char) => (isSpace(char) ? " " : isControl(char) ? "" : char))],
    /* Make each Chinese character a word of its own. */
    ["space CJK", over((char) => (isCjk(char) ? ` ${char} ` : char))],
    /* Take each letter apart from its marks (NFD) and drop the marks. */
    ["strip accents", over((char) =>
      Array.from(char.normalize("NFD")).filter((part) => !isMark(part)).join(""))],
    /* Lower case, letter by letter: a Σ at the end of a word is σ like any other. */
    ["lower case", over((char) => char.toLowerCase())],
    /* Make each punctuation mark a word of its own. */
    ["split punctuation", over((char) => (isPunctuation(char) ? ` ${char} ` : char))],
  ];
  const skipped = {
    "space CJK": !settings.tokenize_chinese_chars,
    "strip accents": !(settings.strip_accents ?? settings.do_lower_case),
    "lower case": !settings.do_lower_case,
  };
  return all.filter(([name]) => !skipped[name]);
}
