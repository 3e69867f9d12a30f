import { setTimeout as pause } from 'node:timers/promises';
import { type Registry, RegistryError } from '../model/registry.ts';
import { type Client, type ClientOptions, openClient } from './client.ts';
import { findContents } from './contents.ts';
import { copyImage } from './copy.ts';
import { dockerCredentials } from './credentials.ts';
import { deleteManifest, makeUntag, mayDelete } from './delete.ts';
import { documentStore } from './document-store.ts';
import { findImage } from './images.ts';
import { dockerNetwork } from './network.ts';
import { putManifest } from './put-manifest.ts';
import { parseReference, type RepositoryRef } from './reference.ts';
import type { Timing } from './retry.ts';
import { listTags } from './tags.ts';
import { beginUpload, cancelUpload } from './upload-blob.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How long registries are waited for. */
export interface RequestLimits {
  /** How often each request is tried at most. */
  readonly tries: number;
  /** Milliseconds for one try. */
  readonly timeoutMs: number;
}

/** What docker's engine is told to trust: hosts and networks. */
export type ListInsecureRegistries = () => Promise<readonly string[]>;

const usual: RequestLimits = { tries: 5, timeoutMs: 60_000 };

const realTiming: Timing = {
  now: Date.now,
  sleep: (ms, signal) => pause(ms, undefined, { signal }),
  random: Math.random,
};

/** Registries, with docker's own credentials. */
export function dockerRegistry(
  environment: Environment,
  signal: AbortSignal,
  patience: RequestLimits = usual,
  insecure?: ListInsecureRegistries,
): Registry {
  return registryOver(dockerClient(environment, signal, patience, insecure));
}

/** The same, request by request. */
export function dockerClient(
  environment: Environment,
  signal: AbortSignal,
  patience: RequestLimits = usual,
  insecure?: ListInsecureRegistries,
): Client {
  const { timeoutMs } = patience;
  return openClient({
    network: dockerNetwork({ environment, signal, timeoutMs, ...(insecure ? { insecure } : {}) }),
    credentials: dockerCredentials(environment, signal),
    timing: realTiming,
    signal,
    ...patience,
  });
}

/** Registries, with whatever credentials and timing. */
export function openRegistry(options: ClientOptions): Registry {
  return registryOver(openClient(options));
}

function registryOver(client: Client): Registry {
  const texts = documentStore(client);
  const untag = makeUntag(client, texts);
  return {
    head: (name) => client.head(parseReference(name)),
    image: (name, platform) => findImage(client, parseReference(name), platform),
    contents: (name) => findContents(client, parseReference(name)),
    manifest: (name) => client.manifest(parseReference(name)),
    put: (name, manifest) => putManifest(client, parseReference(name), manifest),
    copy: (from, repository) => copyImage(client, parseReference(from), parseReference(repository)),
    mayPush: (repository) => mayPush(client, parseReference(repository)),
    mayDelete: (repository) => mayDelete(client, parseReference(repository)),
    tags: (repository) => listTags(client, parseReference(repository)),
    untag: (name) => untag(parseReference(name)),
    async remove(name) {
      const reference = parseReference(name);
      if (reference.digest === undefined)
        throw new RegistryError('broken', `${name} names no digest: only that can be deleted`);
      return await deleteManifest(client, reference);
    },
    read: (name) => texts.read(parseReference(name)),
    write: async (name, text) => void (await texts.write(parseReference(name), text)),
  };
}

/** Begins an upload, and gives it up: whoever may do that may push. */
async function mayPush(client: Client, place: RepositoryRef): Promise<void> {
  await cancelUpload(client, place, await beginUpload(client, place));
}
