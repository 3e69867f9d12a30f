import type { FailureCause } from './events.ts';
import type { RegistryProblem } from './registry.ts';

/** What is known of a failure. The more certain facts come first. */
export interface CauseFacts {
  /** True if the task took longer than its timeout. */
  readonly timedOut?: boolean;
  /** True if the connection to the engine could not be made, or ended. */
  readonly lost?: boolean;
  readonly registry?: RegistryProblem;
  /** The code of a system call of ours that failed: `ENOSPC`. */
  readonly errno?: string;
  /** The code of the system call that should have started a program. */
  readonly startErrno?: string;
  /** True if the engine says that the kernel ended the program because memory ran out. */
  readonly outOfMemory?: boolean;
  /** The status of the gRPC call. */
  readonly grpcCode?: number;
  readonly exitCode?: number;
  /** True if the engine says that the Dockerfile is at fault, not a step of it. */
  readonly inDockerfile?: boolean;
  /** What the engine or a registry says, without what it quotes of a RUN instruction. */
  readonly said?: string;
  /** The name of the failed step, as BuildKit writes it. */
  readonly step?: string;
  /** True if what is said is about an image in a registry. Known by itself for steps. */
  readonly ofImage?: boolean;
  /** The last lines that a program of the user wrote. */
  readonly output?: readonly string[];
}

/** Returns the cause of a failure, as far as it is known: that of the first row that applies. */
export function failureCause(facts: CauseFacts): FailureCause | undefined {
  return table.find(([, applies]) => applies(facts))?.[0];
}

/** Returns the path in the build context or in an image that an instruction did not find. It has no leading slash. */
export function missingPathIn(said: string, step = ''): string | undefined {
  const [, cached] = /"\/?([^"]*)"(?: not found)?: not found$/.exec(said) ?? [];
  if (cached !== undefined) return cached;
  // A pattern; older engines say where they have mounted the context.
  if (!/^(?:\[[^\]]*\] )?(?:COPY|ADD)\b/.test(step)) return undefined;
  return /\blstat (?:\/.*\/buildkit-mount\d+)?\/?(.+): no such file or directory$/.exec(said)?.[1];
}

type Row = readonly [cause: FailureCause, applies: (facts: CauseFacts) => boolean];

const says =
  (pattern: RegExp) =>
  ({ said }: CauseFacts): boolean =>
    said !== undefined && pattern.test(said);

const prints =
  (pattern: RegExp, except?: RegExp) =>
  ({ output = [] }: CauseFacts): boolean =>
    output.some((line) => pattern.test(line) && except?.test(line) !== true);

/** The steps that fetch images; in old engines `FROM` without numbers also stands for COPY --from. */
const imageStep = /^\[internal\] load metadata for |^resolve image config for |^(?:\[[^\]]*\] )?FROM /;
/** The steps that may use the network; the source of an ADD can be a step of its own, named by its URL. */
const networkStep = /^(?:\[[^\]]*\] )?(?:RUN|ADD)\b|^(?:https?|git|ssh):\/\//;

/** What BuildKit says if it cannot push the image, in a step that is no instruction: `exporting to image`. */
export const failedPush = /^failed to push /;

const isOfImage = ({ ofImage, step = '', said = '' }: CauseFacts): boolean =>
  ofImage === true || imageStep.test(step) || failedPush.test(said);
const mayUseNetwork = (facts: CauseFacts): boolean =>
  facts.step === undefined || isOfImage(facts) || networkStep.test(facts.step);

const noSpace = /no space left on device|disk quota exceeded/i;
const refusedLogin =
  /(?<!permission )denied|unauthorized|authorization failed|authentication required|no basic auth|insufficient_scope|incorrect username|\b403 forbidden|HTTP (?:status:? )?40[13]\b/i;
const unknownImage = /manifest unknown|manifest for .* not found|: not found|repository .* not found/i;

/** What engines, and the git that they run, say of the network. */
const brokenNetwork = new RegExp(
  [
    'dial (?:tcp|udp)|connection (?:re(?:fused|set)|timed out)|no such host|could not resolve host|server misbehaving',
    'i/o timeout|TLS handshake timeout|deadline exceeded|\\bEOF\\b|broken pipe|network is unreachable|no route to host',
    'toomanyrequests|too ?many ?requests|internal (?:server )?error|service unavailable|(?:gateway )?time-?out',
    'x509|tls: |HTTP response to HTTPS client',
    'HTTP (?:status:? )?(?:429|5\\d\\d)\\b|response status (?:429|5\\d\\d)\\b|\\b50[0234] [A-Z]',
  ].join('|'),
  'i',
);

/** What apt, curl, wget, git, pip, npm, go and others print if the network fails. */
const networkOutput = new RegExp(
  [
    "could not resolve|temporary failure (?:in name resolution|resolving)|no such host|server misbehaving|bad address '",
    'connection (?:reset|refused|timed out)|ECONNRESET|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENOTFOUND',
    'TLS handshake timeout|i/o timeout|awaiting headers|network is unreachable|no route to host|": unexpected EOF',
    'too many requests|toomanyrequests|502 bad gateway|503 service unavailable|504 gateway time-?out',
    'unable to connect to|failed to fetch http|operation timed out|transfer closed with',
  ].join('|'),
  'i',
);
/** A server of the build itself, such as the database of a test. */
const ownMachine = /\blocalhost\b|\b127\.\d+\.\d+\.\d+|\[?::1\]?/i;

/** What runc writes if it cannot start a program: to the output of a step, whose exit code is then 1. */
const notStarted =
  /^(?:exec \S+: |.*\bunable to start container process: (?:[\w ]+: )*exec: ".*": )(?:stat .*: )?(?:no such file or directory|permission denied|exec format error|executable file not found)/i;

const table: readonly Row[] = [
  ['timeout', ({ timedOut }) => timedOut === true],
  ['lost', ({ lost }) => lost === true],
  // Of our own.
  ['disk-full', ({ errno }) => errno === 'ENOSPC' || errno === 'EDQUOT'],
  [
    'not-executable',
    ({ startErrno = '' }) => /^(?:ENOENT|EACCES|EPERM|ENOEXEC|ENOTDIR|ELOOP)$/.test(startErrno),
  ],
  ['credentials', ({ registry }) => registry === 'denied'],
  ['network', ({ registry }) => registry === 'unreachable'],
  ['registry', ({ registry }) => registry !== undefined],
  // Facts of the engine. An exit code alone does not tell who killed the program.
  ['out-of-memory', ({ outOfMemory }) => outOfMemory === true],
  [
    'out-of-memory',
    (facts) => facts.exitCode === 137 && (facts.grpcCode === 8 || says(/cannot allocate memory$/)(facts)),
  ],
  // Words of the engine.
  ['disk-full', says(noSpace)],
  ['unknown-instruction', says(/\bunknown instruction: /i)],
  ['syntax', says(/^(?:failed to create LLB definition: )?dockerfile parse error/)],
  ['missing-file', ({ said = '', step }) => missingPathIn(said, step) !== undefined],
  ['credentials', (facts) => isOfImage(facts) && says(refusedLogin)(facts)],
  ['network', (facts) => mayUseNetwork(facts) && says(brokenNetwork)(facts)],
  ['registry', (facts) => isOfImage(facts) && says(unknownImage)(facts)],
  // The Dockerfile itself may require a value: `${VERSION:?is missing}`.
  ['syntax', (facts) => facts.inDockerfile === true && !says(/\$\{\w+:?\?.*\}": /)(facts)],
  // The user's program: its exit code as shells set it, then what it wrote.
  ['not-executable', ({ exitCode }) => exitCode === 126 || exitCode === 127],
  ['not-executable', prints(notStarted)],
  ['disk-full', prints(noSpace)],
  ['network', (facts) => mayUseNetwork(facts) && prints(networkOutput, ownMachine)(facts)],
];
