import type { Environment } from '../model/environment.ts';

/** Variables that a docker client, its credential helpers and ssh need: paths, the user, proxies, certificates. */
const passedNames: ReadonlySet<string> = new Set([
  ...[
    'PATH',
    'HOME',
    'USER',
    'LOGNAME',
    'SHELL',
    'TERM',
    'LANG',
    'TZ',
    'TMPDIR',
    'DISPLAY',
    'WAYLAND_DISPLAY',
  ],
  ...['DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_CONFIG', 'DOCKER_API_VERSION', 'DOCKER_AUTH_CONFIG'],
  ...['DOCKER_TLS', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH'],
  ...[
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'NO_PROXY',
    'ALL_PROXY',
    'http_proxy',
    'https_proxy',
    'no_proxy',
    'all_proxy',
  ],
  ...[
    'SSL_CERT_FILE',
    'SSL_CERT_DIR',
    'GNUPGHOME',
    'GPG_TTY',
    'PASSWORD_STORE_DIR',
    'DBUS_SESSION_BUS_ADDRESS',
  ],
]);
/** `SSH_AUTH_SOCK`, `LC_ALL`, `XDG_RUNTIME_DIR`, and the settings of the cloud providers' credential helpers. */
const passedPrefixes = /^(SSH|LC|XDG|AWS|AZURE|GOOGLE|CLOUDSDK)_/;

/**
 * Returns the variables that programs which talk to the engine get. Others are left out: the client turns some of them into
 * labels (`BUILDX_GIT_LABELS`), build args (`SOURCE_DATE_EPOCH`), source policies or another builder, which keys do not cover.
 */
export function clientEnvironment(environment: Environment): Record<string, string> {
  const pairs = Object.entries(environment).filter(
    (pair): pair is [string, string] =>
      pair[1] !== undefined && (passedNames.has(pair[0]) || passedPrefixes.test(pair[0])),
  );
  return Object.fromEntries(pairs);
}
