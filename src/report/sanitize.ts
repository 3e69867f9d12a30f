import type { RunEvent } from '../model/events.ts';

// Build output, file names, registries and definitions are written by others. What they contain must not control a terminal
// or a CI service. Two places use these functions: the writer of standard output and error (src/cli/streams.ts), which all
// text passes, and `sanitized` below, which cleans events before a reporter lays them out.

/** The colors that paint.ts uses (ECMA-48 SGR): the only control sequences that may reach a terminal as part of a text. */
const ownColors = /^\x1b\[(?:1|2|22|31|32|33|39)m$/;

/**
 * A control sequence (CSI), a control string (OSC, DCS, APC, PM, SOS) that ends on its line, or another escape sequence;
 * ECMA-48, sections 5.4 to 5.6. No two adjacent parts match the same character, so matching takes linear time.
 */
const sequences =
  /\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b[PX\]^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]/g;

/** Control characters but for tab and line feed, and characters that reorder text (Unicode bidirectional controls). */
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;
const allControls = new RegExp(controls.source, 'g');

/** Text of others without control sequences and control characters. Tabs and line feeds stay. */
export function sanitize(text: string): string {
  return controls.test(text) ? clean(text) : text;
}

/** Our own text, which may contain text of others: only the colors of our reporters stay. */
export function sanitizeColored(text: string): string {
  if (!controls.test(text)) return text;
  // What stands between our colors is cleaned by itself: no sequence begins in one part and ends in another.
  return text
    .split(/(\x1b\[\d*m)/)
    .map((part) => (ownColors.test(part) ? part : clean(part)))
    .join('');
}

function clean(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(sequences, '').replace(allControls, ' ');
}

/** The event with the texts of others in it cleaned; the same object where nothing had to be. */
export function sanitizeEvent(event: RunEvent): RunEvent {
  switch (event.type) {
    case 'task-output':
      return controls.test(event.line) ? { ...event, line: sanitize(event.line) } : event;
    case 'task-progress':
      return controls.test(event.text) ? { ...event, text: sanitize(event.text) } : event;
    case 'task-finished': {
      if (event.error === undefined) return event;
      const { message, step, lines, log } = event.error;
      const error = {
        message: sanitize(message),
        ...(step !== undefined ? { step: sanitize(step) } : {}),
        ...(lines !== undefined ? { lines: lines.map(sanitize) } : {}),
        ...(log !== undefined ? { log: sanitize(log) } : {}),
      };
      return { ...event, error };
    }
    default:
      return event;
  }
}

/**
 * A value as one line of JSON. Its strings mean what they did, but characters that a terminal or a CI service would obey
 * stand as escapes.
 */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value)
    .replace(allControls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/##(?=\[|vso\[|teamcity\[)/g, '#\\u0023');
  return `${text}\n`;
}

/**
 * Text in which a CI service finds no command: of GitHub `::name::` at the start of a line or `##[name]` anywhere
 * (actions/runner, ActionCommand.cs), of Azure Pipelines `##vso[`, of TeamCity `##teamcity[`. A zero-width space breaks them up.
 */
export function disarmCiCommands(text: string): string {
  return text.replace(/^([^\S\n]*):(?=:)/gm, '$1:\u200b').replace(/##(?=\[|vso\[|teamcity\[)/g, '##\u200b');
}
