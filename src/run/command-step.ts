import { cpSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { ObservedCommand } from '../model/observed.ts';
import type { TaskRecord } from '../model/record.ts';
import type { CommandTask } from '../model/task.ts';
import { trackInputChanges } from '../observe/command.ts';
import { outputFolder } from '../observe/outputs.ts';
import { exactNameOf, imageNeedIds, type UsedTags, withStableNeeds } from './need-images.ts';
import { needFileEntries, needResults, versionOf } from './needs.ts';
import { makeWorkFolder, storeOutputs } from './output-files.ts';
import { secretVariables } from './secrets.ts';
import type { StepInput } from './step-input.ts';

/**
 * Runs a command task, stores the files that it wrote to `$TASKS_OUT`, and returns the record without writing it.
 * @throws StepFailed, or the signal's reason
 */
export async function executeCommandStep(input: StepInput): Promise<TaskRecord> {
  const { step, results, services } = input;
  const started = services.clock.now();
  const work = makeWorkFolder(step.key, services);
  try {
    const kept = storeOutputs(await runCommand(input, work), step.key, services);
    return {
      key: step.key,
      task: step.task.id,
      needs: needResults(step.task, results),
      ...kept,
      tags: [],
      // The clock may have been set back.
      durationMs: Math.max(0, services.clock.now().getTime() - started.getTime()),
      time: services.clock.now().toISOString(),
      run: services.runId,
    };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Watches the inputs of a command; must be called before the command runs. The returned function must be called after it and
 * returns the path of an input or program that has changed since the key was computed, or undefined. The result of such a run
 * must not be recorded under the key, because it is unknown what the command read.
 */
export function guardCommandInputs({ step, observations, services }: StepInput): () => string | undefined {
  const task = step.task as CommandTask;
  return trackInputChanges(task, observations.get(task.id) as ObservedCommand, services);
}

/**
 * Runs a step's command in a minimal environment plus the variables that the task declares. `work` is an empty folder for the
 * run. Returns the folder that was `$TASKS_OUT`.
 * @throws StepFailed, or the signal's reason
 */
export async function runCommand(input: StepInput, work: string): Promise<string> {
  const { step, services, progress, signal } = input;
  const task = step.task as CommandTask;
  const out = path.join(work, 'out');
  mkdirSync(out);
  const env = {
    ...baseEnvironment(input),
    ...declaredEnvironment(input, task),
    ...secretVariables(task, services),
    ...needsEnvironment(input, task, work),
    ...(task.platform === undefined ? {} : { TASKS_PLATFORM: task.platform }),
    TASKS_OUT: out,
  };
  const [program, ...rest] = task.run;
  const resolved = program.includes('/') ? path.resolve(services.root, program) : program;
  const request = {
    task: task.id,
    argv: [resolved, ...rest] as [string, ...string[]],
    cwd: services.root,
    env,
  };
  await withStableNeeds(usedImages(task, input), input, () =>
    services.processes.run(request, progress, signal),
  );
  signal.throwIfAborted();
  return out;
}

/** A command gets images by their content tags, and those that only a registry has by their digests. */
function usedImages(task: CommandTask, input: StepInput): UsedTags {
  const ids = imageNeedIds(task);
  return isInRegistry(input)
    ? { exact: new Map(ids.map((id) => [id, exactNameOf(id, input)])), unpinned: [] }
    : { exact: new Map(), unpinned: ids };
}

function isInRegistry({ services }: StepInput): boolean {
  return services.registryMode !== undefined;
}

function baseEnvironment({ services }: StepInput): Record<string, string> {
  const { PATH, HOME } = services.environment;
  return {
    PATH: PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: HOME ?? '/',
    LANG: 'C.UTF-8',
  };
}

function declaredEnvironment({ services }: StepInput, task: CommandTask): Record<string, string> {
  const variables = task.env.map((name) => [name, services.environment[name]] as const);
  return Object.fromEntries(
    variables.filter((pair): pair is readonly [string, string] => pair[1] !== undefined),
  );
}

/** Returns the variables `$TASKS_NEED_<NAME>`: an image's tag, a task's folder, or a folder with a subfolder per version. */
function needsEnvironment(input: StepInput, task: CommandTask, work: string): Record<string, string> {
  const { plan, services, results } = input;
  // Throws if output files were modified.
  needFileEntries(task, plan, results, services);
  const values = task.needs.map((need): [string, string] => {
    const name = `TASKS_NEED_${need.name.toUpperCase().replace(/\W/g, '_')}`;
    const first = plan.steps.get(need.tasks[0]!)!;
    if (need.kind === 'image')
      return [name, isInRegistry(input) ? exactNameOf(first.task.id, input) : first.contentTag!];
    if (!need.all) return [name, outputFolder(services.cacheFolder, first.key)];
    const folder = path.join(work, 'needs', need.name);
    for (const id of need.tasks) {
      cpSync(outputFolder(services.cacheFolder, plan.steps.get(id)!.key), path.join(folder, versionOf(id)), {
        recursive: true,
        verbatimSymlinks: true,
      });
    }
    return [name, folder];
  });
  return Object.fromEntries(values);
}
