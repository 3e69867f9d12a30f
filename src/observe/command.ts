import path from 'node:path';
import { type Disk, pathKind, plainDisk, type Stat } from '../disk/disk.ts';
import type { Memo } from '../incremental/memo.ts';
import type { FileEntry, ObservedCommand } from '../model/observed.ts';
import type { CommandTask } from '../model/task.ts';
import type { TaskProblem } from './image.ts';
import { findInputs, readInput } from './inputs.ts';
import { Unreadable } from './walk.ts';
import { commandPaths } from './watch-paths.ts';

export interface CommandSources {
  readonly root: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly memo: Memo;
  readonly disk: Disk;
}

/**
 * What a command task reads: its program and its inputs, links followed as the command follows them. Faults of the definition
 * go to `complain`; undefined is returned then.
 * @throws Unreadable
 */
export function observeCommand(
  task: CommandTask,
  { root, environment, memo, disk }: CommandSources,
  complain: (fault: TaskProblem) => void,
): ObservedCommand | undefined {
  const [program] = task.run;
  const file = program.includes('/') ? path.resolve(root, program) : undefined;
  const kind = file === undefined ? undefined : pathKind(disk, file);
  if (kind !== undefined && kind !== 'file') {
    complain({
      field: 'run',
      message: kind === 'circle' ? 'its links lead in a circle' : 'there is no such program',
      found: program,
      expected: 'a file below the project root, or a name found on PATH',
    });
    return undefined;
  }
  const { inputs, faults } = findInputs(root, task.inputs, disk);
  for (const fault of faults) complain({ field: 'inputs', ...fault });
  if (faults.length > 0) return undefined;
  const entries = inputs.flatMap((input) => readInput(input, memo, disk) ?? []);
  return {
    kind: 'command',
    ...(file !== undefined ? { program: readProgram(file, program, memo, disk) } : {}),
    inputs: entries,
    env: Object.fromEntries(task.env.map((name) => [name, environment[name] ?? null])),
    machine: `${process.platform}/${process.arch}`,
  };
}

function readProgram(absolute: string, as: string, memo: Memo, disk: Disk): FileEntry {
  // Both were there a moment ago; where one is gone, reading says so.
  const stat = disk.lstat(absolute)!;
  const behind = stat.kind === 'link' ? disk.stat(absolute) : undefined;
  return readInput({ path: as, absolute, stat, ...(behind ? { behind } : {}) }, memo, disk)!;
}

/**
 * Watches what a command reads while it runs; call it before the command starts. The result tells afterwards what is not, or for
 * a while was not, as it was observed; undefined: nothing. What was written again counts, even with the same content: nobody can
 * tell what the command read meanwhile.
 */
export function trackInputChanges(
  task: CommandTask,
  before: ObservedCommand,
  reader: Omit<CommandSources, 'disk'>,
): () => string | undefined {
  // The stamps first: what changes after they were taken moves them.
  const stamps = stampsOf(task, reader.root);
  const first = changedInput(task, before, reader);
  return () => {
    const changed = first ?? changedInput(task, before, reader);
    if (changed !== undefined) return changed;
    const now = stampsOf(task, reader.root);
    return [...stamps.keys(), ...now.keys()].find((name) => stamps.get(name) !== now.get(name));
  };
}

/**
 * Stamps of all files that a command reads, and of all links that lead to them. Without ctimes, which a change of mode moves,
 * and without folders: what comes and goes in them while the command runs may be its own.
 */
function stampsOf(task: CommandTask, root: string): ReadonlyMap<string, string> {
  const stamps = new Map<string, string>();
  const note = (name: string, ...stats: (Stat | undefined)[]): void => {
    const texts = stats.flatMap((stat) => {
      if (stat?.kind !== 'file' && stat?.kind !== 'link') return [];
      const [size, mtimeMs, , ino] = stat.stamp;
      return `${size} ${mtimeMs} ${ino}`;
    });
    if (texts.length > 0) stamps.set(name, texts.join());
  };
  try {
    for (const { path: name, stat, behind } of findInputs(root, task.inputs, plainDisk).inputs) {
      note(name, stat, behind);
    }
    for (const file of commandPaths(task, root)) {
      const name = path.relative(root, file);
      if (!stamps.has(name)) note(name, plainDisk.lstat(file));
    }
  } catch (error) {
    if (!(error instanceof Unreadable) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    // What cannot be read now was read when it was observed: it is told as changed.
  }
  return stamps;
}

/** What of a command's program and inputs is no longer as it was observed; undefined: nothing. */
function changedInput(
  task: CommandTask,
  before: ObservedCommand,
  reader: Omit<CommandSources, 'disk'>,
): string | undefined {
  const now = observedAgain(task, reader);
  if (now === undefined) return task.inputs[0] ?? task.run[0];
  const texts = ({ program, inputs }: ObservedCommand) =>
    new Map(
      [...(program ? [started(program)] : []), ...inputs].map((each) => [each.path, JSON.stringify(each)]),
    );
  const [old, current] = [texts(before), texts(now)];
  return [...old.keys(), ...current.keys()].find((name) => old.get(name) !== current.get(name));
}

/** Whether a program may be started says nothing any more once it was. */
function started(program: FileEntry): FileEntry {
  if (program.type === 'file') return { ...program, executable: true };
  return program.type === 'link' && program.resolved
    ? { ...program, resolved: started(program.resolved) }
    : program;
}

/** Undefined where it cannot be read any more. */
function observedAgain(task: CommandTask, reader: Omit<CommandSources, 'disk'>): ObservedCommand | undefined {
  try {
    return observeCommand(task, { ...reader, disk: plainDisk }, () => undefined);
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}
