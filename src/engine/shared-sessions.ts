import { type BuildSession, openBuildSession } from '../buildkit/build-session.ts';
import type { Connection } from '../buildkit/connect.ts';
import type { SentFolder } from '../buildkit/context-entries.ts';
import { fileServices } from '../buildkit/file-services.ts';
import { type Lease, makeSharedLeases } from '../buildkit/shared-leases.ts';
import { untilAborted } from '../buildkit/until-aborted.ts';
import { type BuildLogins, type FindLogin, makeBuildLogins } from './build-logins.ts';

/** Sessions for builds that send the same context at the same time. */
export interface SharedSessions {
  /**
   * Returns a session that sends a context and other folders, whose names contain their digests, and that has logins for the
   * registries of its builds. An abort ends only the wait for it.
   * @throws as `connectToEngine` does; the signal's reason
   */
  acquire(
    context: SentFolder,
    others: ReadonlyMap<string, SentFolder>,
    registries: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<Lease<BuildSession>>;
}

interface OpenSession {
  readonly session: BuildSession;
  readonly folders: Map<string, SentFolder>;
  readonly logins: BuildLogins;
}

/** `connectToEngine` opens a connection for a session of its own. `lifetime` ends all transfers. */
export function makeSharedSessions(
  connectToEngine: () => Promise<Connection>,
  login: FindLogin,
  lifetime: AbortSignal,
): SharedSessions {
  const leases = makeSharedLeases<OpenSession>(({ session }) => {
    session.close();
    session.connection.close();
  });
  const open = async (context: SentFolder, drop: () => void): Promise<OpenSession> => {
    const connection = await connectToEngine();
    const folders = new Map([['context', context]]);
    const logins = makeBuildLogins(login);
    const services = { ...fileServices({ folders }, lifetime), login: logins.find };
    const session = await openBuildSession(connection, context.digest, services, lifetime);
    // Builds that come later need another one.
    void session.ended.then(drop);
    return { session, folders, logins };
  };
  return {
    async acquire(context, others, registries, signal) {
      const acquiring = leases.acquire(context.digest, (drop) => open(context, drop));
      try {
        const { value, release } = await untilAborted(acquiring, signal);
        value.logins.allow(registries);
        for (const [name, folder] of others) value.folders.set(name, folder);
        return { value: value.session, release };
      } catch (error) {
        acquiring.then(
          ({ release }) => release(),
          () => undefined,
        );
        throw error;
      }
    },
  };
}
