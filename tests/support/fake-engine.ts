import type {
  BuildRequest,
  BuiltImage,
  Engine,
  EngineImage,
  Progress,
  TestRequest,
} from '../../src/model/ports.ts';

/** A build that is under way in the fake engine, to be ended by hand. */
export interface PendingBuild {
  readonly request: BuildRequest;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  succeed(): void;
  fail(error: Error): void;
}

export interface FakeEngine extends Engine {
  readonly all: EngineImage[];
  readonly pending: PendingBuild[];
  readonly tested: TestRequest[];
  /** Ends every build at once, as it begins. */
  auto: boolean;
  /** What tests exit with. */
  testExit: number;
}

/** An engine in memory. Builds wait until a test ends them; images, labels and tags behave like docker's. */
export function fakeEngine(): FakeEngine {
  let serial = 0;
  const engine: FakeEngine = {
    all: [],
    pending: [],
    tested: [],
    auto: false,
    testExit: 0,
    images: async () => engine.all,
    build: (request, progress, signal) =>
      new Promise<BuiltImage | undefined>((resolve, reject) => {
        const done = (): void => {
          if (request.exportTo !== undefined) {
            resolve(undefined);
            return;
          }
          const image = {
            id: `sha256:${String(++serial).padStart(64, '0')}`,
            tags: [],
            labels: request.labels,
            bytes: 10,
          };
          engine.all.push(image);
          resolve({ imageId: image.id, bytes: image.bytes });
        };
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        if (engine.auto) done();
        else engine.pending.push({ request, progress, signal, succeed: done, fail: reject });
      }),
    async tag(imageId, reference) {
      for (const [index, image] of engine.all.entries()) {
        const others = image.tags.filter((tag) => tag !== reference);
        engine.all[index] = { ...image, tags: image.id === imageId ? [...others, reference] : others };
      }
      if (!engine.all.some((image) => image.id === imageId)) throw new Error(`no such image: ${imageId}`);
    },
    async test(request) {
      engine.tested.push(request);
      return { exitCode: engine.testExit };
    },
  };
  return engine;
}

/** Lets everything that is ready to go on go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
