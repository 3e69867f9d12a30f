import type { Environment } from './endpoint.ts';

/** What a docker client, its credential helpers and ssh need of a shell: where things are, who the user is, how to reach out. */
const passed: ReadonlySet<string> = new Set([
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
/** `SSH_AUTH_SOCK`; `LC_ALL`; `XDG_RUNTIME_DIR`; the settings of the clouds' credential helpers. */
const passedFamilies = /^(SSH|LC|XDG|AWS|AZURE|GOOGLE|CLOUDSDK)_/;

/**
 * The part of an environment that programs get which talk to the engine. Only what is listed: a client turns other variables
 * into labels (`BUILDX_GIT_LABELS`), build args (`SOURCE_DATE_EPOCH`), source policies or another builder, which no key knows of.
 */
export function clientEnvironment(environment: Environment): Record<string, string> {
  const pairs = Object.entries(environment).filter(
    (pair): pair is [string, string] =>
      pair[1] !== undefined && (passed.has(pair[0]) || passedFamilies.test(pair[0])),
  );
  return Object.fromEntries(pairs);
}
