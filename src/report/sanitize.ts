import type { RunEvent, TaskFailure } from '../model/events.ts';

// Build output, file names, registries and definitions are untrusted: text from them must not control a terminal or a CI service.
// All text on standard output and standard error passes these functions. `sanitizeEvent` cleans events earlier, because reporters
// measure the text to lay it out.

/** The colors that paint.ts uses (ECMA-48 SGR): the only control sequences in text that may reach a terminal. */
const ownColors = /^\x1b\[(?:1|2|22|31|32|33|39)m$/;

/**
 * A control sequence (CSI), a control string (OSC, DCS, APC, PM, SOS) that ends on its line, or another escape sequence;
 * ECMA-48, sections 5.4 to 5.6. No two adjacent parts match the same character, so matching takes linear time.
 */
const sequences =
  /\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b[PX\]^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]/g;

/** Control characters other than tab and line feed, and characters that reorder text (Unicode bidirectional controls). */
const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;
const allControls = new RegExp(control.source, 'g');

/** Removes control sequences from untrusted text and replaces control characters by spaces. Tabs and line feeds stay. */
export function sanitize(text: string): string {
  return control.test(text) ? clean(text) : text;
}

/** Like `sanitize`, but keeps the colors of our reporters. */
export function sanitizeColored(text: string): string {
  if (!control.test(text)) return text;
  // The parts between our colors are cleaned separately, so that no sequence begins in one part and ends in another.
  return text
    .split(/(\x1b\[\d*m)/)
    .map((part) => (ownColors.test(part) ? part : clean(part)))
    .join('');
}

function clean(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(sequences, '').replace(allControls, ' ');
}

/** Returns the event with its untrusted text sanitized, or the same object if there is nothing to sanitize. */
export function sanitizeEvent(event: RunEvent): RunEvent {
  switch (event.type) {
    case 'run-started': {
      const tasks = event.tasks.map(({ axes, ...task }) => {
        if (axes === undefined) return task;
        const safe = Object.entries(axes).map(([axis, value]) => [sanitize(axis), sanitize(value)]);
        return { ...task, axes: Object.fromEntries(safe) as typeof axes };
      });
      return { ...event, tasks };
    }
    case 'task-output':
      return control.test(event.line) ? { ...event, line: sanitize(event.line) } : event;
    case 'task-progress':
      return control.test(event.text) ? { ...event, text: sanitize(event.text) } : event;
    case 'task-finished': {
      if (event.error === undefined) return event;
      return { ...event, error: sanitizeTexts(event.error) };
    }
    default:
      return event;
  }
}

/** Sanitizes every text of a failure, and of its lists. */
function sanitizeTexts(failure: TaskFailure): TaskFailure {
  const clean = (value: unknown): unknown =>
    typeof value === 'string' ? sanitize(value) : Array.isArray(value) ? value.map(clean) : value;
  return Object.fromEntries(
    Object.entries(failure).map(([name, value]) => [name, clean(value)]),
  ) as unknown as TaskFailure;
}

/** Formats a value as one line of JSON. Characters that could control a terminal or a CI service are written as escapes. */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value)
    .replace(allControls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/##(?=\[|vso\[|teamcity\[)/g, '#\\u0023');
  return `${text}\n`;
}

/**
 * Inserts zero-width spaces so that a CI service finds no command in a text: `::name::` at the start of a line or `##[name]`
 * anywhere for GitHub (actions/runner, ActionCommand.cs), `##vso[` for Azure Pipelines, `##teamcity[` for TeamCity.
 */
export function disarmCiCommands(text: string): string {
  return text.replace(/^([^\S\n]*):(?=:)/gm, '$1:\u200b').replace(/##(?=\[|vso\[|teamcity\[)/g, '##\u200b');
}
