import { setTimeout as pause } from 'node:timers/promises';
import type { Environment } from '../model/environment.ts';
import type { Registry } from '../model/registry.ts';
import { type Client, type ClientOptions, openClient } from './client.ts';
import { findContents } from './contents.ts';
import { copyImage } from './copy.ts';
import { dockerCredentials } from './credentials.ts';
import { makeUntag, mayDelete } from './delete.ts';
import { documentStore } from './document-store.ts';
import { findImage } from './images.ts';
import { dockerNetwork } from './network.ts';
import { putManifest } from './put-manifest.ts';
import { parseReference, type RepositoryRef } from './reference.ts';
import type { Timing } from './retry.ts';
import { listTags } from './tags.ts';
import { beginUpload, cancelUpload } from './upload-blob.ts';

/** Limits for each request to a registry. */
export interface RequestLimits {
  /** The maximum number of attempts. */
  readonly tries: number;
  /** Milliseconds for one attempt. */
  readonly timeoutMs: number;
}

/** Returns the hosts and networks in the docker engine's `insecure-registries`. */
export type ListInsecureRegistries = () => Promise<readonly string[]>;

const defaultLimits: RequestLimits = { tries: 5, timeoutMs: 60_000 };

const realTiming: Timing = {
  now: Date.now,
  sleep: (ms, signal) => pause(ms, undefined, { signal }),
  random: Math.random,
};

/** Returns a registry client that uses docker's credentials, certificates and proxies. `signal`: cancels all requests. */
export function dockerRegistry(
  environment: Environment,
  signal: AbortSignal,
  limits: RequestLimits = defaultLimits,
  insecure?: ListInsecureRegistries,
): Registry {
  return registryOver(dockerClient(environment, signal, limits, insecure));
}

/** Returns the low-level client with the same settings. */
export function dockerClient(
  environment: Environment,
  signal: AbortSignal,
  limits: RequestLimits = defaultLimits,
  insecure?: ListInsecureRegistries,
): Client {
  const { timeoutMs } = limits;
  return openClient({
    network: dockerNetwork({ environment, signal, timeoutMs, ...(insecure ? { insecure } : {}) }),
    credentials: dockerCredentials(environment, signal),
    timing: realTiming,
    signal,
    ...limits,
  });
}

/** Returns a registry client with the given credentials and timing. */
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
    read: (name) => texts.read(parseReference(name)),
    write: async (name, text) => void (await texts.write(parseReference(name), text)),
  };
}

/** Checks that we can push, by starting an upload and canceling it. @throws RegistryError */
async function mayPush(client: Client, repo: RepositoryRef): Promise<void> {
  await cancelUpload(client, repo, await beginUpload(client, repo));
}
