// Generates the messages of BuildKit's protocol, src/buildkit/proto/*_pb.js and *_pb.d.ts, from the .proto files beside them.
// `npm run messages` writes the files; with `--check` it only reports files that are out of date (exit code 1).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = path.join(root, 'src/buildkit/proto');
const bin = path.join(root, 'node_modules/.bin');
const { values: flags } = parseArgs({ options: { check: { type: 'boolean', default: false } } });

const generated = mkdtempSync(path.join(os.tmpdir(), 'tasks-messages-'));
try {
  const template = {
    version: 'v2',
    plugins: [
      {
        local: [process.execPath, path.join(bin, 'protoc-gen-es')],
        out: generated,
        opt: ['target=js+dts', 'import_extension=js'],
      },
    ],
  };
  const { status, error } = spawnSync(
    path.join(bin, 'buf'),
    ['generate', folder, '--template', JSON.stringify(template)],
    { stdio: 'inherit', env: { ...process.env, BUF_CACHE_DIR: generated } },
  );
  if (error) throw error;
  if (status !== 0) process.exit(1);
  for (const name of readdirSync(generated).filter((file) => file.includes('_pb.'))) {
    const text = readFileSync(path.join(generated, name), 'utf8');
    const file = path.join(folder, name);
    if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
    if (flags.check) {
      console.error(`${path.relative(root, file)} is out of date: run npm run messages`);
      process.exitCode = 1;
    } else writeFileSync(file, text);
  }
} finally {
  rmSync(generated, { recursive: true, force: true });
}
