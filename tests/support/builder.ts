// A builder on a fake engine: the Engine API is in memory, BuildKit on a unix socket.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { type Entry, openSocket, type Transport } from '../../src/buildkit/connect.ts';
import { startCall } from '../../src/buildkit/grpc/call.ts';
import { Services } from '../../src/buildkit/methods.ts';
import { OpSchema } from '../../src/buildkit/proto/definition_pb.js';
import { type Packet, Packet_PacketType as PacketType } from '../../src/buildkit/proto/transfer_pb.js';
import type { RegistryLogin } from '../../src/buildkit/services.ts';
import { sha256 } from '../../src/disk/sha256.ts';
import type { EngineApi } from '../../src/engine/api.ts';
import { makeBuilder } from '../../src/engine/build.ts';
import { engineTarget } from '../../src/engine/built-image.ts';
import { timeouts } from '../../src/engine/timeouts.ts';
import type { StepProgress } from '../../src/model/events.ts';
import type { BuildRequest, BuiltImage, ContextEntry } from '../../src/model/ports.ts';
import { requestFor } from './build-request.ts';
import { type FakeBuild, type FakeBuildKit, type FakeSession, fakeBuildKit } from './fake-buildkit.ts';
import { receiveAsEngine, type Snapshot } from './fake-filesync.ts';
import { tempFolder, writeFiles } from './temp.ts';

/** The digest that the fake engine answers for each image. */
export const imageDigest = `sha256:${'1'.repeat(64)}`;
/** What it shows of an image. */
export const builtImage = {
  Id: imageDigest,
  Os: 'linux',
  Architecture: 'amd64',
  Size: 10,
  Config: { Labels: {} },
};

export interface BuilderTest {
  readonly engine: FakeBuildKit;
  /** What the Engine API was asked for: `GET /_ping`. */
  readonly requests: string[];
  /** What the engine shows of an image. */
  show: () => object;
  /** Called for each `/_ping`. */
  ping: () => void;
  start(request: BuildRequest, signal?: AbortSignal): StartedBuild;
  /** Starts a build, and waits until the engine has it. */
  begin(request: BuildRequest, signal?: AbortSignal): Promise<StartedBuild & { readonly build: FakeBuild }>;
  grants(entitlement: string): Promise<boolean>;
  /** Resolves when the engine has no connection any more. */
  idle(): Promise<void>;
}

export interface StartedBuild {
  readonly result: Promise<BuiltImage | undefined>;
  readonly lines: string[];
  readonly steps: StepProgress[];
}

export interface BuilderTestOptions {
  readonly environment?: Record<string, string>;
  readonly proxies?: Record<string, string>;
  readonly login?: (host: string) => Promise<RegistryLogin | undefined>;
  /** How the engine is reached. */
  readonly accepts?: readonly Entry[];
  /** Another socket than that of the fake engine. */
  readonly socket?: string;
  /** Opens connections that builds share. `socket` is that of the fake engine. */
  readonly openShared?: (socket: string) => Transport;
}

const never = new AbortController().signal;
const open = new Set<FakeBuildKit>();

/** Starts a fake engine, and returns a builder for it. */
export async function builderTest(options: BuilderTestOptions = {}): Promise<BuilderTest> {
  const engine = await fakeBuildKit(options.accepts);
  open.add(engine);
  const requests: string[] = [];
  const send: EngineApi['request'] = async ({ method = 'GET', path: resource }) => {
    requests.push(`${method} ${resource}`);
    if (resource === '/_ping') test.ping();
    return { status: 200, body: Buffer.from(JSON.stringify(test.show())) };
  };
  const builder = makeBuilder({
    target: engineTarget({
      request: send,
      get: (resource) => send({ path: resource }),
      post: (resource) => send({ method: 'POST', path: resource }),
      timeouts,
      address: 'unix:///test/docker.sock (DOCKER_HOST)',
    }),
    open: () =>
      options.openShared?.(engine.path) ?? openSocket({ kind: 'unix', path: options.socket ?? engine.path }),
    link: options.openShared === undefined ? 'socket' : 'program',
    apiVersion: async () => '1.45',
    proxies: options.proxies ?? {},
    login: options.login ?? (async () => undefined),
    environment: options.environment ?? {},
    signal: never,
  });
  let begun: Promise<unknown> = Promise.resolve();
  const test: BuilderTest = {
    engine,
    requests,
    show: () => builtImage,
    ping: () => undefined,
    start(request, signal = never) {
      const [lines, steps]: [string[], StepProgress[]] = [[], []];
      const progress = {
        line: (line: string) => void lines.push(line),
        step: (step: StepProgress) => void steps.push(step),
      };
      const result = builder.build(request, progress, signal);
      result.catch(() => undefined);
      return { result, lines, steps };
    },
    async begin(request, signal) {
      // One after another: the engine's next build is that of this request.
      const beginning = begun.then(async () => ({
        ...test.start(request, signal),
        build: await engine.build(),
      }));
      begun = beginning;
      return await beginning;
    },
    grants: builder.grants,
    async idle() {
      while (engine.connections.size > 0) await new Promise(setImmediate);
    },
  };
  return test;
}

/** Ends all fake engines. To be called after each test: one that failed would never end. */
export function closeBuilders(): void {
  for (const engine of open) engine.close();
  open.clear();
}

/** Ends a build as an engine does that built an image. */
export async function succeed(
  build: FakeBuild,
  response: Readonly<Record<string, string>> = {},
): Promise<void> {
  build.endStatus();
  await build.answer({ 'containerimage.digest': imageDigest, ...response });
}

/** Returns the error that a promise rejects with. */
export async function errorOf(result: Promise<unknown>): Promise<Error> {
  return await result.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: Error) => error,
  );
}

/** Returns a request for a build of files, which are in a new folder. */
export function buildRequest(
  files: Readonly<Record<string, string>> = { a: 'a' },
  more: Partial<BuildRequest> & { readonly text?: string } = {},
): BuildRequest {
  const root = tempFolder();
  writeFiles(root, files);
  const { text = 'FROM scratch\nCOPY . /\n', ...rest } = more;
  const context = Object.keys(files).map((name) => contextFile(path.join(root, name), name));
  return requestFor(context, text, { task: 'app:1', platform: 'linux/amd64', ...rest });
}

function contextFile(source: string, name: string): ContextEntry {
  const bytes = readFileSync(source);
  const entry = { path: name, type: 'file', executable: false, size: bytes.length, digest: sha256(bytes) };
  return { entry: entry as Extract<ContextEntry['entry'], { type: 'file' }>, source };
}

/** Reads a folder through a session, as an engine does. Throws `error from sender: …` if the client fails the transfer. */
export async function readFolder(session: FakeSession, name: string, kept?: Snapshot): Promise<Snapshot> {
  const call = startCall(session.http2, Services.readFiles, { 'dir-name': name });
  try {
    return await receiveAsEngine(call, kept);
  } finally {
    call.end();
  }
}

/** Returns the text of the Dockerfile that a build was asked for with: it is in the request, or in a folder of the session. */
export async function sentDockerfile({ request, session }: FakeBuild): Promise<string> {
  const { filename = '', dockerfilekey } = request.FrontendAttrs;
  if (dockerfilekey !== undefined) return textsOf(await readFolder(session, dockerfilekey))[filename]!;
  const { file } = fromBinary(OpSchema, request.FrontendInputs.dockerfile!.def[0]!);
  const { path: name, data } = file!.actions[0]!.mkfile!;
  if (name !== `/${filename}`) throw new Error(`the Dockerfile is ${name}`);
  return Buffer.from(data).toString();
}

/**
 * Starts to read a folder, and stops when the first bytes of a file are there, or else the first Stat. `cancel` gives the transfer
 * up.
 */
export async function readPartly(
  session: FakeSession,
  name: string,
  untilBytes = true,
): Promise<{ cancel(): void }> {
  const call = startCall(session.http2, Services.readFiles, { 'dir-name': name });
  call.status.catch(() => undefined);
  const last = untilBytes ? PacketType.PACKET_DATA : PacketType.PACKET_STAT;
  let hasBegun = false;
  await new Promise<void>((resolve, reject) => {
    const onPacket = ({ type }: Packet): void => {
      hasBegun ||= type === last;
    };
    const beforeRead = async (): Promise<void> => {
      if (!hasBegun) return;
      resolve();
      await new Promise(() => undefined);
    };
    receiveAsEngine(call, new Map(), { onPacket, beforeRead }).catch(reject);
  });
  return { cancel: call.cancel };
}

/** The contents of the files that an engine received. */
export function textsOf(snapshot: Snapshot): Record<string, string> {
  return Object.fromEntries([...snapshot].map(([name, { content }]) => [name, content.toString()]));
}
