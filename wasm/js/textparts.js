// Counts the parts of a text that tokenizers treat differently, like src/protocol/estimate/counts.rs and marks.rs.

/** The kinds of parts, in the order of the weights in estimate.js. */
const KINDS = [
  // ASCII words, their letters from the seventh on, letters of words in capitals from the second on, letters of words with accents.
  ...["words", "longWords", "capitals", "accented"],
  // Groups of up to three digits, numbers after a single space, digits.
  ...["numbers", "spacedNumbers", "digits"],
  // Runs of punctuation, their characters from the second on, repeated ones; runs of line breaks, runs of spaces.
  ...["punctuation", "morePunctuation", "repeated", "breaks", "blanks"],
  ...["cyrillic", "greek", "arabic", "hebrew", "indic", "thai", "han", "kana", "hangul"],
  // Single spaces before a letter of another script or a sign; typographic signs; emoji; everything else.
  ...["spacedLetters", "signs", "emoji", "other"],
];
const AT = Object.fromEntries(KINDS.map((kind, at) => [kind, at]));

/** The kinds of characters beyond ASCII, by ranges. The first matching range counts. */
const RANGES = [
  [AT.greek, [0x370, 0x3ff], [0x1f00, 0x1fff]],
  [AT.cyrillic, [0x400, 0x52f]],
  [AT.hebrew, [0x590, 0x5ff], [0xfb1d, 0xfb4f]],
  [AT.arabic, [0x600, 0x7bf], [0x8a0, 0x8ff], [0xfb50, 0xfdff], [0xfe70, 0xfefc]],
  [AT.indic, [0x900, 0xdff]],
  [AT.thai, [0xe00, 0xeff], [0x1000, 0x109f], [0x1780, 0x17ff]],
  [AT.hangul, [0x1100, 0x11ff], [0x3130, 0x318f], [0xac00, 0xd7af]],
  [AT.kana, [0x3040, 0x30ff], [0x31f0, 0x31ff], [0xff66, 0xff9f]],
  [AT.han, [0x2e80, 0x2fdf], [0x3400, 0x9fff], [0xf900, 0xfaff], [0x20000, 0x323af]],
  [AT.signs, [0x80, 0xbf], [0xd7, 0xd7], [0xf7, 0xf7], [0x2000, 0x214f], [0x3000, 0x303f], [0xff00, 0xff65]],
  [AT.emoji, [0x2190, 0x2bff], [0xfe00, 0xfe0f], [0x1f000, 0x1faff], [0xe0020, 0xe007f]],
];

function kindOf(code) {
  for (const [kind, ...ranges] of RANGES) if (ranges.some(([from, to]) => code >= from && code <= to)) return kind;
  return AT.other;
}

const isLetter = (code) => (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
/** Latin letters beyond ASCII, and marks that combine with letters. */
const LATIN = /[\u{aa}\u{ba}\u{c0}-\u{d6}\u{d8}-\u{f6}\u{f8}-\u{24f}\u{300}-\u{36f}\u{1e00}-\u{1eff}]/u;
const isUpper = (code, character) => (code < 0x80 ? code < 0x61 : /\p{Uppercase}/u.test(character));
const isPunctuation = (code) => (code > 0x20 && code < 0x30) || (code > 0x39 && code < 0x41) || (code > 0x5a && code < 0x61) || (code > 0x7a && code < 0x7f);

/** The state after the last character. */
const [START, LOWER, UPPER, PUNCTUATION, BREAK, BLANK, DIGITS, ELSE] = Array(8).keys();

/** The number of parts of each kind in a text. */
export function partsOf(text) {
  const parts = new Array(KINDS.length).fill(0);
  let [run, blanks, digits, before] = [START, 0, 0, ""];
  let [letters, capitals, isAccented] = [0, 0, false];
  const end = () => {
    if (letters === 0) return;
    if (isAccented) parts[AT.accented] += letters;
    else {
      parts[AT.words] += 1;
      if (capitals === letters) parts[AT.capitals] += letters - 1;
      else parts[AT.longWords] += Math.max(letters - 6, 0);
    }
    [letters, capitals, isAccented] = [0, 0, false];
  };
  for (const character of text) {
    const code = character.codePointAt(0);
    if (isLetter(code) || (code >= 0x80 && LATIN.test(character))) {
      const upper = isUpper(code, character);
      // A hump of camelCase is a separate word, and so is a letter after a non-letter.
      if ((run !== LOWER && run !== UPPER) || (upper && run === LOWER)) end();
      letters += 1;
      capitals += upper ? 1 : 0;
      isAccented ||= code >= 0x80;
      run = upper ? UPPER : LOWER;
      blanks = 0;
      continue;
    }
    end();
    if (character === " " || character === "\t") {
      blanks += 1;
      if (blanks === 2) parts[AT.blanks] += 1;
      run = BLANK;
      continue;
    }
    const isSpaced = blanks === 1;
    blanks = 0;
    if (character === "\n" || character === "\r") {
      if (run !== BREAK) parts[AT.breaks] += 1;
      run = BREAK;
    } else if (code >= 0x30 && code <= 0x39) {
      digits = run === DIGITS ? digits : 0;
      parts[AT.digits] += 1;
      if (digits % 3 === 0) parts[AT.numbers] += 1;
      if (isSpaced) parts[AT.spacedNumbers] += 1;
      digits += 1;
      run = DIGITS;
    } else if (isPunctuation(code)) {
      parts[run !== PUNCTUATION ? AT.punctuation : before === character ? AT.repeated : AT.morePunctuation] += 1;
      before = character;
      run = PUNCTUATION;
    } else {
      if (isSpaced) parts[AT.spacedLetters] += 1;
      parts[kindOf(code)] += 1;
      run = ELSE;
    }
  }
  end();
  return parts;
}

/** The longest mark, in bytes. */
const LONGEST = 64;

/** A text without possible special tokens, and their number: words in angle brackets (`<|im_end|>`), capitals in square brackets (`[INST]`). */
export function withoutMarks(text) {
  let [rest, marks, from] = ["", 0, 0];
  const open = /[<[]/g;
  for (let found = open.exec(text); found; found = open.exec(text)) {
    const length = markAt(text, found.index);
    if (length === 0) continue;
    rest += text.slice(from, found.index);
    marks += 1;
    from = open.lastIndex = found.index + length;
  }
  return { rest: rest + text.slice(from), marks };
}

/** The length of a mark at this position, in units of the text; 0 if there is none. */
function markAt(text, start) {
  const isSquare = text[start] === "[";
  let bytes = 1;
  for (let at = start + 1; at < text.length && bytes < LONGEST; ) {
    const character = String.fromCodePoint(text.codePointAt(at));
    if (character === (isSquare ? "]" : ">") && bytes > 1) return at + 1 - start;
    const isPart = isSquare ? /[A-Z_/]/.test(character) : !/[\p{White_Space}<"']/u.test(character);
    if (!isPart) return 0;
    const code = text.codePointAt(at);
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    at += character.length;
  }
  return 0;
}
