import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Loader, Message, Plugin, PluginBuild } from 'esbuild';
import { type Stamp, stampOf } from '../disk/stamp.ts';
import { subpathImportFiles } from './subpath-imports.ts';

/** What esbuild has read. */
export interface BundledFiles {
  /** The stamps of all files, by absolute path. */
  readonly inputs: Map<string, Stamp>;
  /** The folders of these files, and those where their imports look for files; absolute. */
  readonly folders: Set<string>;
}

/** The loaders of code files. Other files keep esbuild's default. */
const loaders: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
};

/**
 * An esbuild plugin that keeps the original path in each file, so that definitions can read files next to them, and records
 * all inputs.
 */
export function sourceFilesPlugin({ inputs, folders }: BundledFiles): Plugin {
  return {
    name: 'source-files',
    setup(builder) {
      // Recorded before esbuild resolves symlinks.
      builder.onResolve({ filter: /^(\/|\.\.?(\/|$))/ }, ({ path: name, resolveDir }) => {
        folders.add(path.dirname(path.resolve(resolveDir, name)));
        return undefined;
      });
      builder.onResolve({ filter: /^#/ }, ({ path: name, resolveDir }) => {
        for (const file of subpathImportFiles(name, resolveDir)) folders.add(path.dirname(file));
        return undefined;
      });
      builder.onLoad({ filter: /.*/, namespace: 'file' }, async ({ path: file, with: attributes }) => {
        // Take the stamp before reading: a later change moves it.
        inputs.set(file, stampOf(statSync(file)));
        folders.add(path.dirname(file));
        const loader = loaders[path.extname(file)];
        if (loader === undefined || attributes.type !== undefined) return undefined;
        const text = readFileSync(file, 'utf8');
        const declared = await declaredNames(text, loader, builder.esbuild);
        return { contents: withOriginalPath(text, file, declared), loader };
      });
    },
  };
}

const pathNames = ['__filename', '__dirname'] as const;

/** Returns those of `__filename` and `__dirname` that a file declares itself. */
async function declaredNames(
  text: string,
  loader: Loader,
  esbuild: PluginBuild['esbuild'],
): Promise<string[]> {
  const isDeclared = async (name: string): Promise<boolean> => {
    try {
      // A second declaration is a syntax error.
      await esbuild.transform(withFirstLine(`const ${name} = 0;`, text), { loader, logLevel: 'silent' });
      return false;
    } catch (error) {
      const { errors = [] } = error as { errors?: readonly Message[] };
      return errors.some((error) => error.text === `The symbol "${name}" has already been declared`);
    }
  };
  const candidates = pathNames.filter((name) => mentions(text, name));
  const answers = await Promise.all(candidates.map(isDeclared));
  return candidates.filter((_, at) => answers[at]);
}

/**
 * Returns the text of a file with its original path in place of `import.meta.url` and the like, and as `__filename` and
 * `__dirname`.
 */
function withOriginalPath(text: string, file: string, declared: readonly string[]): string {
  const folder = path.dirname(file);
  const values = { url: pathToFileURL(file).href, filename: file, dirname: folder };
  const replaced = text.replace(/\bimport\.meta\.(url|filename|dirname)\b/g, (_, name: keyof typeof values) =>
    JSON.stringify(values[name]),
  );
  const names = { __filename: file, __dirname: folder };
  const missing = Object.entries(names).filter(
    ([name]) => mentions(replaced, name) && !declared.includes(name),
  );
  const line = missing.map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`).join(' ');
  return line === '' ? replaced : withFirstLine(line, replaced);
}

/** Inserts code at the start of the first line of code, so that line numbers stay the same. */
function withFirstLine(line: string, text: string): string {
  return text.startsWith('#!') ? text.replace('\n', () => `\n${line} `) : `${line} ${text}`;
}

function mentions(text: string, name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(text);
}
