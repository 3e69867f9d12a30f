import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CauseFacts, failureCause, missingPathIn } from '../../../src/model/failure-cause.ts';

const test = suite('the cause of a failure');
const metadata = '[internal] load metadata for docker.io/library/debian:12';

/** What docker 20.10, 26.1 or 28.5 said when the failure was provoked, unless a comment says otherwise. */
const cases: readonly [cause: ReturnType<typeof failureCause>, facts: CauseFacts][] = [
  // Facts of our own.
  ['timeout', { timedOut: true, output: ['connection refused'] }],
  ['lost', { lost: true }],
  ['disk-full', { errno: 'ENOSPC' }],
  ['disk-full', { errno: 'EDQUOT' }],
  [undefined, { errno: 'EACCES' }],
  ['not-executable', { startErrno: 'ENOENT' }],
  ['not-executable', { startErrno: 'EACCES' }],
  [undefined, { startErrno: 'EMFILE' }],
  ['credentials', { registry: 'denied' }],
  ['network', { registry: 'unreachable' }],
  ['registry', { registry: 'missing' }],
  ['registry', { registry: 'broken' }],
  ['registry', { registry: 'immutable' }],

  // Memory. BuildKit 0.20 and later say ENOMEM where cgroups are of version 2 (its source; not provoked).
  ['out-of-memory', { outOfMemory: true, exitCode: 137 }],
  ['out-of-memory', { exitCode: 137, said: 'exit code: 137: cannot allocate memory' }],
  ['out-of-memory', { exitCode: 137, grpcCode: 8 }],
  [undefined, { exitCode: 137, grpcCode: 2, said: 'exit code: 137', output: ['Killed'] }],
  [undefined, { exitCode: 1, said: 'exit code: 1: cannot allocate memory' }],

  // The push of a builder node.
  [
    'network',
    {
      step: 'exporting to image',
      said: 'failed to push 127.0.0.1:5/team/a: failed to do request: Head "https://127.0.0.1:5/v2/team/a": dial tcp 127.0.0.1:5: connect: network is unreachable',
    },
  ],
  [
    'credentials',
    {
      step: 'exporting to image',
      said: 'failed to push h/team/a: push access denied, repository does not exist or may require authorization: insufficient_scope: authorization failed',
    },
  ],

  // A full disk of the engine.
  [
    'disk-full',
    {
      step: '[internal] load build context',
      said: 'write /var/lib/docker/overlay2/y8225ir5/diff/big: no space left on device',
    },
  ],
  [
    'disk-full',
    {
      step: '[internal] load build definition from Dockerfile',
      said: 'failed to read dockerfile: failed to create lease: write /data/meta.db: no space left on device: unknown',
    },
  ],
  [
    'disk-full',
    { step: '[2/2] RUN dd', exitCode: 1, output: ["dd: error writing '/big': No space left on device"] },
  ],

  // The Dockerfile.
  [
    'unknown-instruction',
    { said: 'failed to create LLB definition: dockerfile parse error line 3: unknown instruction: RUNN' },
  ],
  [
    'unknown-instruction',
    { said: 'dockerfile parse error on line 3: unknown instruction: RUNN (did you mean RUN?)' },
  ],
  ['syntax', { said: 'failed to create LLB definition: dockerfile parse error line 3: Unknown flag: foo' }],
  ['syntax', { said: 'dockerfile parse error on line 3: unknown flag: --foo' }],
  ['syntax', { said: 'dockerfile parse error on line 3: SHELL requires the arguments to be in JSON form' }],
  ['syntax', { said: 'Invalid containerPort: abc', inDockerfile: true }],
  [
    'syntax',
    { said: 'failed to process "${b!c}": unsupported modifier (!) in substitution', inDockerfile: true },
  ],
  [
    'syntax',
    { said: 'failed to parse stage name "UPPER/Case": invalid reference format', inDockerfile: true },
  ],
  [undefined, { said: 'failed to process "${x:?is required}": x: is required', inDockerfile: true }],
  [undefined, { said: 'target stage "nope" could not be found' }],

  // A file.
  [
    'missing-file',
    {
      step: '[2/2] COPY srv/app.js /app.js',
      said: 'failed to compute cache key: "/srv/app.js" not found: not found',
    },
  ],
  [
    'missing-file',
    {
      step: '[2/2] COPY srv/app.js /app.js',
      said: 'failed to compute cache key: failed to calculate checksum of ref 2y4n9::oxdq: "/srv/app.js": not found',
    },
  ],
  [
    'missing-file',
    {
      step: '[2/2] COPY srv/*.js /app/',
      said: 'lstat /var/lib/docker/tmp/buildkit-mount719057576/srv: no such file or directory',
    },
  ],
  ['missing-file', { step: '[2/2] COPY srv/*.js /app/', said: 'lstat /srv: no such file or directory' }],
  [
    'missing-file',
    {
      step: '[stage-0 2/2] RUN --mount=type=bind,source=connection refused,target=/m true',
      said: 'failed to compute cache key: failed to calculate checksum of ref 2::v: "/connection refused": not found',
    },
  ],
  [
    undefined,
    {
      step: '[stage-0 2/2] RUN --mount=type=secret,id=nope,required=true true',
      said: 'secret nope: not found',
    },
  ],
  [undefined, { step: '[2/3] WORKDIR /bin/sh', said: 'mkdir /bin/sh: not a directory' }],

  // A program.
  ['not-executable', { step: '[2/2] RUN nope', exitCode: 127, output: ['/bin/sh: nope: not found'] }],
  ['not-executable', { step: '[3/3] RUN /data.txt', exitCode: 126 }],
  [
    'not-executable',
    {
      step: '[2/2] RUN ["/nope"]',
      exitCode: 1,
      output: [
        'runc run failed: unable to start container process: exec: "/nope": stat /nope: no such file or directory',
      ],
    },
  ],
  [
    'not-executable',
    {
      step: '[3/3] RUN ["/data.txt"]',
      exitCode: 1,
      output: ['runc run failed: unable to start container process: exec: "/data.txt": permission denied'],
    },
  ],
  [
    'not-executable',
    { step: '[3/3] RUN ["/bad.sh"]', exitCode: 1, output: ['exec /bad.sh: no such file or directory'] },
  ],
  [undefined, { step: '[2/2] RUN cat x', exitCode: 1, output: ['cat: x: No such file or directory'] }],

  // A registry. The messages of Docker Hub are from its documentation.
  ['network', { step: metadata, said: 'Head "https://h/": dial tcp: lookup h on 10.0.0.1:53: no such host' }],
  [
    'network',
    {
      step: 'FROM 127.0.0.1:1/x:1',
      said: 'failed to load cache key: failed to do request: Head "http://127.0.0.1:1/v2/x/manifests/1": dial tcp 127.0.0.1:1: connect: connection refused',
    },
  ],
  [
    'network',
    { step: metadata, said: 'unexpected status from HEAD request to http://h/v2/x: 503 Service Unavailable' },
  ],
  ['network', { step: metadata, said: 'toomanyrequests: You have reached your pull rate limit' }],
  [
    'network',
    {
      step: metadata,
      said: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    },
  ],
  ['registry', { step: metadata, said: 'failed to create LLB definition: 127.0.0.1:401/x:1: not found' }],
  [
    'registry',
    {
      step: 'resolve image config for docker-image://h/x/docker/dockerfile:1',
      said: 'failed to resolve source metadata for h/x/docker/dockerfile:1: h/x/docker/dockerfile:1: not found',
    },
  ],
  [
    'credentials',
    { step: metadata, said: 'pulling from host h failed with status code [manifests 1]: 401 Unauthorized' },
  ],
  [
    'credentials',
    {
      step: metadata,
      said: 'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
    },
  ],
  [undefined, { step: '[1/2] FROM h/x:1', said: 'failed to extract layer: mount: permission denied' }],
  ['network', { ofImage: true, said: 'received unexpected HTTP status: 500 Internal Server Error' }],
  ['registry', { ofImage: true, said: 'manifest unknown: manifest unknown' }],
  ['credentials', { ofImage: true, said: 'denied: requested access to the resource is denied' }],

  // The network, of steps that may use it.
  [
    'network',
    {
      step: '[2/2] ADD http://h/x /x',
      said: 'failed to load cache key: Get "http://h/x": dial tcp 10.0.0.1:80: connect: connection refused',
    },
  ],
  ['network', { step: 'http://h/x', said: 'failed to load cache key: invalid response status 503' }],
  [undefined, { step: 'http://h/x', said: 'failed to load cache key: invalid response status 404' }],
  [
    'network',
    {
      step: '[2/2] ADD https://h/x.git /x',
      said: "error fetching default branch for repository https://h/x.git: git error: exit status 128\nstderr:\nfatal: unable to access 'https://h/x.git/': Could not resolve host: h\n",
    },
  ],
  [undefined, { step: '[internal] load build context', said: 'failed to receive status: unexpected EOF' }],
  [
    'network',
    {
      step: '[2/3] RUN apt-get update',
      exitCode: 100,
      output: ['Err:1 http://x: Temporary failure resolving'],
    },
  ],
  ['network', { step: '[2/2] RUN wget http://h/x', exitCode: 1, output: ["wget: bad address 'h'"] }],
  ['network', { output: ['curl: (6) Could not resolve host: example'] }],
  ['network', { output: ['Get "https://proxy.example": unexpected EOF'] }],
  [undefined, { step: '[2/3] COPY a b', exitCode: 1, output: ['Could not resolve host: h'] }],
  [undefined, { step: '[2/3] RUN make', exitCode: 2, output: ['make: *** [all] Error 2'] }],
  // Other programs and servers of the build itself.
  [
    undefined,
    {
      step: '[2/3] RUN sh x',
      exitCode: 2,
      output: ['bash: line 1: unexpected EOF while looking for matching `"\''],
    },
  ],
  [undefined, { step: '[2/3] RUN yes | x', exitCode: 1, output: ['yes: write error: Broken pipe'] }],
  [
    undefined,
    { step: '[2/3] RUN ./test', exitCode: 1, output: ['connect to localhost:5432: Connection refused'] },
  ],
  [
    undefined,
    {
      step: '[2/3] RUN ./test',
      exitCode: 1,
      output: ["can't connect to remote host (127.0.0.1): Connection refused"],
    },
  ],

  [undefined, {}],
];

test('is known from facts, then from words of the engine, then from what programs print', () => {
  for (const [cause, facts] of cases) assert.is(failureCause(facts), cause, JSON.stringify(facts));
});

test('a missing path is relative to the build context', () => {
  for (const said of [
    'failed to compute cache key: "/srv/a b.js" not found: not found',
    'failed to compute cache key: failed to calculate checksum of ref x::y: "/srv/a b.js": not found',
    'lstat /var/lib/docker/tmp/buildkit-mount719057576/srv/a b.js: no such file or directory',
    'lstat /srv/a b.js: no such file or directory',
  ])
    assert.is(missingPathIn(said, '[2/2] COPY x /'), 'srv/a b.js', said);
  assert.is(
    missingPathIn('lstat /var/lib/docker/x: no such file or directory', 'exporting to image'),
    undefined,
  );
  assert.is(missingPathIn('secret nope: not found'), undefined);
});

test.run();
