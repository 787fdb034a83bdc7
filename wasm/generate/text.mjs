// Formats doc comments in lines of at most 140 columns.

/** A doc comment of Markdown with paragraphs and lists. */
export function comment(text, indent) {
  const width = 140 - indent.length - 3;
  const paragraphs = text.trim().split(/\n\s*\n/).map((paragraph) => paragraph.split(/\n(?=\* )/).flatMap((part) => wrapped(part, width)));
  const all = paragraphs.flatMap((lines, at) => (at === 0 ? lines : ["", ...lines]));
  if (all.length === 1 && indent.length + all[0].length + 7 <= 140) return `${indent}/** ${all[0]} */`;
  return [`${indent}/**`, ...all.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */`].join("\n");
}

/** A paragraph, or an entry of a list. */
function wrapped(part, width) {
  const lines = [""];
  const isEntry = part.startsWith("* ");
  for (const word of part.split(/\s+/)) {
    if (lines.at(-1) && lines.at(-1).length + word.length >= width) lines.push(isEntry ? " " : "");
    lines[lines.length - 1] += (lines.at(-1) && " ") + word;
  }
  return lines;
}
