import { SolveFailed } from '../buildkit/solve-failed.ts';
import type { BuildStep } from '../buildkit/steps.ts';
import { keepLastLines } from '../model/last-lines.ts';
import type { BuildRequest, Progress, TestRequest, TestResult } from '../model/ports.ts';
import { registryHostOf } from '../model/reference.ts';
import type { BuildReport } from './build-report.ts';

/**
 * Returns the build that runs a test on a builder node: a step of its own, on the image. Values go through ARGs, because the
 * Dockerfile would expand what is written in it.
 */
export function testBuild({ imageId, platform, files, program, env }: TestRequest): BuildRequest {
  const variables = Object.entries(env).map(([name, value], index) => ({ name, value, arg: argName(index) }));
  const folders = files.flatMap(({ entry }) => (entry.path.includes('/') ? [] : [entry.path]));
  const lines = [
    `FROM ${imageId}`,
    ...variables.flatMap(({ name, arg }) => [`ARG ${arg}`, `ENV ${name}=$${arg}`]),
    ...folders.map((folder) => `COPY ${JSON.stringify([folder, `/${folder}`])}`),
    `RUN ${JSON.stringify([program])}`,
  ];
  return {
    task: 'test',
    context: files,
    dockerfile: {
      name: 'Dockerfile',
      text: Buffer.from(lines.map((line) => `${line}\n`).join('')),
      selectsFrontend: false,
      linesOf: () => undefined,
    },
    namedImages: {},
    platform,
    network: 'default',
    args: Object.fromEntries(variables.map(({ arg, value }) => [arg, value])),
    labels: {},
    noCache: true,
    secrets: {},
    registries: [registryHostOf(imageId)].filter((host) => host !== undefined),
  };
}

function argName(index: number): string {
  return `test_value_${index}`;
}

/** Reports the output of the test alone. */
export function reportTest(progress: Progress): BuildReport {
  const tests = new Set<string>();
  const lines = keepLastLines();
  return {
    take(event) {
      if (event.type === 'step' && isTest(event.step)) tests.add(event.step.digest);
      if (event.type !== 'output' || !tests.has(event.step)) return;
      lines.add(event.line, event.stream);
      progress.line(event.line, event.stream);
    },
    lastLinesOf: () => lines.read(),
  };
}

/** Returns how a test ended, if this is the error of its program; undefined if it did not run. */
export function testResultOf(error: unknown): TestResult | undefined {
  if (!(error instanceof SolveFailed) || error.step === undefined || !isTest(error.step)) return undefined;
  const { exitCode, message } = error;
  if (exitCode === undefined) return undefined;
  // moby/buildkit executor/runcexecutor/executor.go
  return /cannot allocate memory|out of memory/i.test(message)
    ? { exitCode, outOfMemory: true }
    : { exitCode };
}

function isTest({ instruction }: Pick<BuildStep, 'instruction'>): boolean {
  return instruction !== undefined && /^RUN\b/i.test(instruction.text);
}
