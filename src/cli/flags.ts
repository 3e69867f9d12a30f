import { repositoryFault } from '../graph/names.ts';
import { isDerivedTag } from '../model/derived-tags.ts';
import { TasksError } from '../model/errors.ts';
import type { Project } from '../model/task.ts';
import { type Naming, resolveNaming } from '../plan/refs.ts';
import type { Io } from './io.ts';

/** Flags before or after the command. */
export interface GlobalFlags {
  readonly directory?: string;
  readonly profile?: string;
}

export type ReporterName = 'live' | 'plain' | 'json' | 'github' | 'silent';
const reporterNames: readonly ReporterName[] = ['live', 'plain', 'json', 'github', 'silent'];

/** Flags of every command that looks at the graph. */
export interface CommonFlags extends GlobalFlags {
  readonly jobs?: string;
  readonly keepGoing?: boolean;
  readonly repo?: string;
  readonly suffix?: string;
  readonly json?: boolean;
  readonly reporter?: string;
  readonly view?: string;
  readonly trace?: string;
  readonly color?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly force?: boolean;
  readonly fromRegistry?: boolean;
}

/** How many tasks may run at once. @throws TasksError exit 2 */
export function jobsOf(flags: CommonFlags, io: Io): number {
  return slotsOf(flags).all ?? io.cores;
}

/** How many of a kind may, where that is limited, too. @throws TasksError exit 2 */
export function limitsOf(flags: CommonFlags): Readonly<Record<string, number>> {
  const { all: _, ...limits } = slotsOf(flags);
  return limits;
}

/** `8`, `run=2`, `8,build=4,run=2`. */
function slotsOf({ jobs = '' }: CommonFlags): Readonly<Record<string, number>> {
  const parts =
    jobs === '' ? [] : jobs.split(',').map((part) => /^(?:(build|run|pull|upload)=)?([1-9]\d*)$/.exec(part));
  const pairs = parts.map((part) => [part?.[1] ?? 'all', Number(part?.[2])] as const);
  if (parts.includes(null) || new Set(pairs.map(([kind]) => kind)).size < pairs.length) {
    throw new TasksError(2, `--jobs is "${jobs}"`, {
      hint: 'expected a whole number from 1, or with limits for what builds images, runs commands, pulls, uploads: 8,build=4,run=2,pull=4,upload=3',
    });
  }
  return Object.fromEntries(pairs);
}

/** True where RELEASE asks for release tags. @throws TasksError exit 2 */
function isRelease(io: Io): boolean {
  const value = io.environment.RELEASE ?? '';
  if (value === '1' || value === 'true') return true;
  if (value === '' || value === '0' || value === 'false') return false;
  throw new TasksError(2, `RELEASE is "${value}"`, {
    hint: 'expected 1 or true for a release; empty, 0 or false for none',
  });
}

/** What --repo, DOCKER_REPO and --suffix say. @throws TasksError exit 2 */
export function namesOf(
  flags: CommonFlags & { readonly release?: boolean },
  io: Io,
): { repo: string | undefined; suffix: string | undefined; release: boolean } {
  const repo = flags.repo ?? (io.environment.DOCKER_REPO || undefined);
  const fault = repo === undefined ? undefined : repositoryFault(repo);
  if (fault !== undefined)
    throw new TasksError(2, `${flags.repo === undefined ? 'DOCKER_REPO' : '--repo'} is "${repo}"`, {
      hint: `expected ${fault}`,
    });
  if (
    flags.suffix !== undefined &&
    (!/^[A-Za-z0-9._-]{0,64}$/.test(flags.suffix) || isDerivedTag(`x${flags.suffix}`))
  ) {
    throw new TasksError(2, `--suffix is "${flags.suffix}"`, {
      hint: "expected letters, digits, '.', '_' and '-', 64 at most, and no content tag",
    });
  }
  return { repo, suffix: flags.suffix, release: flags.release ?? isRelease(io) };
}

/** How things are named where `what` needs a repository that somebody named. @throws TasksError exit 2 */
export function namingIn(
  project: Project,
  flags: CommonFlags & { readonly release?: boolean },
  io: Io,
  now: Date,
  what: string,
): Naming {
  const names = namesOf(flags, io);
  if ((names.repo ?? project.repo) === undefined)
    throw new TasksError(2, `no repository to ${what}`, {
      hint: "name it: --repo citus, DOCKER_REPO, or project({ repo: 'citus' }) in the definitions",
    });
  return resolveNaming(names, project, now);
}

/** Colours on a stream: flags over NO_COLOR over whether it is a terminal. */
export function hasColor(flags: CommonFlags, io: Io, isTerminal: boolean): boolean {
  return flags.color ?? (isTerminal && !io.environment.NO_COLOR && io.environment.TERM !== 'dumb');
}

/** True on a machine that builds for nobody who watches. */
export function isCi(io: Io): boolean {
  return !['', '0', 'false'].includes(io.environment.CI ?? '');
}

/** Which reporter follows a run. @throws TasksError exit 2 */
export function reporterOf(flags: CommonFlags, io: Io): ReporterName {
  if (flags.json) return 'json';
  const name = flags.reporter as ReporterName | undefined;
  if (name !== undefined) {
    if (reporterNames.includes(name)) return name;
    throw new TasksError(2, `--reporter is "${name}"`, {
      hint: `expected one of ${reporterNames.join(', ')}`,
    });
  }
  if (flags.quiet) return 'silent';
  if (io.environment.GITHUB_ACTIONS === 'true') return 'github';
  const canDraw = io.errIsTerminal && io.environment.TERM !== 'dumb';
  return canDraw && !flags.verbose ? 'live' : 'plain';
}

/** What the live view looks like. @throws TasksError exit 2 */
export function viewOf(flags: CommonFlags): 'list' | 'matrix' {
  if (flags.view === undefined || flags.view === 'list') return 'list';
  if (flags.view === 'matrix') return 'matrix';
  throw new TasksError(2, `--view is "${flags.view}"`, { hint: 'expected list or matrix' });
}
