import { existsSync, readdirSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { closestWords, didYouMean } from '../model/did-you-mean.ts';
import type { Problem } from '../model/errors.ts';
import type { TextRange } from './find-field.ts';
import { definitionsFolder } from './project-root.ts';
import { placeOf, readSource } from './source-files.ts';

interface ImportOptions {
  /** Absolute. */
  readonly root: string;
  /** Node's own `import`. */
  readonly loadModule: (url: string) => Promise<unknown>;
}

/**
 * Explains an error of Node's module loader about an import in the project's own files: a package that is not there, or a name that it
 * does not export. `files`: those that may have the import. Returns undefined for any other error.
 */
export async function explainImport(
  message: string,
  files: readonly string[],
  options: ImportOptions,
): Promise<Problem | undefined> {
  const [, missing] = /^Cannot find (?:package|module) '([^']+)'/.exec(message) ?? [];
  if (missing !== undefined)
    // What a package itself imports is no mistake in the project.
    return /imported from .*\/node_modules\//.test(message)
      ? undefined
      : missingPackage(missing, files, options);
  const [, module] = /The requested module '([^']+)'/.exec(message) ?? [];
  const [, name] = /export named '([^']+)'|^Named export '([^']+)'/.exec(message)?.filter(Boolean) ?? [];
  return module === undefined || name === undefined
    ? undefined
    : await missingExport(module, name, files, options);
}

function missingPackage(
  name: string,
  files: readonly string[],
  { root }: ImportOptions,
): Problem | undefined {
  const found = findImport(name, files, root);
  if (found === undefined) return undefined;
  const { file, text, specifier } = found;
  const near = didYouMean(name, packagesNear(root));
  return {
    file,
    place: placeOf(file, text, specifier),
    message: `cannot find the package ${name}`,
    hint:
      near ??
      'install the package; "paths" in tsconfig.json have no effect here: import files by a relative path (../lib/x.ts) or with "imports" in package.json (#lib/x)',
  };
}

async function missingExport(
  module: string,
  name: string,
  files: readonly string[],
  options: ImportOptions,
): Promise<Problem | undefined> {
  const found = findImport(module, files, options.root, name);
  if (found === undefined) return undefined;
  const { file, text, specifier, named = specifier } = found;
  const exported = await exportsOf(module, options);
  const hint = didYouMean(name, exported);
  return {
    file,
    place: placeOf(file, text, named),
    message: `${module} has no export ${name}`,
    ...(exported.length === 0 ? {} : { expected: expectedExport(exported) }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** The number of exports that a message lists. */
const maxListed = 12;

function expectedExport(names: readonly string[]): string {
  const more = names.length > maxListed ? ` and ${names.length - maxListed} more` : '';
  return `one of ${[...names].sort().slice(0, maxListed).join(', ')}${more}`;
}

async function exportsOf(module: string, { root, loadModule }: ImportOptions): Promise<string[]> {
  try {
    const file = createRequire(path.join(root, definitionsFolder, 'index.ts')).resolve(module);
    return Object.keys((await loadModule(pathToFileURL(file).href)) as object).filter(
      (name) => !['default', 'module.exports'].includes(name),
    );
  } catch {
    // Then the message names no other export.
    return [];
  }
}

interface FoundImport {
  readonly file: string;
  readonly text: string;
  /** The module's name, with its quotes. */
  readonly specifier: TextRange;
  /** The imported name that was asked for. */
  readonly named?: TextRange;
}

/** Finds the import of a module, and the name that it imports. */
function findImport(
  module: string,
  files: readonly string[],
  root: string,
  name?: string,
): FoundImport | undefined {
  const quoted = module.replace(/[^\w]/g, '\\$&');
  const statement = new RegExp(
    `^[^\\n]*?(?:\\bimport|\\bexport|\\brequire|[}\\s]from)\\b[^'"\`;]*(['"])${quoted}\\1`,
    'gm',
  );
  for (const file of files) {
    const text = readSource(root, file);
    for (const { 0: matched, index } of text?.matchAll(statement) ?? []) {
      if (/^\s*(?:\/\/|\*|\/\*)/.test(matched)) continue;
      const end = index + matched.length;
      const specifier = { start: end - module.length - 2, end };
      const at = name === undefined ? -1 : matched.search(new RegExp(`\\b${name.replace(/\$/g, '\\$')}\\b`));
      return {
        file,
        text: text!,
        specifier,
        ...(at < 0 ? {} : { named: { start: index + at, end: index + at + name!.length } }),
      };
    }
  }
  return undefined;
}

/** Returns the names of packages that definitions can import: of Node, and of `node_modules` in the project and above. */
function packagesNear(root: string): string[] {
  const names = ['image-tasks', ...builtinModules];
  for (let at = root; ; at = path.dirname(at)) {
    for (const name of namesIn(path.join(at, 'node_modules')))
      names.push(
        ...(name.startsWith('@')
          ? namesIn(path.join(at, 'node_modules', name)).map((each) => `${name}/${each}`)
          : [name]),
      );
    if (path.dirname(at) === at) return names;
  }
}

/**
 * Returns the paths that a relative import of a missing file may mean: existing ones that differ in their first missing part.
 * `folder`: that of the importing file, absolute.
 */
export function similarImports(specifier: string, folder: string): string[] {
  const parts = specifier.split('/');
  for (const [index, part] of parts.entries()) {
    const parent = path.join(folder, ...parts.slice(0, index));
    const isLast = index === parts.length - 1;
    const names = namesIn(parent);
    if (part === '.' || part === '..' || (!isLast && names.includes(part))) continue;
    const hasEnding = path.extname(part) !== '';
    const candidates = names.flatMap((name) => {
      if (!isLast) return [name];
      if (!/\.[cm]?[jt]sx?$|\.json$/.test(name)) return path.extname(name) === '' ? [name] : [];
      return [hasEnding ? name : name.replace(/\.\w+$/, '')];
    });
    const rest = parts.slice(index + 1);
    return closestWords(part, candidates)
      .filter((name) => isLast || existsSync(path.join(parent, name, ...rest)))
      .map((name) => [...parts.slice(0, index), name, ...rest].join('/'));
  }
  return [];
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Missing: it has no names.
    return [];
  }
}
