import * as fc from 'fast-check';
import type { FileNode, ProjectState } from './fuzz-projects.ts';

/** One change of a project. */
export interface ProjectChange {
  readonly what: string;
  readonly apply: (state: ProjectState) => ProjectState;
}

/** Returns a list with the item at `at` replaced, counting on from the start if the list is shorter. */
export const replaceAt = <T>(list: readonly T[], at: number, value: (old: T) => T): T[] =>
  list.map((each, index) => (index === at % Math.max(1, list.length) ? value(each) : each));

/** Returns a function that changes the lines of one stage. */
export const changeStage =
  (at: number, change: (lines: readonly string[]) => readonly string[]) =>
  (state: ProjectState): ProjectState => ({
    ...state,
    stages: replaceAt(state.stages, at, (stage) => ({ ...stage, lines: change(stage.lines) })),
  });

export const addOrReplaceFile = (
  paths: fc.Arbitrary<string>,
  nodes: fc.Arbitrary<FileNode>,
): fc.Arbitrary<ProjectChange> =>
  fc.tuple(paths, nodes).map(([name, node]) => ({
    what: `${name} becomes ${JSON.stringify(node)}`,
    apply: (state) => ({ ...state, files: { ...state.files, [name]: node } }),
  }));

export const removeFile = (paths: fc.Arbitrary<string>): fc.Arbitrary<ProjectChange> =>
  paths.map((name) => ({
    what: `${name} is removed`,
    apply: (state) => ({
      ...state,
      files: Object.fromEntries(Object.entries(state.files).filter(([each]) => each !== name)),
    }),
  }));

export const replaceLine = (lines: fc.Arbitrary<string>, lastLine: number): fc.Arbitrary<ProjectChange> =>
  fc.tuple(fc.nat(2), fc.nat(lastLine), lines).map(([stage, at, line]) => ({
    what: `stage ${stage} line ${at} becomes ${line}`,
    apply: changeStage(stage, (old) => replaceAt(old, at, () => line)),
  }));

export const setArgs = (args: fc.Arbitrary<ProjectState['args']>): fc.Arbitrary<ProjectChange> =>
  args.map((values) => ({
    what: `args ${JSON.stringify(values)}`,
    apply: (state) => ({ ...state, args: values }),
  }));
