import { hostname, release } from 'node:os';
import { machinePlatform } from '../model/machine.ts';
import { type EngineApi, parseResponse } from './api.ts';
import { emulatedPlatforms, isEmulated, type ProgramFormat, readFormats } from './emulators.ts';
import type { Endpoint } from './endpoint.ts';

/** What runs 32-bit programs without an emulator, besides its own. Whether this machine does is known to the engine only. */
const relatives: Readonly<Record<string, readonly string[]>> = {
  amd64: ['amd64', '386'],
  arm64: ['arm64', 'arm'],
};

/**
 * Returns the platforms for which an engine runs programs now. `listed`: those that its BuildKit lists. It adds emulators that were
 * registered since the engine started, but keeps those that were removed, so a kernel that can be asked decides.
 */
export function runnablePlatforms(listed: readonly string[], isLocal: boolean): readonly string[] {
  const formats = isLocal ? readFormats() : undefined;
  return formats === undefined ? listed : withEmulators(listed, formats, machinePlatform());
}

/**
 * Tells whether an engine runs on this machine, and so has its emulators: not in a virtual machine like that of Docker Desktop.
 * @throws TasksError
 */
export async function isLocalEngine({ kind }: Endpoint, api: EngineApi): Promise<boolean> {
  if (kind !== 'unix') return false;
  type Info = { KernelVersion?: string; Name?: string };
  const { KernelVersion, Name } = parseResponse<Info>(await api.get('/info'), 'report its settings');
  return KernelVersion === release() && Name === hostname();
}

/** Returns which of the listed platforms need no emulator of a kernel, and those that it has one for. Pure. */
export function withEmulators(
  listed: readonly string[],
  formats: readonly ProgramFormat[],
  machine: string,
): readonly string[] {
  const architecture = architectureOf(machine);
  const native = relatives[architecture] ?? [architecture];
  const isNative = (platform: string): boolean => native.includes(architectureOf(platform));
  const own = listed.filter(isNative);
  const others = [...listed, ...emulatedPlatforms].filter((platform) => !isNative(platform));
  return [...new Set([...own, ...others.filter((platform) => isEmulated(platform, formats))])];
}

function architectureOf(platform: string): string {
  return platform.split('/')[1] ?? '';
}
