import { TasksError } from '../model/errors.ts';
import { connect, parseResponse } from './api.ts';
import { dialWithClient } from './dial.ts';
import { type Environment, resolveEndpoint } from './endpoint.ts';

/** The registries that the engine is told to trust without a certificate: hosts, and networks. None where no engine answers. */
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
    const api = connect(resolveEndpoint(environment), dialWithClient(environment), { signal });
    const { RegistryConfig = {} } = parseResponse<Info>(await api.get('/info'), 'tell of itself');
    const hosts = Object.entries(RegistryConfig.IndexConfigs ?? {}).filter(
      ([, { Secure }]) => Secure === false,
    );
    return [...(RegistryConfig.InsecureRegistryCIDRs ?? []), ...hosts.map(([host]) => host)];
  } catch (error) {
    if (!(error instanceof TasksError)) throw error;
    // No engine answers: no registry is trusted without a certificate, and the caller reports what it cannot reach.
    return [];
  }
}
