import { spawnSync } from 'node:child_process';

/** A docker client that builds with BuildKit, to compare with. */
export interface DockerClient {
  readonly path: string;
  /** Since docker 23, BuildKit is used through a plug-in. */
  readonly hasBuildx: boolean;
  /** The environment for its builds. */
  readonly env: Readonly<Record<string, string>>;
}

/** Returns the first client on PATH that can build with BuildKit; undefined if there is none. */
export function findDockerClient(): DockerClient | undefined {
  // Attestations would make an index of each image.
  const env = { DOCKER_BUILDKIT: '1', BUILDX_BUILDER: 'default', BUILDX_NO_DEFAULT_ATTESTATIONS: '1' };
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/bin'];
  for (const path of folders.map((folder) => `${folder}/docker`)) {
    const version = spawnSync(path, ['version', '--format', '{{.Client.Version}}'], { encoding: 'utf8' });
    const major = Number.parseInt(version.stdout ?? '', 10);
    if (Number.isNaN(major)) continue;
    if (major < 23) return { path, hasBuildx: false, env };
    if (spawnSync(path, ['buildx', 'version']).status === 0) return { path, hasBuildx: true, env };
  }
  return undefined;
}
