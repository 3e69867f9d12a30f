import { existsSync } from 'node:fs';
import { emulatedPlatforms } from '../engine/emulators.ts';
import { normalizePlatform } from '../model/platform.ts';

/** The platforms that a project runs programs for, another one than that of this machine among them. */
export interface PlatformFacts {
  readonly needed: readonly string[];
  /** Those of them that the engine runs no programs for. */
  readonly missing: readonly string[];
  /** Whether the engine has the emulators of this machine. */
  readonly isLocal: boolean;
  /** The emulators of missing platforms that Debian's packages have: `qemu-aarch64`. */
  readonly emulators: readonly string[];
  /** Whether these packages are installed. */
  readonly isInstalled: boolean;
}

/** Compares the platforms that are needed with those that the engine runs programs for. */
export function comparePlatforms(
  needed: readonly string[],
  runnable: readonly string[],
  isLocal: boolean,
): PlatformFacts {
  const missing = needed.filter((platform) => !runnable.includes(normalizePlatform(platform)));
  const emulators = missing
    .filter((platform) => emulatedPlatforms.includes(normalizePlatform(platform)))
    .map(emulatorName);
  const isInstalled = emulators.every((name) => existsSync(emulatorSettings(name)));
  return { needed, missing, isLocal, emulators, isInstalled };
}

/** The file with the line that registers an emulator, for systemd-binfmt (binfmt.d(5)). Debian's packages have one for each. */
export function emulatorSettings(name: string): string {
  return `/usr/lib/binfmt.d/${name}.conf`;
}

/** The names of qemu's emulators, by the architectures of image platforms. Others have the same name in both. */
const emulatorNames: Readonly<Record<string, string>> = {
  '386': 'i386',
  amd64: 'x86_64',
  arm64: 'aarch64',
  loong64: 'loongarch64',
  mips64le: 'mips64el',
  mipsle: 'mipsel',
};

function emulatorName(platform: string): string {
  const [, architecture = ''] = normalizePlatform(platform).split('/');
  return `qemu-${emulatorNames[architecture] ?? architecture}`;
}
