import { RegistryError } from '../../src/model/registry.ts';
import type { TagChange } from '../../src/release/journal.ts';
import { publish } from '../../src/release/publish.ts';
import { type PublishContext, tagOwnershipIn } from '../../src/release/publish-context.ts';
import { type FakeRegistry, fakeRegistry } from './fake-registry.ts';

export const journalName = 'h:1/t/release-journal:current';
export const noAbort = new AbortController().signal;
export const unreachable = (): RegistryError => new RegistryError('unreachable', 'h:1 returned 500');

/** A publication that is about to start in a fake registry. */
export interface PublishFixture {
  readonly registry: FakeRegistry;
  readonly changes: TagChange[];
  /** Where the tags of the changes point: all to the old images, all to the new ones, or neither. */
  state(): 'old' | 'new' | 'mixed';
  /** A context for another process. `alive`: what it knows about the owners of journals. */
  context(name: string, alive?: boolean): PublishContext & { reported: string[] };
}

let serial = 0;

/** Pushes a new image; returns its digest. */
export function pushImage(registry: FakeRegistry, tag: string): string {
  const id = `sha256:${(++serial).toString(16).padStart(64, '0')}`;
  return registry.push(tag, { id, labels: { n: String(serial) }, platform: 'linux/amd64', created: serial });
}

/** Two repositories, each with a tag that moves, a new tag, and an alias. */
export function publishFixture(): PublishFixture {
  const registry = fakeRegistry();
  const changes = ['a', 'b'].flatMap((name): TagChange[] => {
    const repository = `h:1/t/${name}`;
    const task = `${name}:2`;
    const old = pushImage(registry, `${repository}:1`);
    pushImage(registry, `${repository}:latest`);
    const oldAlias = registry.tagDigests(repository).latest!;
    const after = pushImage(registry, `${repository}:2-kaaaaaaaaaaaa`);
    return [
      { name: `${repository}:latest`, task, before: oldAlias, after, isAlias: true },
      { name: `${repository}:1`, task, before: old, after, isAlias: false },
      { name: `${repository}:2`, task, after, isAlias: false },
    ];
  });
  registry.calls.length = 0;
  let now = Date.UTC(2026, 10, 24);
  return {
    registry,
    changes,
    state() {
      const points = (side: 'before' | 'after'): boolean =>
        changes.every(({ name, ...change }) => {
          const [repository, tag] = [
            name.slice(0, name.lastIndexOf(':')),
            name.slice(name.lastIndexOf(':') + 1),
          ];
          return registry.tagDigests(repository)[tag] === change[side];
        });
      return points('before') ? 'old' : points('after') ? 'new' : 'mixed';
    },
    context(name, alive) {
      const reported: string[] = [];
      return {
        registry,
        journalName,
        reported,
        clock: {
          now: () => {
            now += 100;
            return new Date(now);
          },
          sleep: async (ms) => {
            now += ms;
          },
        },
        ownershipOf: tagOwnershipIn('h:1/t', new Set(['a', 'b'])),
        newOwner: () => ({ id: `${name}-${++serial}` }),
        isAlive: () => alive,
        report: (text) => reported.push(text),
      };
    },
  };
}

/** Returns the error that a promise rejects with; undefined if it resolves. */
export async function failureOf(work: Promise<unknown>): Promise<Error | undefined> {
  return await work.then(
    () => undefined,
    (error: Error) => error,
  );
}

/** Returns how many registry calls a publication without failures makes. */
export async function countCalls(): Promise<number> {
  const { registry, changes, context } = publishFixture();
  await publish(context('x'), changes, noAbort);
  return registry.calls.length;
}
