import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Progress, StepFailed } from '../model/ports.ts';
import type { SecretSource, Task } from '../model/task.ts';
import type { Services } from './services.ts';

type Where = Pick<Services, 'root' | 'environment'>;

/** A task's secrets with their files as absolute paths. @throws StepFailed naming the secret whose value is not there */
export function resolveSecrets(task: Task, where: Where): Readonly<Record<string, SecretSource>> {
  valuesOf(task, where);
  return Object.fromEntries(
    Object.entries(task.secrets).map(([id, source]) => [
      id,
      'env' in source ? source : { file: path.resolve(where.root, source.file) },
    ]),
  );
}

/** A command's secrets as environment variables: a value, or a file's path. @throws StepFailed as above */
export function secretVariables(task: Task, where: Where): Record<string, string> {
  return Object.fromEntries(
    Object.entries(resolveSecrets(task, where)).map(([id, source]) => [
      id,
      'env' in source ? where.environment[source.env]! : source.file,
    ]),
  );
}

function valuesOf(task: Task, { root, environment }: Where): string[] {
  return Object.entries(task.secrets).map(([id, source]) => {
    if ('env' in source) {
      const value = environment[source.env];
      if (value !== undefined) return value;
      throw new StepFailed(
        `the secret ${id} is not there: the environment variable ${source.env} is not set`,
      );
    }
    try {
      return readFileSync(path.resolve(root, source.file), 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new StepFailed(`the secret ${id} is not there: ${source.file} cannot be read (${code})`);
    }
  });
}

/** Shorter ones would blot out half of every line, and are no secrets. */
const shortest = 4;

/** Takes a task's secret values out of texts: what a build or command prints goes into logs and onto screens. */
export function makeRedactor(task: Task, where: Where): (text: string) => string {
  if (Object.keys(task.secrets).length === 0) return (text) => text;
  let values: string[] = [];
  try {
    values = valuesOf(task, where);
  } catch (error) {
    // The step itself says so; without its values it has nothing to print either.
    if (!(error instanceof StepFailed)) throw error;
  }
  const parts = [...new Set(values.flatMap(partsOf).flatMap(formsOf))].sort((a, b) => b.length - a.length);
  return (text) => parts.reduce((shown, part) => shown.replaceAll(part, '***'), text);
}

/** What of a secret a line may hold: all of it, each of its lines, and each text in it where it is JSON. */
function partsOf(value: string): string[] {
  return [value, ...value.split(/\r\n?|\n/), ...textsIn(value)]
    .map((part) => part.trim())
    .filter((part) => part.length >= shortest);
}

function textsIn(json: string): string[] {
  const texts: string[] = [];
  try {
    JSON.parse(json, (_, value: unknown) => {
      if (typeof value === 'string') texts.push(value, ...value.split(/\r\n?|\n/));
      return value;
    });
  } catch {
    // Most are no JSON.
  }
  return texts;
}

/** How programs write a text: as it is, in a JSON text, in an address, in base64. */
function formsOf(part: string): string[] {
  const quoted = JSON.stringify(part).slice(1, -1);
  // Half of a surrogate pair has no such form.
  const escaped = encodeURIComponent(Buffer.from(part).toString());
  return [part, quoted, escaped, ...base64Of(part)];
}

/** In base64 a text looks otherwise by where it begins: behind `user:` in a header. What its neighbors are part of is left out. */
function base64Of(part: string): string[] {
  const forms = [0, 2, 3].map((skipped, shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(part)]);
    const text = bytes.toString('base64').replace(/=+$/, '');
    return text.slice(skipped, bytes.length % 3 === 0 ? undefined : -1);
  });
  return forms.filter((form) => form.length >= 2 * shortest);
}

/** The same for all that a step tells. */
export function redactProgress(progress: Progress, redact: (text: string) => string): Progress {
  return {
    step: (at) => progress.step({ ...at, text: redact(at.text) }),
    line: (line) => progress.line(redact(line)),
  };
}
