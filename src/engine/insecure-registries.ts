import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import { connect, parseResponse } from './api.ts';
import { resolveEndpoint } from './endpoint.ts';

/** Reads the hosts and networks that the engine is configured to trust without a certificate; none if no engine responds. */
export async function readInsecureRegistries(
  environment: Environment,
  signal: AbortSignal,
): Promise<readonly string[]> {
  type Info = {
    RegistryConfig?: {
      InsecureRegistryCIDRs?: string[] | null;
      IndexConfigs?: Record<string, { Secure?: boolean }> | null;
    };
  };
  try {
    const api = connect(resolveEndpoint(environment), environment, { signal });
    const { RegistryConfig = {} } = parseResponse<Info>(await api.get('/info'), 'report its settings');
    const hosts = Object.entries(RegistryConfig.IndexConfigs ?? {}).filter(
      ([, { Secure }]) => Secure === false,
    );
    return [...(RegistryConfig.InsecureRegistryCIDRs ?? []), ...hosts.map(([host]) => host)];
  } catch (error) {
    if (!(error instanceof TasksError)) throw error;
    // Without an engine no registry is trusted without a certificate. The caller reports the registry that it cannot reach.
    return [];
  }
}
