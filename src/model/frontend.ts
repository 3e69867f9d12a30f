/** A version of docker's Dockerfile frontend: 1.`minor`. */
export interface FrontendVersion {
  readonly minor: number;
  /** True for a version with experimental features, such as `1.19-labs`. */
  readonly isLabs: boolean;
}

/**
 * The versions of docker that got a newer built-in frontend, with the minor version of that: moby/moby `vendor.mod` names
 * BuildKit's version, and BuildKit 0.N (from 0.10 on) contains the frontend 1.(N-6), whose code is the same as in the tag
 * `dockerfile/1.x` of moby/buildkit. Built-in frontends have no experimental features.
 */
const builtIn: readonly (readonly [docker: string, minor: number])[] = [
  ['20.10', 2],
  ['23.0', 4],
  ['24.0', 5],
  ['25.0', 6],
  ['26.0', 7],
  ['27.0', 8],
  ['27.1', 9],
  ['27.3', 10],
  ['27.4', 11],
  ['27.5', 12],
  ['28.0', 14],
  ['28.1', 15],
  ['28.2', 16],
  ['28.3', 17],
  ['28.4', 18],
  ['28.5', 19],
  ['29.1', 20],
  ['29.2', 21],
  ['29.3', 22],
  ['29.4', 23],
  ['29.5', 24],
  ['29.6', 25],
  ['29.7', 26],
];
const newestDocker = builtIn.at(-1)![0];

/** The newest minor version whose features are known. */
export const newestMinor: number = builtIn.at(-1)![1];

/** The last docker version of each version of the Engine API that is not known from docker's version. */
const dockerOfApi: Readonly<Record<string, string>> = {
  '1.41': '20.10',
  '1.42': '23.0',
  '1.43': '24.0',
  '1.44': '25.0',
  '1.45': '26.1',
  '1.46': '27.1',
  '1.47': '27.5',
  '1.48': '28.0',
  '1.49': '28.1',
  '1.50': '28.2',
  '1.51': '28.5',
  '1.52': '29.1',
  '1.53': '29.2',
};

/**
 * Returns the frontend that is built into a docker engine. If the engine's version is not one of docker, it is the newest that
 * its API version allows; undefined if that does not tell, or if the engine is newer than all that are known.
 */
export function builtInFrontend(version: string, apiVersion: string): FrontendVersion | undefined {
  const [own] = /^\d+\.\d+(?=\.\d)/.exec(version) ?? [];
  const docker = own !== undefined && isDocker(own) ? own : dockerOfApi[apiVersion];
  if (docker === undefined || compare(docker, newestDocker) > 0) return undefined;
  const row = builtIn.findLast(([first]) => compare(first, docker) <= 0);
  return row && { minor: row[1], isLabs: false };
}

/** Returns the first docker version whose built-in frontend is at least 1.`minor`: `23`, `28.5`; undefined if there is none. */
export function firstDockerWith(minor: number): string | undefined {
  return builtIn.find(([, each]) => each >= minor)?.[0].replace(/\.0$/, '');
}

/** There was no docker 21 or 22. */
function isDocker(version: string): boolean {
  const [major = 0] = version.split('.').map(Number);
  return version === '20.10' || major >= 23;
}

function compare(a: string, b: string): number {
  const [[majorA = 0, minorA = 0], [majorB = 0, minorB = 0]] = [a, b].map((each) =>
    each.split('.').map(Number),
  ) as [number[], number[]];
  return majorA - majorB || minorA - minorB;
}
