import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setProfile } from '../define/profile.ts';
import {
  type Declarations,
  type Declared,
  type Definition,
  definitionBrand,
  type ProjectDefinition,
  projectBrand,
} from '../define/types.ts';
import { DefinitionError, TasksError } from '../model/errors.ts';
import { type CompileOptions, compile } from './compile.ts';
import { definitionFiles } from './root.ts';

export interface LoadOptions extends Omit<CompileOptions, 'files'> {
  readonly profile: string;
}

/**
 * Evaluates the project's definition files, anew in each run, and collects what their exports hold.
 * @throws DefinitionError exit 2: a file that does not compile or throws
 */
export async function loadDeclarations(options: LoadOptions): Promise<Declarations> {
  const files = definitionFiles(options.root);
  const module = await compile({ ...options, files });
  setProfile(options.profile);
  process.setSourceMapsEnabled(true);
  const modules = await evaluate(module, options.root);
  process.setSourceMapsEnabled(false);
  return collect(modules);
}

/** Makes each evaluation one of its own: Node would give the same module again. */
let evaluations = 0;

type Modules = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

async function evaluate(module: string, root: string): Promise<Modules> {
  try {
    const loaded: { default: Modules } = await import(`${pathToFileURL(module).href}?${evaluations++}`);
    return loaded.default;
  } catch (error) {
    if (error instanceof TasksError) throw error;
    const shown = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    throw new DefinitionError([
      { file: placeInStack(stack, root), message: `threw while it was evaluated: ${shown}` },
    ]);
  }
}

/** The topmost line of a stack that lies in the project, `tasks/images.ts:12:3`. */
function placeInStack(stack: string, root: string): string {
  for (const match of stack.matchAll(/(?:\(|at |\s)((?:file:\/\/)?\/[^\s()]+?):(\d+):(\d+)/g)) {
    const file = match[1]!.startsWith('file:') ? fileURLToPath(match[1]!) : match[1]!;
    const relative = path.relative(root, file);
    if (!relative.startsWith('..') && !relative.startsWith('.cache'))
      return `${relative}:${match[2]}:${match[3]}`;
  }
  return 'tasks';
}

function collect(modules: Modules): Declarations {
  const definitions = new Map<Definition, Declared>();
  const projects = new Map<ProjectDefinition, Declarations['projects'][number]>();
  for (const [file, exports] of Object.entries(modules)) {
    for (const [name, exported] of Object.entries(exports)) {
      visit(exported, name, new Set(), (value, at) => {
        const where = { file, name: at };
        if (definitionBrand in value) {
          if (!definitions.has(value as Definition))
            definitions.set(value as Definition, { definition: value as Definition, where });
        } else if (!projects.has(value as ProjectDefinition)) {
          projects.set(value as ProjectDefinition, { project: value as ProjectDefinition, where });
        }
      });
    }
  }
  return { definitions: [...definitions.values()], projects: [...projects.values()] };
}

/** The exported value itself, or what arrays and plain objects hold, however deep. */
function visit(
  value: unknown,
  name: string,
  seen: Set<object>,
  found: (value: object, name: string) => void,
): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (definitionBrand in value || projectBrand in value) {
    found(value, name);
    return;
  }
  const prototype = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return;
  for (const [key, child] of Object.entries(value)) visit(child, `${name}.${key}`, seen, found);
}
