import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { BuilderName, NameOptions } from '../app/options.ts';
import { repositoryFault } from '../graph/names.ts';
import { isDerivedTag } from '../model/derived-tags.ts';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import type { TerminalFeatures } from '../report/terminal-status.ts';
import { terminalFeatures } from './terminal-features.ts';

export const reporterNames = ['live', 'plain', 'json', 'github', 'silent'] as const;
export type ReporterName = (typeof reporterNames)[number];

/** Layouts of the live view: `--view`. */
export const layouts = ['list', 'matrix'] as const;
type Layout = (typeof layouts)[number];

/** Flags that several commands share, as commander parses them. */
export interface SharedFlags {
  readonly directory?: string;
  readonly profile?: string;
  readonly jobs?: string;
  readonly keepGoing?: boolean;
  readonly repo?: string;
  readonly builder?: string;
  readonly suffix?: string;
  readonly release?: boolean;
  readonly json?: boolean;
  readonly reporter?: string;
  readonly view?: string;
  readonly trace?: string;
  readonly junit?: string;
  readonly color?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly force?: boolean;
  readonly fromRegistry?: boolean;
}

/** What the flags and the environment ask for, checked. */
export interface Settings {
  /** Absolute path of the folder where the search for the project starts. */
  readonly start: string;
  readonly profile: string;
  readonly names: NameOptions;
  /** What builds, if the flag or the environment says it. */
  readonly builder: BuilderName | undefined;
  /** How many tasks run at once. */
  readonly jobs: number;
  /** How many of each kind run at once, where that is limited too. */
  readonly limits: Readonly<Record<string, number>>;
  readonly keepGoing: boolean;
  readonly force: boolean;
  readonly fromRegistry: boolean;
  /** Whether `fromRegistry` was asked for by a flag, not by running in CI. */
  readonly isFromRegistryExplicit: boolean;
  readonly output: OutputSettings;
  /** The shared store of records, if any. */
  readonly cacheUrl: string | undefined;
}

export interface OutputSettings {
  readonly json: boolean;
  readonly reporter: ReporterName;
  readonly layout: Layout;
  readonly outColor: boolean;
  readonly errColor: boolean;
  readonly verbose: boolean;
  /** Whether only failures are shown. */
  readonly isQuiet: boolean;
  /** Whether the service shows sections of the log, as GitLab does. */
  readonly hasSections: boolean;
  /** Whether the run is in CI, where lines of output start with the time. */
  readonly isCi: boolean;
  /** What the terminal is told besides what is on its screen. */
  readonly terminal: TerminalFeatures;
  /** Absolute path of a trace to write. */
  readonly trace: string | undefined;
  /** Absolute path of a test report to write. */
  readonly junit: string | undefined;
  /** A file of GitHub Actions that job summaries are appended to. */
  readonly jobSummary: string | undefined;
}

/** What settings depend on besides flags. */
export interface SettingsInput {
  readonly environment: Environment;
  /** Absolute. */
  readonly cwd: string;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
}

/** Checks flags and environment. Flags win over the environment. @throws TasksError with exit code 2 */
export function readSettings(flags: SharedFlags, input: SettingsInput): Settings {
  const { environment, cwd } = input;
  const { all, ...limits } = parseJobs(flags.jobs ?? '');
  const isCi = !['', '0', 'false'].includes(environment.CI ?? '');
  const reporter = chooseReporter(flags, input);
  return {
    start: path.resolve(cwd, flags.directory ?? '.'),
    profile: flags.profile ?? (environment.TASKS_PROFILE || 'default'),
    names: readNames(flags, environment),
    builder: readBuilder(flags, environment),
    jobs: all ?? availableParallelism(),
    limits,
    keepGoing: flags.keepGoing === true,
    force: flags.force === true,
    fromRegistry: flags.fromRegistry ?? isCi,
    isFromRegistryExplicit: flags.fromRegistry === true,
    output: {
      json: reporter === 'json',
      reporter,
      layout: parseLayout(flags.view),
      outColor: hasColor(flags, environment, input.outIsTerminal),
      errColor: hasColor(flags, environment, input.errIsTerminal),
      verbose: flags.verbose === true,
      isQuiet: flags.quiet === true && flags.reporter === undefined,
      hasSections: reporter === 'plain' && flags.reporter === undefined && environment.GITLAB_CI === 'true',
      isCi,
      terminal:
        input.errIsTerminal && (reporter === 'live' || reporter === 'plain')
          ? terminalFeatures(environment, isCi)
          : { title: false, progress: false },
      trace: flags.trace === undefined ? undefined : path.resolve(cwd, flags.trace),
      junit: flags.junit === undefined ? undefined : path.resolve(cwd, flags.junit),
      jobSummary: environment.GITHUB_STEP_SUMMARY || undefined,
    },
    cacheUrl: environment.TASKS_CACHE_URL || undefined,
  };
}

/** Parses `8`, `run=2`, `8,build=4,run=2`. */
function parseJobs(text: string): Readonly<Record<string, number>> {
  const parts =
    text === '' ? [] : text.split(',').map((part) => /^(?:(build|run|pull|upload)=)?([1-9]\d*)$/.exec(part));
  const pairs = parts.map((part) => [part?.[1] ?? 'all', Number(part?.[2])] as const);
  if (parts.includes(null) || new Set(pairs.map(([kind]) => kind)).size < pairs.length) {
    throw new TasksError(2, `--jobs is "${text}"`, {
      hint: 'expected a whole number from 1, optionally with limits per kind: 8,build=4,run=2,pull=4,upload=3',
    });
  }
  return Object.fromEntries(pairs);
}

function readNames({ repo: flag, suffix, release }: SharedFlags, environment: Environment): NameOptions {
  const repo = flag ?? (environment.DOCKER_REPO || undefined);
  const fault = repo === undefined ? undefined : repositoryFault(repo);
  if (fault !== undefined)
    throw new TasksError(2, `${flag === undefined ? 'DOCKER_REPO' : '--repo'} is "${repo}"`, {
      hint: `expected ${fault}`,
    });
  if (suffix !== undefined && (!/^[A-Za-z0-9._-]{0,64}$/.test(suffix) || isDerivedTag(`x${suffix}`))) {
    throw new TasksError(2, `--suffix is "${suffix}"`, {
      hint: "expected at most 64 letters, digits, '.', '_' and '-', and not the form of a content tag",
    });
  }
  return { repo, suffix, release: release ?? isReleaseRun(environment) };
}

function readBuilder({ builder }: SharedFlags, { TASKS_BUILDER = '' }: Environment): BuilderName | undefined {
  if (builder !== undefined) return { name: builder, origin: '--builder' };
  return TASKS_BUILDER === '' ? undefined : { name: TASKS_BUILDER, origin: 'TASKS_BUILDER' };
}

function isReleaseRun({ RELEASE: value = '' }: Environment): boolean {
  if (value === '1' || value === 'true') return true;
  if (value === '' || value === '0' || value === 'false') return false;
  throw new TasksError(2, `RELEASE is "${value}"`, {
    hint: 'expected 1 or true for a release; empty, 0 or false otherwise',
  });
}

/** Flags win over NO_COLOR, and NO_COLOR over whether the stream is a terminal. */
export function hasColor(
  { color }: Pick<SharedFlags, 'color'>,
  environment: Environment,
  isTerminal: boolean,
): boolean {
  return color ?? (isTerminal && !environment.NO_COLOR && environment.TERM !== 'dumb');
}

function chooseReporter(
  { json, reporter, quiet, verbose }: SharedFlags,
  { environment, errIsTerminal }: SettingsInput,
): ReporterName {
  if (json) return 'json';
  if (reporter !== undefined) {
    const name = reporterNames.find((each) => each === reporter);
    if (name !== undefined) return name;
    throw new TasksError(2, `--reporter is "${reporter}"`, {
      hint: `expected one of ${reporterNames.join(', ')}`,
    });
  }
  if (quiet) return 'silent';
  if (environment.GITHUB_ACTIONS === 'true') return 'github';
  const canDraw = errIsTerminal && environment.TERM !== 'dumb';
  return canDraw && !verbose ? 'live' : 'plain';
}

function parseLayout(view: string = 'list'): Layout {
  const layout = layouts.find((each) => each === view);
  if (layout !== undefined) return layout;
  throw new TasksError(2, `--view is "${view}"`, { hint: `expected ${layouts.join(' or ')}` });
}
