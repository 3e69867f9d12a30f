import path from 'node:path';
import type { Location, Message } from 'esbuild';
import type { Problem, SourcePlace } from '../model/errors.ts';
import { similarImports } from './import-problems.ts';
import { definitionsFolder } from './project-root.ts';
import { offsetOf, placeOf, readSource } from './source-files.ts';

/** Returns an error of esbuild as a problem. `root`: the project's, absolute. `own`: what `image-tasks` exports. */
export function compileProblem({ text, location }: Message, root: string, own: readonly string[]): Problem {
  if (location === null) return { file: definitionsFolder, message: text };
  const { file, suggestion } = location;
  return {
    file,
    place: placeOfLocation(location, root),
    ...explain(text, path.dirname(path.resolve(root, file)), suggestion, own),
  };
}

function explain(
  text: string,
  folder: string,
  suggestion: string,
  own: readonly string[],
): Pick<Problem, 'message' | 'expected' | 'hint'> {
  const [, exporter, imported] = /^No matching export in "(.*)" for import "(.*)"$/.exec(text) ?? [];
  const [, used, user] = /^Import "(.*)" will always be undefined .* in "(.*)"$/.exec(text) ?? [];
  const [module, name] = [exporter ?? user, imported ?? used];
  if (module !== undefined) {
    const isOwn = module.startsWith('image-tasks:');
    return {
      message: `${isOwn ? 'image-tasks' : module} has no export ${name}`,
      ...(isOwn ? { expected: `one of ${own.join(', ')}` } : {}),
      ...(suggestion === '' ? {} : { hint: `did you mean ${suggestion}?` }),
    };
  }
  const [, missing] = /^Could not resolve "(\.\.?\/.*)"$/.exec(text) ?? [];
  if (missing === undefined) return { message: text };
  const similar = similarImports(missing, folder);
  return {
    message: `cannot find the file ${missing}`,
    ...(similar.length === 0 ? {} : { hint: `did you mean ${similar.join(', ')}?` }),
  };
}

/**
 * Returns the place of a location, which counts columns in bytes. Its line may have been changed before esbuild read it, so the place
 * is looked for in the file.
 */
function placeOfLocation({ file, line, column, length, lineText }: Location, root: string): SourcePlace {
  const bytes = Buffer.from(lineText);
  const before = bytes.subarray(0, column).toString();
  const meant = bytes.subarray(column, column + length).toString();
  const changed = {
    file,
    line,
    column: before.length + 1,
    length: Math.max(1, meant.length),
    text: lineText,
  };
  const text = readSource(root, file);
  const start = text === undefined ? undefined : offsetOf(text, line, 1);
  if (start === undefined) return changed;
  const written = placeOf(file, text!, { start, end: start + 1 });
  if (written.text === lineText) return changed;
  // What was inserted is at the start of the line.
  const rest = lineText.slice(before.length);
  const at = written.text.endsWith(rest) ? written.text.length - rest.length : written.text.indexOf(meant);
  return at < 0 ? written : { ...changed, column: at + 1, text: written.text };
}
