import type { AnsweringNode } from '../../src/app/host.ts';
import { EngineUnavailable } from '../../src/model/errors.ts';
import type { BuildRequest, TestRequest } from '../../src/model/ports.ts';
import { type FakeEngine, fakeEngine } from './fake-engine.ts';
import type { FakeRegistry } from './fake-registry.ts';

/** A builder node in memory. */
export interface FakeNode extends AnsweringNode {
  /** What builds on it: its pending builds, for example. */
  readonly engine: FakeEngine;
  readonly built: BuildRequest[];
  readonly tested: TestRequest[];
  /** True: what runs on it fails as if the node was gone. */
  isLost: boolean;
}

/**
 * Creates a node whose images go to a registry, without a tag. Nodes with different values of `machine` build different images from
 * the same request, as RUN does.
 */
export function fakeNode(
  name: string,
  registry: FakeRegistry,
  { machine = '', native = 'linux/amd64', platforms = [native] as readonly string[] } = {},
): FakeNode {
  const engine = fakeEngine(registry, machine);
  engine.autoFinish = true;
  let pushes = 0;
  const requireNode = (): void => {
    if (node.isLost)
      throw new EngineUnavailable(`lost the connection to the builder node ${name}`, { hint: '', cause: '' });
  };
  const node: FakeNode = {
    name,
    platforms,
    native,
    engine,
    built: [],
    tested: [],
    isLost: false,
    builder: {
      ...engine,
      async build(request, progress, signal) {
        node.built.push(request);
        requireNode();
        const image = await engine.build(request, progress, signal);
        requireNode();
        if (image === undefined) return undefined;
        const { labels, created } = engine.allImages.find(({ id }) => id === image.imageId)!;
        const tag = `${request.pushTo ?? 'nowhere'}:pushed-by-${name}-${++pushes}`;
        const digest = registry.push(tag, { id: image.imageId, labels, created, platform: request.platform });
        await registry.untag(tag);
        return { imageId: digest, configDigest: image.imageId, bytes: 0, ran: [] };
      },
      async test(request, progress, signal) {
        node.tested.push(request);
        requireNode();
        const { id, labels, created } = registry.pull(request.imageId);
        if (!engine.allImages.some((image) => image.id === id))
          engine.allImages.push({ id, tags: [], labels, bytes: 10, created });
        return await engine.test({ ...request, imageId: id }, progress, signal);
      },
    },
  };
  return node;
}
