import { fakeRegistry } from '../../support/fake-registry.ts';
import { registrySuite } from '../../support/registry-suite.ts';

for (const deletes of [true, false])
  registrySuite(`fake registry, deletes ${deletes ? 'on' : 'off'}`, async () => {
    const registry = fakeRegistry();
    registry.deletes = deletes;
    const host = '127.0.0.1:5000';
    const putBlob = (repository: string, bytes: Buffer): void =>
      registry.putBlob(`${host}/${repository}`, bytes);
    return { registry, host, deletes, putBlob, close: async () => undefined };
  });
