import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { normalizePlatform } from '../model/platform.ts';

/** Where Linux lists the formats of programs that an interpreter runs (Documentation/admin-guide/binfmt-misc.rst). */
export const formatsFolder = '/proc/sys/fs/binfmt_misc';

/** A format that the kernel recognizes by the first bytes of a program. */
export interface ProgramFormat {
  readonly offset: number;
  readonly magic: Buffer;
  /** The bits of `magic` that count. Undefined: all. */
  readonly mask: Buffer | undefined;
}

/** How programs of an architecture begin: the class and byte order of the ELF header, and `e_machine`. */
const elfHeaders: Readonly<
  Record<string, readonly [bits: 32 | 64, order: 'little' | 'big', machine: number]>
> = {
  '386': [32, 'little', 3],
  amd64: [64, 'little', 62],
  arm: [32, 'little', 40],
  arm64: [64, 'little', 183],
  loong64: [64, 'little', 258],
  mips: [32, 'big', 8],
  mipsle: [32, 'little', 8],
  mips64: [64, 'big', 8],
  mips64le: [64, 'little', 8],
  ppc64: [64, 'big', 21],
  ppc64le: [64, 'little', 21],
  riscv64: [64, 'little', 243],
  s390x: [64, 'big', 22],
};

/**
 * Returns the formats that work in containers: enabled, and with the flag `F`, by which the kernel keeps the interpreter open; the
 * others are looked up in the container's own files. Undefined if this process does not see them: not Linux, or not mounted.
 */
export function readFormats(folder = formatsFolder): readonly ProgramFormat[] | undefined {
  let status: string;
  try {
    status = readFileSync(path.join(folder, 'status'), 'utf8');
  } catch {
    return undefined;
  }
  if (status.trim() !== 'enabled') return [];
  const names = readdirSync(folder).filter((name) => name !== 'status' && name !== 'register');
  return names.flatMap((name) => parseFormat(readIfThere(path.join(folder, name))) ?? []);
}

/** Another process may remove a format at any time. */
function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function parseFormat(text: string): ProgramFormat | undefined {
  const lines = text.split('\n');
  const value = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  const magic = value('magic');
  if (lines[0] !== 'enabled' || magic === undefined) return undefined;
  if (!/^flags: .*F/m.test(text)) return undefined;
  const mask = value('mask');
  return {
    offset: Number(value('offset') ?? 0),
    magic: Buffer.from(magic, 'hex'),
    mask: mask === undefined ? undefined : Buffer.from(mask, 'hex'),
  };
}

/** Tells whether an interpreter runs the programs of a platform, as the kernel would decide it. */
export function isEmulated(platform: string, formats: readonly ProgramFormat[]): boolean {
  const [os, architecture = ''] = normalizePlatform(platform).split('/');
  const elf = elfHeaders[architecture];
  if (os !== 'linux' || elf === undefined) return false;
  const header = programHeader(elf);
  return formats.some(({ offset, magic, mask }) =>
    magic.every((byte, index) => (((header[offset + index] ?? 0) ^ byte) & (mask?.[index] ?? 0xff)) === 0),
  );
}

/** Returns the first bytes of an executable program, as elf(5) describes them. */
function programHeader([bits, order, machine]: (typeof elfHeaders)[string]): Buffer {
  const header = Buffer.alloc(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, order === 'little' ? 1 : 2, 1]);
  const write = order === 'little' ? 'writeUInt16LE' : 'writeUInt16BE';
  header[write](2, 16);
  header[write](machine, 18);
  return header;
}

/** The platforms whose programs can be emulated at all. */
export const emulatedPlatforms: readonly string[] = Object.keys(elfHeaders).map((name) =>
  normalizePlatform(`linux/${name}`),
);
