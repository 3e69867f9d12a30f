// Draws the screen of a terminal as SVG: `tmux capture-pane -e -p | node scripts/picture.mjs [title] > picture.svg`. It supports
// the styles that reports use: the sixteen colors, bold and dim. The picture has a dark background and uses the reader's fonts.
import { readFileSync } from 'node:fs';

const [title = 'A terminal'] = process.argv.slice(2);
const cell = { width: 8.4, height: 19, top: 46, left: 18 };
const ground = '#161b22';
const text = '#d5dbe3';
const colors = ['#6e7681', '#ff7b72', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#d5dbe3'];

/** In tmux's output, a line starts with the style at the end of the previous line. */
let look = { color: text, bold: false, dim: false };

/** Splits a line into pieces of one style, `{ text, at, color, bold, dim }`; `at` is the column. */
function pieces(line) {
  const found = [];
  let at = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are color codes
  for (const [part, codes] of line.matchAll(/\x1b\[([\d;]*)m|[^\x1b]+/g)) {
    if (codes !== undefined) look = codes.split(';').reduce((now, code) => change(now, Number(code)), look);
    else {
      // Words that are separated by more than one space are drawn separately, each at its column.
      for (const { 0: words, index } of part.matchAll(/\S+(?: \S+)*/g))
        found.push({ ...look, text: words, at: at + [...part.slice(0, index)].length });
      at += [...part].length;
    }
  }
  return found;
}

function change(look, code) {
  if (code === 0) return { color: text, bold: false, dim: false };
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 39) return { ...look, color: text };
  if (code >= 30 && code < 38) return { ...look, color: colors[code - 30] };
  if (code >= 90 && code < 98) return { ...look, color: colors[code - 90] };
  return look;
}

const escaped = (value) =>
  value.replace(/[&<>]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char]);
const lines = readFileSync(0, 'utf8').trimEnd().split('\n');
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are color codes
const plain = lines.map((line) => line.replace(/\x1b\[[\d;]*m/g, ''));
const columns = Math.max(...plain.map((line) => [...line.trimEnd()].length));
const width = Math.ceil(columns * cell.width + 2 * cell.left);
const height = Math.ceil(lines.length * cell.height + cell.top + 12);

/** Returns a piece as SVG. `textLength` aligns the columns with any font. */
function drawn(piece, row) {
  const x = (cell.left + piece.at * cell.width).toFixed(1);
  const length = ([...piece.text].length * cell.width).toFixed(1);
  const style = `${piece.bold ? ' font-weight="bold"' : ''}${piece.dim ? ' opacity="0.6"' : ''}`;
  return `<text x="${x}" y="${cell.top + row * cell.height + 13}" textLength="${length}" fill="${piece.color}"${style}>${escaped(piece.text)}</text>`;
}

process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="9" fill="${ground}" stroke="#484f58"/>
${['#ff7b72', '#e3b341', '#56d364'].map((fill, index) => `<circle cx="${20 + index * 18}" cy="20" r="5.5" fill="${fill}"/>`).join('\n')}
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" xml:space="preserve">
${lines.flatMap((line, row) => pieces(line).map((piece) => drawn(piece, row))).join('\n')}
</g>
</svg>
`);
