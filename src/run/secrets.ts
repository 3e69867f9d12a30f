import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Progress, StepFailed } from '../model/ports.ts';
import type { SecretSource, Task } from '../model/task.ts';
import type { Services } from './services.ts';

type SecretContext = Pick<Services, 'root' | 'environment'>;

/** Returns a task's secrets, with absolute paths of their files. @throws StepFailed if a value is missing */
export function resolveSecrets(task: Task, context: SecretContext): Readonly<Record<string, SecretSource>> {
  valuesOf(task, context);
  return Object.fromEntries(
    Object.entries(task.secrets).map(([id, source]) => [
      id,
      'env' in source ? source : { file: path.resolve(context.root, source.file) },
    ]),
  );
}

/**
 * Returns a command's secrets as environment variables: the value, or the path of the file.
 * @throws StepFailed if a value is missing
 */
export function secretVariables(task: Task, context: SecretContext): Record<string, string> {
  return Object.fromEntries(
    Object.entries(resolveSecrets(task, context)).map(([id, source]) => [
      id,
      'env' in source ? context.environment[source.env]! : source.file,
    ]),
  );
}

function valuesOf(task: Task, { root, environment }: SecretContext): string[] {
  return Object.entries(task.secrets).map(([id, source]) => {
    if ('env' in source) {
      const value = environment[source.env];
      if (value !== undefined) return value;
      throw new StepFailed(`missing secret ${id}: the environment variable ${source.env} is not set`);
    }
    try {
      return readFileSync(path.resolve(root, source.file), 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new StepFailed(`missing secret ${id}: cannot read ${source.file} (${code})`);
    }
  });
}

/** Shorter parts are not redacted: they would match in most lines. */
const minLength = 4;

/** Returns a function that replaces a task's secret values in texts, because output goes to logs and terminals. */
export function makeRedactor(task: Task, context: SecretContext): (text: string) => string {
  if (Object.keys(task.secrets).length === 0) return (text) => text;
  let values: string[] = [];
  try {
    values = valuesOf(task, context);
  } catch (error) {
    // The step itself fails with this error, and cannot print the values.
    if (!(error instanceof StepFailed)) throw error;
  }
  const parts = [...new Set(values.flatMap(partsOf).flatMap(formsOf))].sort((a, b) => b.length - a.length);
  return (text) => parts.reduce((redacted, part) => redacted.replaceAll(part, '***'), text);
}

/** Returns the parts of a secret that a line may contain: the whole value, each line, and each string in it if it is JSON. */
function partsOf(value: string): string[] {
  return [value, ...value.split(/\r\n?|\n/), ...stringsIn(value)]
    .map((part) => part.trim())
    .filter((part) => part.length >= minLength);
}

function stringsIn(json: string): string[] {
  const strings: string[] = [];
  try {
    JSON.parse(json, (_, value: unknown) => {
      if (typeof value === 'string') strings.push(value, ...value.split(/\r\n?|\n/));
      return value;
    });
  } catch {
    // Most secrets are not JSON.
  }
  return strings;
}

/** Returns the forms in which programs may print a text: unchanged, in JSON, in a URL, in base64. */
function formsOf(part: string): string[] {
  const quoted = JSON.stringify(part).slice(1, -1);
  // Buffer replaces a lone surrogate, which encodeURIComponent does not accept.
  const escaped = encodeURIComponent(Buffer.from(part).toString());
  return [part, quoted, escaped, ...base64Of(part)];
}

/**
 * Returns the base64 forms of a text. They depend on the offset of the text, for example after `user:` in a header. Characters that
 * also encode neighboring bytes are left out.
 */
function base64Of(part: string): string[] {
  const forms = [0, 2, 3].map((skipped, shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(part)]);
    const text = bytes.toString('base64').replace(/=+$/, '');
    return text.slice(skipped, bytes.length % 3 === 0 ? undefined : -1);
  });
  return forms.filter((form) => form.length >= 2 * minLength);
}

/** Returns a Progress that redacts texts before it passes them on. */
export function redactProgress(progress: Progress, redact: (text: string) => string): Progress {
  return {
    step: (at) => progress.step({ ...at, text: redact(at.text) }),
    line: (line, stream) => progress.line(redact(line), stream),
  };
}
