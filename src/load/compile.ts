import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { DefinitionError, type Problem } from '../model/errors.ts';

/** What compiling needs to know: everything that can change its result is in here or in the files that it reads. */
export interface CompileOptions {
  readonly root: string;
  /** Definition files relative to the root. */
  readonly files: readonly string[];
  /** Where compiled code is kept between runs; absolute. */
  readonly cacheFolder: string;
  /** Of the program that compiles: another one may compile otherwise. */
  readonly programId: string;
  /** Absolute path of the module that `image-tasks` stands for. */
  readonly defineModule: string;
}

interface Compiled {
  readonly stamp: string;
  /** Absolute paths of every file that went in, with the SHA-256 of its content. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The names in the folders of those files: a new file may be what an import now resolves to. */
  readonly names: string;
  readonly module: string;
}

/**
 * Bundles all definition files into one module whose default export maps each file to its exports. Returns the
 * module's path. Compiled code is reused while every file that went into it has the same content.
 * @throws DefinitionError exit 2 for syntax errors and imports that do not resolve
 */
export async function compile(options: CompileOptions): Promise<string> {
  const stamp = digest(
    JSON.stringify([options.files, options.root, options.programId, process.version, options.defineModule]),
  );
  const index = path.join(options.cacheFolder, 'index.json');
  const kept = readKept(index);
  if (kept?.stamp === stamp && isCurrent(kept)) return kept.module;
  const { text, inputs } = await bundle(options);
  const module = path.join(options.cacheFolder, `${digest(stamp + text).slice(0, 16)}.mjs`);
  mkdirSync(options.cacheFolder, { recursive: true });
  if (kept !== undefined && kept.module !== module) rmSync(kept.module, { force: true });
  writeWhole(module, text);
  writeWhole(index, JSON.stringify({ stamp, inputs, names: namesBeside(inputs), module } satisfies Compiled));
  return module;
}

/** Absolute paths of the files that definitions were last compiled from; none where they never were. */
export function compiledFrom(cacheFolder: string): string[] {
  return Object.keys(readKept(path.join(cacheFolder, 'index.json'))?.inputs ?? {});
}

function isCurrent(kept: Compiled): boolean {
  const same = Object.entries(kept.inputs).every(([file, hash]) => digestFile(file) === hash);
  return same && namesBeside(kept.inputs) === kept.names && existsSync(kept.module);
}

function namesBeside(inputs: Readonly<Record<string, string>>): string {
  const folders = [...new Set(Object.keys(inputs).map((file) => path.dirname(file)))].sort();
  return digest(JSON.stringify(folders.map((folder) => readdirSync(folder).sort())));
}

function readKept(index: string): Compiled | undefined {
  try {
    const kept = JSON.parse(readFileSync(index, 'utf8')) as Compiled;
    return typeof kept.module === 'string' && typeof kept.inputs === 'object' ? kept : undefined;
  } catch {
    // Not there, or half written: compiled anew.
    return undefined;
  }
}

async function bundle(options: CompileOptions): Promise<{ text: string; inputs: Record<string, string> }> {
  const esbuild = await import('esbuild');
  const imports = options.files.map((file, index) => `import * as m${index} from './${file}';`);
  const entries = options.files.map((file, index) => `${JSON.stringify(file)}: m${index}`);
  const contents = `${imports.join('\n')}\nexport default { ${entries.join(', ')} };`;
  const read = new Map<string, string>();
  try {
    const result = await esbuild.build({
      absWorkingDir: options.root,
      stdin: { contents, resolveDir: options.root, sourcefile: 'definitions', loader: 'ts' },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      sourcemap: 'inline',
      sourcesContent: false,
      keepNames: true,
      // A tsconfig.json is for editors here: what a definition means does not hang on it.
      tsconfigRaw: '{}',
      logLevel: 'silent',
      // Nothing is written there; the source map's paths are relative to it.
      outfile: path.join(options.cacheFolder, 'definitions.mjs'),
      plugins: [ownName(options.defineModule), ownPlace(read)],
    });
    return { text: result.outputFiles[0]!.text, inputs: Object.fromEntries(read) };
  } catch (error) {
    const messages = (error as { errors?: readonly BuildMessage[] }).errors;
    if (messages === undefined) throw error;
    throw new DefinitionError(messages.map(asProblem));
  }
}

interface BuildMessage {
  readonly text: string;
  readonly location: { file: string; line: number; column: number; lineText: string } | null;
}

function asProblem(message: BuildMessage): Problem {
  const { location } = message;
  if (location === null) return { file: 'tasks', message: message.text };
  return {
    file: `${location.file}:${location.line}:${location.column + 1}`,
    message: message.text,
    found: location.lineText.trim(),
  };
}

type Plugin = import('esbuild').Plugin;

/** `image-tasks` is this very program, installed in the project or not. */
function ownName(defineModule: string): Plugin {
  return {
    name: 'image-tasks',
    setup(builder) {
      builder.onResolve({ filter: /^image-tasks$/ }, () => ({
        path: pathToFileURL(defineModule).href,
        external: true,
      }));
    },
  };
}

/** Each file keeps its own `import.meta`, so that definitions can read files beside them; and every input is noted. */
function ownPlace(read: Map<string, string>): Plugin {
  return {
    name: 'own-place',
    setup(builder) {
      builder.onLoad({ filter: /\.(ts|mts|js|mjs|json)$/ }, ({ path: file }) => {
        const text = readFileSync(file, 'utf8');
        read.set(file, digest(text));
        if (file.endsWith('.json')) return { contents: text, loader: 'json' };
        const values = { url: pathToFileURL(file).href, filename: file, dirname: path.dirname(file) };
        const contents = text.replace(
          /\bimport\.meta\.(url|filename|dirname)\b/g,
          (_, name: keyof typeof values) => JSON.stringify(values[name]),
        );
        return { contents, loader: /ts$/.test(file) ? 'ts' : 'js' };
      });
    },
  };
}

function writeWhole(file: string, text: string): void {
  const part = `${file}.${process.pid}`;
  writeFileSync(part, text);
  renameSync(part, file);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function digestFile(file: string): string | undefined {
  try {
    return digest(readFileSync(file, 'utf8'));
  } catch {
    // Gone: not the same.
    return undefined;
  }
}
