import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { type Disk, pathKind, plainDisk, type Stat } from '../disk/disk.ts';
import type { Memo } from '../incremental/memo.ts';
import type { BuildBlock, FileEntry, ObservedCommand } from '../model/observed.ts';
import type { CommandTask } from '../model/task.ts';
import { findInputs, readInput } from './inputs.ts';
import { explainMissingSource } from './missing-source.ts';
import type { TaskProblem } from './task-problem.ts';
import { Unreadable } from './walk.ts';
import { commandPaths } from './watch-paths.ts';

/** Where the inputs of a command task come from. */
export interface CommandSources {
  readonly root: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly memo: Memo;
  readonly disk: Disk;
}

/**
 * Reads the program, the inputs and the environment of a command task. Follows symlinks, as the command does. Passes
 * problems of the definition to `addProblem` and then returns undefined.
 * @throws Unreadable
 */
export function observeCommand(
  task: CommandTask,
  { root, environment, memo, disk }: CommandSources,
  addProblem: (problem: TaskProblem) => void,
): ObservedCommand | undefined {
  const [program] = task.run;
  const file = program.includes('/') ? path.resolve(root, program) : undefined;
  const block = file === undefined ? undefined : findProgramFault(program, file, root, disk);
  const { inputs, problems } = findInputs(root, task.inputs, disk);
  for (const problem of problems) addProblem({ field: 'inputs', ...problem });
  if (problems.length > 0) return undefined;
  const entries = inputs.flatMap((input) => readInput(input, memo, disk) ?? []);
  return {
    kind: 'command',
    ...(file !== undefined && pathKind(disk, file) === 'file'
      ? { program: readProgram(file, program, memo, disk) }
      : {}),
    inputs: entries,
    env: Object.fromEntries(task.env.map((name) => [name, environment[name] ?? null])),
    machine: `${process.platform}/${process.arch}`,
    ...(block === undefined ? {} : { blocks: [block] }),
  };
}

/** Returns why a program cannot be started: `file` (absolute) is missing, no file, or not executable for this user. */
function findProgramFault(program: string, file: string, root: string, disk: Disk): BuildBlock | undefined {
  const kind = pathKind(disk, file);
  const name = path.relative(root, file);
  if (kind === 'circle') return { code: 'missing-file', message: `the program ${program} is a symlink loop` };
  if (kind === 'missing') {
    const hint = explainMissingSource(name, root);
    const message = `the program ${program} does not exist`;
    return { code: 'missing-file', message, ...(hint === undefined ? {} : { hint }) };
  }
  if (kind !== 'file') return { code: 'not-executable', message: `the program ${program} is not a file` };
  if (isExecutable(file)) return undefined;
  return {
    code: 'not-executable',
    message: `the program ${program} is not executable`,
    hint: `run \`chmod +x ${name}\``,
  };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch (error) {
    // Only the kernel knows every rule. Of any other error, the run says more.
    return (error as NodeJS.ErrnoException).code !== 'EACCES';
  }
}

function readProgram(absolute: string, name: string, memo: Memo, disk: Disk): FileEntry {
  // `pathKind` has found it. If it is gone by now, `readInput` throws.
  const stat = disk.lstat(absolute)!;
  const resolved = stat.kind === 'link' ? disk.stat(absolute) : undefined;
  return readInput({ path: name, absolute, stat, ...(resolved ? { resolved } : {}) }, memo, disk)!;
}

/**
 * Detects changes to the inputs of a command while it runs. Call it before the command starts. The returned function, called
 * after the command, returns the name of an input that differs from `before`, or did at some time; undefined if there is
 * none. A file that was rewritten with the same content counts as changed, because the command may have read it
 * half-written.
 */
export function trackInputChanges(
  task: CommandTask,
  before: ObservedCommand,
  sources: Omit<CommandSources, 'disk'>,
): () => string | undefined {
  // Take the stamps first: every later change moves them.
  const stamps = inputStamps(task, sources.root);
  const first = changedInput(task, before, sources);
  return () => {
    const changed = first ?? changedInput(task, before, sources);
    if (changed !== undefined) return changed;
    const now = inputStamps(task, sources.root);
    return [...stamps.keys(), ...now.keys()].find((name) => stamps.get(name) !== now.get(name));
  };
}

/**
 * Returns the stamps of all files that a command reads and of all symlinks on the way to them, by name. Leaves out ctimes,
 * because chmod changes them; and folders, because the command itself may create and remove files in them.
 */
function inputStamps(task: CommandTask, root: string): ReadonlyMap<string, string> {
  const stamps = new Map<string, string>();
  const add = (name: string, ...stats: (Stat | undefined)[]): void => {
    const texts = stats.flatMap((stat) => {
      if (stat?.kind !== 'file' && stat?.kind !== 'link') return [];
      const [size, mtimeMs, , ino] = stat.stamp;
      return `${size} ${mtimeMs} ${ino}`;
    });
    if (texts.length > 0) stamps.set(name, texts.join());
  };
  try {
    for (const { path: name, stat, resolved } of findInputs(root, task.inputs, plainDisk).inputs) {
      add(name, stat, resolved);
    }
    for (const file of commandPaths(task, root)) {
      const name = path.relative(root, file);
      if (!stamps.has(name)) add(name, plainDisk.lstat(file));
    }
  } catch (error) {
    if (!(error instanceof Unreadable) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    // It was readable when the task was observed, so `changedInput` reports it as changed.
  }
  return stamps;
}

/** Returns the name of an input (or the program) whose content differs from `before`; undefined if there is none. */
function changedInput(
  task: CommandTask,
  before: ObservedCommand,
  sources: Omit<CommandSources, 'disk'>,
): string | undefined {
  const now = observeAgain(task, sources);
  if (now === undefined) return task.inputs[0] ?? task.run[0];
  const texts = ({ program, inputs }: ObservedCommand) =>
    new Map(
      [...(program ? [ignoringMode(program)] : []), ...inputs].map((entry) => [
        entry.path,
        JSON.stringify(entry),
      ]),
    );
  const [old, current] = [texts(before), texts(now)];
  return [...old.keys(), ...current.keys()].find((name) => old.get(name) !== current.get(name));
}

/** Returns the entry of a program as executable: once the program has started, its mode no longer matters. */
function ignoringMode(program: FileEntry): FileEntry {
  if (program.type === 'file') return { ...program, executable: true };
  return program.type === 'link' && program.resolved
    ? { ...program, resolved: ignoringMode(program.resolved) }
    : program;
}

/** Reads the inputs of a command again; undefined if they cannot be read anymore. */
function observeAgain(task: CommandTask, sources: Omit<CommandSources, 'disk'>): ObservedCommand | undefined {
  try {
    return observeCommand(task, { ...sources, disk: plainDisk }, () => undefined);
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}
