import type { BuildOptions } from '../model/ports.ts';

/** Returns the options of RUN instructions as attributes of BuildKit's Dockerfile frontend (moby/buildkit frontend/dockerui/attr.go). */
export function optionAttributes({
  addHosts = [],
  shmSize,
  ulimits = {},
  cgroupParent,
}: BuildOptions): Record<string, string> {
  const limits = Object.entries(ulimits).map(([name, limit]) => `${name}=${limit}`);
  return {
    ...(addHosts.length === 0 ? {} : { 'add-hosts': addHosts.join(',') }),
    ...(shmSize === undefined ? {} : { 'shm-size': String(shmSize) }),
    ...(limits.length === 0 ? {} : { ulimit: limits.join(',') }),
    ...(cgroupParent === undefined ? {} : { 'cgroup-parent': cgroupParent }),
  };
}
