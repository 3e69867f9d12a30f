import { dockerEngine } from '../../src/engine/docker.ts';
import { busybox } from '../support/busybox.ts';
import { removeImages, testEngine } from '../support/docker.ts';
import { engineSuite, testLabel } from '../support/engine-suite.ts';

engineSuite('docker', async () => {
  const api = await testEngine();
  const program = busybox();
  return {
    engine: dockerEngine(process.env),
    // busybox is whatever it is called by.
    files: { 'bin/sh': program, 'bin/sleep': program, 'bin/cat': program },
    close: async () => await removeImages(api, testLabel),
  };
});
