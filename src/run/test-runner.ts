import { EngineUnavailable, TasksError } from '../model/errors.ts';
import { normalizePlatform } from '../model/platform.ts';
import {
  type ConnectedNode,
  type Progress,
  StepFailed,
  type TestRequest,
  type TestResult,
} from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import { eligibleNodes } from '../schedule/placement.ts';
import type { Services } from './services.ts';

/** Runs a test of an image. `record`: that of the image. `onNode` gets the builder node that runs it. @throws as `Builder.test` does */
export type TestRunner = (
  request: TestRequest,
  record: TaskRecord,
  progress: Progress,
  signal: AbortSignal,
  onNode?: (name: string) => void,
) => Promise<TestResult>;

/** Runs tests in containers of the engine. */
export function engineRunner({ engine }: Services): TestRunner {
  return (request, _, progress, signal) => engine!.test(request, progress, signal);
}

/**
 * Runs tests on builder nodes: on the node that built the image, unless that runs at least two tests more than the emptiest one. A test
 * whose node is lost runs once more on another one.
 */
export function nodeRunner({ registryMode, memo }: Services): TestRunner {
  const { connect, registry } = registryMode!;
  const running = new Map<ConnectedNode, number>();
  let connected: Promise<void> | undefined;
  const connectOnce = (): Promise<void> => {
    connected ??= connect().then((nodes) => {
      for (const node of nodes) running.set(node, 0);
    });
    return connected;
  };

  const choose = (request: TestRequest, { node: home }: TaskRecord): ConnectedNode => {
    const platform = normalizePlatform(request.platform);
    const able = eligibleNodes([...running.keys()], { platform });
    const [emptiest] = [...able].sort((a, b) => running.get(a)! - running.get(b)!);
    if (emptiest === undefined)
      throw new TasksError(3, `no builder node runs programs for ${platform}`, {
        hint: 'add a node for this platform to the builder',
      });
    const own = able.find(({ name }) => name === home);
    return own !== undefined && running.get(own)! <= running.get(emptiest)! + 1 ? own : emptiest;
  };
  const runOn = async (
    node: ConnectedNode,
    request: TestRequest,
    progress: Progress,
    signal: AbortSignal,
    onNode: ((name: string) => void) | undefined,
  ): Promise<TestResult> => {
    onNode?.(node.name);
    running.set(node, running.get(node)! + 1);
    try {
      return await node.builder.test(request, progress, signal);
    } catch (error) {
      if (error instanceof EngineUnavailable) running.delete(node);
      throw error;
    } finally {
      if (running.has(node)) running.set(node, running.get(node)! - 1);
    }
  };

  return async (request, record, progress, signal, onNode) => {
    const { imageId, platform } = request;
    const hasTriggers = await memo.memoize(`onbuild ${platform} ${imageId}`, async () => {
      const image = await registry.image(imageId, platform);
      if (image === undefined)
        throw new StepFailed(`${imageId} is not in the registry`, { cause: 'registry' });
      return image.onbuild === true;
    });
    // They would run in the step before the test, and change what it tests.
    if (hasTriggers)
      throw new StepFailed(
        'a builder cannot test an image that has ONBUILD instructions; test it with a docker engine: `tasks test --builder default`',
      );
    await connectOnce();
    try {
      return await runOn(choose(request, record), request, progress, signal, onNode);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof EngineUnavailable) || running.size === 0) throw error;
      progress.line(`${error.message}; the test runs once more on another node`);
      return await runOn(choose(request, record), request, progress, signal, onNode);
    }
  };
}
