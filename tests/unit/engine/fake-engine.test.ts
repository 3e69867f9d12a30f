import { builderSuite } from '../../support/builder-suite.ts';
import { engineSuite } from '../../support/engine-suite.ts';
import { fakeEngine } from '../../support/fake-engine.ts';
import { fakeNode } from '../../support/fake-node.ts';
import { fakeRegistry } from '../../support/fake-registry.ts';

engineSuite('fake', async () => {
  const registry = fakeRegistry();
  const engine = fakeEngine(registry);
  engine.autoFinish = true;
  const credentials = { username: 'me', password: 'right' };
  const [host, other] = ['127.0.0.1:5000', '127.0.0.1:5001'];
  registry.denied.add(`${other}/team/app`);
  const denied = [{ host: other, credentials: undefined }];
  return {
    engine,
    files: {},
    remote: { registry, host, credentials, denied: denied },
    close: async () => undefined,
  };
});

builderSuite('fake node', async () => {
  const { builder, engine } = fakeNode('one', fakeRegistry());
  return {
    builder,
    files: {},
    pushTo: '127.0.0.1:5000/team/app',
    countImages: async () => engine.allImages.length,
    close: async () => undefined,
  };
});
