import { rmSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { command, image } from '../../src/define/index.ts';
import { openMemo } from '../../src/incremental/memo.ts';
import { computeKeys } from '../../src/key/compute-keys.ts';
import type { LockEntry } from '../../src/model/lock.ts';
import { openObserver } from '../../src/observe/observer.ts';
import { graphOf } from './graphs.ts';
import { tempFolder, waitUntilSettled, writeFiles } from './temp.ts';

const base = image({ name: 'base', context: 'base' });
const app = image({ name: 'app', context: 'app', needs: { BASE: base }, maxAge: '7d' });
const make = command({ name: 'make', run: ['./make.sh'], inputs: ['in/**/*.c', 'notes'], env: ['MODE'] });
const foreign = image({ name: 'foreign', context: 'app', dockerfile: 'base/foreign' });
const graph = graphOf({ base, app, make, foreign });

/** Creates a project with the four tasks above. */
export function makeObservedProject(): string {
  const root = tempFolder();
  writeFiles(root, {
    'base/Dockerfile': 'FROM debian:12\nCOPY . /\n',
    'base/a': 'one',
    'base/foreign': 'FROM scratch\nCOPY x /\n',
    'base/deep/er/b': 'two',
    'base/tmp/c': 'three',
    'base/link': { link: 'a' },
    'base/.dockerignore': 'tmp\nforeign*\n',
    'app/Dockerfile': 'ARG BASE\nFROM $BASE\nCOPY x /\n',
    'app/x': 'x',
    'make.sh*': '#!/bin/sh\n',
    'in/one.c': '1',
    'in/sub/two.c': '2',
    'notes/n': 'n',
  });
  // Whole seconds, so that a test can restore them.
  for (const name of ['base/a', 'app/Dockerfile']) utimesSync(path.join(root, name), 1e9, 1e9);
  waitUntilSettled(path.join(root, 'app/Dockerfile'));
  return root;
}

export interface ObserveSettings {
  readonly now?: number;
  readonly environment?: Record<string, string>;
  readonly lock?: readonly LockEntry[];
  readonly programId?: string;
  readonly ids?: readonly string[];
}

/** Observes the tasks as one run does. Returns their keys, which of them were read, and the notes on `app`. */
export async function observeProject(root: string, settings: ObserveSettings = {}) {
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const observer = openObserver({
    root,
    depsLogFile: path.join(root, '.cache/traces'),
    memo: openMemo(path.join(root, '.cache/memo'), warn),
    environment: settings.environment ?? { MODE: 'fast' },
    now: new Date(settings.now ?? 0),
    programId: settings.programId ?? 'test',
    lock: new Map((settings.lock ?? []).map((entry) => [`${entry.image} ${entry.platform}`, entry])),
    warn,
  });
  const { keyed, observations } = await computeKeys(
    graph,
    new Set(settings.ids ?? graph.tasks.keys()),
    observer,
  );
  return {
    keys: Object.fromEntries([...keyed].map(([id, { key }]) => [id.replace(':latest', ''), key])),
    read: [...observations]
      .filter(([, { kind }]) => kind !== 'before')
      .map(([id]) => id.replace(':latest', '')),
    notes: observations.get('app:latest'),
    warnings,
  };
}

/** Removes the cache and returns the keys of all tasks. */
export async function keysFromScratch(root: string, settings: ObserveSettings = {}) {
  rmSync(path.join(root, '.cache'), { recursive: true, force: true });
  return (await observeProject(root, settings)).keys;
}
