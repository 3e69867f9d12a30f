import { readInsecureRegistries } from '../engine/insecure-registries.ts';
import type { Environment } from '../model/environment.ts';
import type { Registry } from '../model/registry.ts';
import type { Client } from '../registry/client.ts';
import { dockerClient, dockerRegistry, type RequestLimits } from '../registry/registry.ts';

/** Returns registries as docker's engine reaches them: its credentials, its insecure registries. `signal` ends all requests. */
export function openRegistry(
  environment: Environment,
  signal: AbortSignal,
  limits?: RequestLimits,
): Registry {
  return dockerRegistry(environment, signal, limits, () => readInsecureRegistries(environment, signal));
}

/** Returns a client for single requests to the same registries. */
export function openRegistryClient(
  environment: Environment,
  signal: AbortSignal,
  limits?: RequestLimits,
): Client {
  return dockerClient(environment, signal, limits, () => readInsecureRegistries(environment, signal));
}
