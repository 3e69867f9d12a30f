import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { formatsFolder, isEmulated, readFormats } from '../../src/engine/emulators.ts';

/** An entry of our own: other processes on this machine see it, too, while the tests run. */
const entry = path.join(formatsFolder, `tasks-test-${process.pid}`);
/** Debian 12 and 13. By the first name, qemu knows that it gets the program's own name, too (the flag P). */
const interpreters = [
  '/usr/libexec/qemu-binfmt/aarch64-binfmt-P',
  '/usr/bin/qemu-aarch64-static',
  '/usr/bin/qemu-aarch64',
];
const magic = '\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00';
const mask = `${'\\xff'.repeat(7)}\\x00${'\\xff'.repeat(8)}\\xfe${'\\xff'.repeat(3)}`;

/**
 * Makes this machine run programs for linux/arm64. Returns why it cannot; undefined if it does. Mounts the kernel's list of formats
 * only for a private engine (scripts/with-engine.mjs), which has a mount namespace of its own.
 */
export function startEmulator(): string | undefined {
  if (process.arch === 'arm64' || isEmulated('linux/arm64', readFormats() ?? [])) return undefined;
  const interpreter = interpreters.find((file) => existsSync(file));
  if (interpreter === undefined) return 'qemu-user-static is not installed';
  if (process.env.TASKS_TEST_ENGINE_PATH === undefined) return 'run it with scripts/with-engine.mjs';
  const register = path.join(formatsFolder, 'register');
  try {
    if (!existsSync(register))
      execFileSync('mount', ['-t', 'binfmt_misc', 'binfmt_misc', formatsFolder], { stdio: 'pipe' });
    const flags = interpreter.endsWith('-P') ? 'PF' : 'F';
    writeFileSync(register, `:${path.basename(entry)}:M::${magic}:${mask}:${interpreter}:${flags}`);
    return undefined;
  } catch (error) {
    return `the kernel's binfmt_misc is not available: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** Removes the emulator that `startEmulator` has registered, if any. */
export function stopEmulator(): void {
  if (existsSync(entry)) writeFileSync(entry, '-1');
}

/**
 * Returns a program for linux/arm64 that needs nothing else: it writes `arm64` to the file `/made`, and succeeds. Made here, because
 * no compiler for that architecture is installed everywhere.
 */
export function arm64Program(): Buffer {
  const [file, text] = ['/made\0', 'arm64\n'];
  const setNumber = (register: number, value: number): number => 0xd2800000 | (value << 5) | register;
  const supervisorCall = 0xd4000001;
  /** Sets a register to the address of something after the code, which has 13 instructions. */
  const setAddress = (register: number, at: number, of: number): number => {
    const distance = (codeLength - at) * 4 + of;
    return 0x10000000 | ((distance & 3) << 29) | ((distance >> 2) << 5) | register;
  };
  const codeLength = 13;
  const code = [
    0x92800c60, // x0 = AT_FDCWD
    setAddress(1, 1, 0),
    setNumber(2, 0o101), // O_WRONLY | O_CREAT
    setNumber(3, 0o644),
    setNumber(8, 56), // openat
    supervisorCall,
    setAddress(1, 6, file.length),
    setNumber(2, text.length),
    setNumber(8, 64), // write
    supervisorCall,
    setNumber(0, 0),
    setNumber(8, 93), // exit
    supervisorCall,
  ];
  const [headerLength, base] = [64 + 56, 0x400000];
  const size = headerLength + codeLength * 4 + file.length + text.length;
  const program = Buffer.alloc(size);
  program.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  // elf(5): type, machine, version, entry, program headers, sizes.
  program.writeUInt16LE(2, 16);
  program.writeUInt16LE(183, 18);
  program.writeUInt32LE(1, 20);
  program.writeBigUInt64LE(BigInt(base + headerLength), 24);
  program.writeBigUInt64LE(64n, 32);
  program.writeUInt16LE(64, 52);
  program.writeUInt16LE(56, 54);
  program.writeUInt16LE(1, 56);
  // One segment: load everything, readable and executable.
  program.writeUInt32LE(1, 64);
  program.writeUInt32LE(5, 68);
  program.writeBigUInt64LE(BigInt(base), 80);
  program.writeBigUInt64LE(BigInt(base), 88);
  program.writeBigUInt64LE(BigInt(size), 96);
  program.writeBigUInt64LE(BigInt(size), 104);
  program.writeBigUInt64LE(0x1000n, 112);
  for (const [index, word] of code.entries()) program.writeUInt32LE(word >>> 0, headerLength + index * 4);
  program.write(file + text, headerLength + codeLength * 4, 'latin1');
  return program;
}
