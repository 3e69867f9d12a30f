import type { EngineLost } from '../buildkit/engine-lost.ts';
import { UpgradeRefused } from '../buildkit/upgrade.ts';

/** Why BuildKit cannot be reached, and what to do. */
export interface BuildkitProblem {
  readonly message: string;
  readonly hint: string;
}

/** Returns what it means that no connection to the BuildKit of an engine could be made, although the engine's API may work. */
export function explainUnreachable(
  { message, cause }: EngineLost,
  check = '`tasks doctor` to check the engine',
): BuildkitProblem {
  if (!(cause instanceof UpgradeRefused) || cause.status === undefined)
    return { message, hint: `run ${check} and its BuildKit` };
  if (cause.status === 404) {
    return {
      message: `the engine is older than docker 18.09, or a proxy in front of it refuses BuildKit's connection (${cause.message})`,
      hint: `update the engine. ${proxyHint}`,
    };
  }
  // The engine itself answers so if the header was removed (moby api/server/router/grpc/grpc_routes.go).
  const isHeaderMissing = /no upgrade proto/.test(cause.body);
  if (cause.server?.startsWith('Docker/') && !isHeaderMissing) {
    return {
      message: `the engine refuses BuildKit's connection (${cause.message}): ${cause.body.trim()}`,
      hint: 'check its authorization plug-ins',
    };
  }
  const proxy = cause.server === undefined || isHeaderMissing ? 'a proxy' : `a proxy (${cause.server})`;
  const what = isHeaderMissing ? 'does not pass on the Upgrade header of' : 'refuses';
  return {
    message: `${proxy} in front of the engine ${what} BuildKit's connection (${cause.message})`,
    hint: proxyHint,
  };
}

const proxyHint =
  'A proxy such as nginx, haproxy or docker-socket-proxy must pass POST /grpc with its Upgrade header, or set DOCKER_HOST to the engine itself';
