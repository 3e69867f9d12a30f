import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { machinePlatform } from '../../src/model/machine.ts';
import {
  type BuildRequest,
  type BuiltImage,
  type Engine,
  type EngineImage,
  type Progress,
  StepFailed,
  type TestRequest,
} from '../../src/model/ports.ts';
import { type FakeRegistry, fakeRegistry } from './fake-registry.ts';

/** A running build of the fake engine, which the test ends. */
export interface PendingBuild {
  readonly request: BuildRequest;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  succeed(): void;
  fail(error: Error): void;
}

/** An engine in memory. */
export interface FakeEngine extends Engine {
  readonly allImages: EngineImage[];
  readonly pending: PendingBuild[];
  readonly tested: TestRequest[];
  /** Ends every build as soon as it starts. */
  autoFinish: boolean;
  /** The exit code of tests. */
  testExit: number;
  /** The platform of its machine. */
  ownPlatform: string;
  /** Whether its BuildKit reads named contexts. */
  namedContexts: boolean;
  /** The platforms for which it runs programs. */
  emulated: readonly string[];
  /** The pushes and pulls, in order: `push repo/name:tag`. */
  readonly transfers: string[];
}

/**
 * Creates an engine in memory. Builds wait until the test ends them, or end at once with `autoFinish`. Images, labels and tags
 * behave like docker's: the same build gives the same image, `RUN exit 7` fails, a changed file is detected. The engine pushes
 * to and pulls from `registry`. Engines with different values of `machine` build different images from the same request.
 */
export function fakeEngine(registry: FakeRegistry = fakeRegistry(), machine = ''): FakeEngine {
  let serial = 0;
  const platforms = new Map<string, string>();
  const finish = async (
    request: BuildRequest,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<BuiltImage | undefined> => {
    checkFiles(request);
    runSteps(request, progress, signal);
    if (request.exportTo !== undefined) {
      exportFiles(request, request.exportTo);
      return undefined;
    }
    const { context, dockerfile, target, args, labels } = request;
    const entries = context.map(({ entry }) => entry);
    const content = [
      entries,
      Buffer.from(dockerfile.text).toString(),
      request.namedImages,
      Object.entries(request.contexts ?? {}).map(([name, content]) => [
        name,
        typeof content === 'string' ? content : content.map(({ entry }) => entry),
      ]),
      request.options,
      target,
      args,
      labels,
      request.noCache ? ++serial : 0,
      machine,
    ];
    const id = `sha256:${digestOf(JSON.stringify(content))}`;
    platforms.set(id, request.platform);
    if (!engine.allImages.some((image) => image.id === id))
      engine.allImages.push({ id, tags: [], labels, bytes: 10, created: Date.UTC(2026, 10, 23) });
    return { imageId: id, bytes: 10, ran: [] };
  };
  const engine: FakeEngine = {
    allImages: [],
    pending: [],
    tested: [],
    autoFinish: false,
    testExit: 0,
    namedContexts: true,
    emulated: ['linux/amd64', 'linux/arm64'],
    ownPlatform: machinePlatform(),
    transfers: [],
    ready: async () => undefined,
    triggers: async () => undefined,
    grants: async () => true,
    abilities: async () => ({
      version: '26.1.5',
      platform: engine.ownPlatform,
      frontend: { minor: 7, isLabs: false },
      namedContexts: engine.namedContexts,
      runLimits: true,
    }),
    images: async () => [...engine.allImages],
    platforms: async () => engine.emulated,
    resolve: async (tag) => engine.allImages.find(({ tags }) => tags.includes(tag))?.id,
    build: (request, progress, signal) =>
      new Promise<BuiltImage | undefined>((resolve, reject) => {
        signal.throwIfAborted();
        const succeed = (): void => resolve(finish(request, progress, signal));
        if (engine.autoFinish) return succeed();
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        engine.pending.push({ request, progress, signal, succeed, fail: reject });
      }),
    async tag(imageId, reference) {
      for (const [index, image] of engine.allImages.entries()) {
        const others = image.tags.filter((tag) => tag !== reference);
        engine.allImages[index] = { ...image, tags: image.id === imageId ? [...others, reference] : others };
      }
      if (!engine.allImages.some((image) => image.id === imageId))
        throw new Error(`no such image: ${imageId}`);
    },
    async untag(reference) {
      for (const [index, image] of [...engine.allImages.entries()].reverse()) {
        if (!image.tags.includes(reference)) continue;
        const tags = image.tags.filter((tag) => tag !== reference);
        if (tags.length > 0) engine.allImages[index] = { ...image, tags };
        else engine.allImages.splice(index, 1);
      }
      return true;
    },
    async test(request, progress) {
      engine.tested.push(request);
      if (!engine.allImages.some((image) => image.id === request.imageId))
        throw new Error(`no such image: ${request.imageId}`);
      const program = request.files.find(({ entry }) => `/${entry.path}` === request.program);
      const script = program === undefined ? '' : readFileSync(program.source, 'utf8');
      for (const [, name] of script.matchAll(/^echo "\$(\w+)"$/gm)) progress.line(request.env[name!] ?? '');
      const exit = /^exit (\d+)$/m.exec(script)?.[1];
      return { exitCode: exit === undefined ? engine.testExit : Number(exit) };
    },
    removeLeftoverTests: async () => undefined,
    async push(tag, _credentials, progress, signal) {
      signal.throwIfAborted();
      engine.transfers.push(`push ${tag}`);
      const image = engine.allImages.find(({ tags }) => tags.includes(tag));
      if (image === undefined) throw new StepFailed(`no such image: ${tag}`);
      progress.step({ text: 'uploading 1/1 layers' });
      return registry.push(tag, { ...image, platform: platforms.get(image.id) ?? 'linux/amd64' });
    },
    async pull(name, _platform, _credentials, progress, signal) {
      signal.throwIfAborted();
      engine.transfers.push(`pull ${name}`);
      const { id, labels, created, platform } = registry.pull(name);
      progress.step({ text: 'downloading 1/1 layers' });
      platforms.set(id, platform);
      if (!engine.allImages.some((image) => image.id === id))
        engine.allImages.push({ id, tags: [], labels, bytes: 10, created });
      return id;
    },
  };
  return engine;
}

function checkFiles({ context }: BuildRequest): void {
  for (const { entry, source } of context) {
    if (entry.type !== 'file') continue;
    if (!existsSync(source) || digestOf(readFileSync(source)) !== entry.digest) throw changed(source);
  }
}

function digestOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function changed(source: string): StepFailed {
  return new StepFailed(`${source} changed while the task was running`);
}

function runSteps({ dockerfile }: BuildRequest, progress: Progress, signal: AbortSignal): void {
  const steps =
    Buffer.from(dockerfile.text)
      .toString()
      .match(/^(FROM|RUN|COPY|ADD) (?:.*\\\n)*.*$/gm) ?? [];
  for (const [index, text] of steps.entries()) {
    const step = { step: index + 1, steps: steps.length, text };
    progress.step(step);
    signal.throwIfAborted();
    const [, words, exit] = /^RUN (?:echo (.*); \\\n +)?exit (\d+)$/.exec(text) ?? [];
    if (words !== undefined) progress.line(words);
    progress.step({ ...step, ended: exit === undefined ? 'done' : 'failed' });
    if (exit !== undefined)
      throw new StepFailed(`exit code: ${exit}`, {
        step: `[${index + 1}/${steps.length}] ${text}`,
        lines: dockerfile.linesOf({ number: index + 1, total: steps.length, text }),
        exitCode: Number(exit),
        instruction: 'RUN',
        output: { lines: words === undefined ? [] : [words], stderr: [] },
      });
  }
}

/** Exports the context, as for the Dockerfile `FROM scratch`, `COPY . /`. */
function exportFiles({ context }: BuildRequest, folder: string): void {
  for (const { entry, source } of context) {
    if (entry.type === 'dir') mkdirSync(path.join(folder, entry.path), { recursive: true });
    if (entry.type === 'file') copyFileSync(source, path.join(folder, entry.path));
  }
}

/** Lets all pending promises and callbacks run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
