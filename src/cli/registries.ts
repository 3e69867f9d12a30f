import { readInsecureRegistries } from '../engine/insecure-registries.ts';
import type { Registry } from '../model/registry.ts';
import type { Client } from '../registry/client.ts';
import { dockerClient, dockerRegistry, type RequestLimits } from '../registry/registry.ts';
import type { Io } from './io.ts';

/** Registries as docker's engine would reach them. `signal`: ends what is under way */
export function registryFor(
  { environment, signal }: Pick<Io, 'environment' | 'signal'>,
  patience?: RequestLimits,
): Registry {
  return dockerRegistry(environment, signal, patience, () => readInsecureRegistries(environment, signal));
}

/** The same, request by request. */
export function registryClientFor(
  { environment, signal }: Pick<Io, 'environment' | 'signal'>,
  patience?: RequestLimits,
): Client {
  return dockerClient(environment, signal, patience, () => readInsecureRegistries(environment, signal));
}
