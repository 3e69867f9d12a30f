import { engineSuite } from '../../support/engine-suite.ts';
import { fakeEngine } from '../../support/fake-engine.ts';

engineSuite('the fake', async () => {
  const engine = fakeEngine();
  engine.auto = true;
  return { engine, files: {}, close: async () => undefined };
});
