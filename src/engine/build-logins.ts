import type { RegistryLogin } from '../buildkit/services.ts';

/** Returns the login for the registry at a host; undefined if there is none. Docker Hub is `registry-1.docker.io`. */
export type FindLogin = (host: string) => Promise<RegistryLogin | undefined>;

/** The logins of a session, for the registries that its builds name. */
export interface BuildLogins {
  /** Adds the registries of a build; undefined stands for all. See `BuildRequest.registries`. */
  allow(hosts: readonly string[] | undefined): void;
  readonly find: FindLogin;
}

/** The host that BuildKit asks for when it means Docker Hub, and its name in references to images. */
const hub = { api: 'registry-1.docker.io', name: 'docker.io' } as const;

/** An engine could ask for the login of any host: it gets those only that builds have named. */
export function makeBuildLogins(find: FindLogin): BuildLogins {
  const allowed = new Set<string>();
  let allowsAll = false;
  return {
    allow(hosts) {
      allowsAll ||= hosts === undefined;
      for (const host of hosts ?? []) allowed.add(host);
    },
    find: async (host) => {
      const named = host === hub.api ? hub.name : host.toLowerCase();
      return allowsAll || allowed.has(named) ? await find(host) : undefined;
    },
  };
}
