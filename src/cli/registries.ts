import { insecureRegistries } from '../engine/insecure.ts';
import type { Registry } from '../model/registry.ts';
import type { Client } from '../registry/client.ts';
import { dockerClient, dockerRegistry, type Patience } from '../registry/registry.ts';
import type { Io } from './io.ts';

/** Registries as docker's engine would reach them. `signal`: ends what is under way */
export function registryFor(
  { environment, signal }: Pick<Io, 'environment' | 'signal'>,
  patience?: Patience,
): Registry {
  return dockerRegistry(environment, signal, patience, () => insecureRegistries(environment, signal));
}

/** The same, request by request. */
export function registryClientFor({ environment, signal }: Pick<Io, 'environment' | 'signal'>): Client {
  return dockerClient(environment, signal, undefined, () => insecureRegistries(environment, signal));
}
