import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { command, image } from '../../src/define/index.ts';
import { tempFolder, writeFiles } from './temp.ts';
import { makeTestProject } from './test-project.ts';

/** Returns a test project with the tasks rootfs → base → one, two; and lone, which needs nothing. */
export function makeSampleProject(root = tempFolder()) {
  writeFiles(root, {
    'b/Dockerfile': 'FROM scratch\n',
    'a/Dockerfile': 'ARG BASE\nFROM $BASE\n',
    'a/x': 'x',
    'l/Dockerfile': 'FROM scratch\n',
    'make-it*': '#!/bin/sh\n',
  });
  const rootfs = command({ name: 'rootfs', run: ['./make-it', 'now'], env: ['EPOCH'] });
  const base = image({ name: 'base', context: 'b', needs: { rootfs }, publish: false });
  const one = image({ name: 'one', context: 'a', args: { A: '1' }, needs: { BASE: base } });
  const two = image({ name: 'two', context: 'a', args: { A: '2' }, needs: { BASE: base } });
  const lone = image({ name: 'lone', context: 'l' });
  const project = makeTestProject({ rootfs, base, one, two, lone }, root);
  project.environment.EPOCH = '7';
  project.onCommand = async (request) =>
    writeFileSync(path.join(request.env.TASKS_OUT!, 'rootfs.tar'), 'bytes');
  return project;
}
