// Draws a terminal's screen as SVG: `tmux capture-pane -e -p | node scripts/picture.mjs [title] > picture.svg`. Knows what our
// reports use: the sixteen colours, bold and dim. Dark on any background, as a terminal is; needs no font but the reader's own.
import { readFileSync } from 'node:fs';

const [title = 'A terminal'] = process.argv.slice(2);
const cell = { width: 8.4, height: 19, top: 46, left: 18 };
const ground = '#161b22';
const text = '#d5dbe3';
const colours = ['#6e7681', '#ff7b72', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#d5dbe3'];

/** tmux goes on with the last line's look. */
let look = { colour: text, bold: false, dim: false };

/** One line as pieces of one look: `{ text, at, colour, bold, dim }`; `at` is the column. */
function pieces(line) {
  const found = [];
  let at = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
  for (const [part, codes] of line.matchAll(/\x1b\[([\d;]*)m|[^\x1b]+/g)) {
    if (codes !== undefined) look = codes.split(';').reduce((now, code) => change(now, Number(code)), look);
    else {
      // Where there are gaps each word group stands at its own column.
      for (const { 0: words, index } of part.matchAll(/\S+(?: \S+)*/g))
        found.push({ ...look, text: words, at: at + [...part.slice(0, index)].length });
      at += [...part].length;
    }
  }
  return found;
}

function change(look, code) {
  if (code === 0) return { colour: text, bold: false, dim: false };
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 39) return { ...look, colour: text };
  if (code >= 30 && code < 38) return { ...look, colour: colours[code - 30] };
  if (code >= 90 && code < 98) return { ...look, colour: colours[code - 90] };
  return look;
}

const escaped = (value) =>
  value.replace(/[&<>]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char]);
const lines = readFileSync(0, 'utf8').trimEnd().split('\n');
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
const plain = lines.map((line) => line.replace(/\x1b\[[\d;]*m/g, ''));
const columns = Math.max(...plain.map((line) => [...line.trimEnd()].length));
const width = Math.ceil(columns * cell.width + 2 * cell.left);
const height = Math.ceil(lines.length * cell.height + cell.top + 12);

/** `textLength` holds columns together, whatever font the reader has. */
function drawn(piece, row) {
  const x = (cell.left + piece.at * cell.width).toFixed(1);
  const length = ([...piece.text].length * cell.width).toFixed(1);
  const style = `${piece.bold ? ' font-weight="bold"' : ''}${piece.dim ? ' opacity="0.6"' : ''}`;
  return `<text x="${x}" y="${cell.top + row * cell.height + 13}" textLength="${length}" fill="${piece.colour}"${style}>${escaped(piece.text)}</text>`;
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
