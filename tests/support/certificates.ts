import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tempFolder } from './temp.ts';

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** Certificates of an engine and its clients. */
export interface Certificates {
  /** Returns the key and the certificate with a name, signed by the authority. */
  issue(name: string, options?: IssueOptions): { readonly key: Buffer; readonly cert: Buffer };
  /** The certificate of the authority. */
  readonly ca: Buffer;
  /** Returns a folder as docker expects it: `ca.pem`, and `cert.pem` and `key.pem` of a client if there is one. */
  folderFor(client?: string): string;
}

export interface IssueOptions {
  /** `IP:127.0.0.1` by default. */
  readonly altName?: string;
  /** How long it is valid; negative if it has expired. */
  readonly days?: number;
}

/** Creates an authority of its own with openssl. */
export function makeCertificates(): Certificates {
  const root = tempFolder();
  const run = (...args: string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: root });
    if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr}`);
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  run(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-subj',
    '/CN=authority',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  const read = (file: string): Buffer => readFileSync(path.join(root, file));
  return {
    ca: read('ca.pem'),
    issue(name, { altName = 'IP:127.0.0.1', days = 2 } = {}) {
      writeFileSync(path.join(root, 'ext'), `subjectAltName=${altName}\n`);
      run('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
      const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'ext'];
      run('x509', '-req', '-days', String(days), '-in', `${name}.csr`, '-out', `${name}.pem`, ...signer);
      return { key: read(`${name}.key`), cert: read(`${name}.pem`) };
    },
    folderFor(client) {
      const folder = path.join(root, `for-${client}`);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
      copyFileSync(path.join(root, 'ca.pem'), path.join(folder, 'ca.pem'));
      if (client !== undefined) {
        copyFileSync(path.join(root, `${client}.pem`), path.join(folder, 'cert.pem'));
        copyFileSync(path.join(root, `${client}.key`), path.join(folder, 'key.pem'));
      }
      return folder;
    },
  };
}
