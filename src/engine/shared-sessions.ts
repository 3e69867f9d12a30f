import { type BuildSession, openBuildSession } from '../buildkit/build-session.ts';
import type { Connection } from '../buildkit/connect.ts';
import type { SentFolder } from '../buildkit/context-entries.ts';
import type { DockerfileFolder } from '../buildkit/dockerfile-folder.ts';
import { fileServices } from '../buildkit/file-services.ts';
import type { BuildServices } from '../buildkit/services.ts';
import { type Lease, makeSharedLeases } from '../buildkit/shared-leases.ts';

/** Sessions for builds that send the same context at the same time. */
export interface SharedSessions {
  /** Returns a session that sends a context and a Dockerfile. @throws as `connectToEngine` does */
  acquire(context: SentFolder, dockerfile: DockerfileFolder): Promise<Lease<BuildSession>>;
}

interface OpenSession {
  readonly session: BuildSession;
  readonly folders: Map<string, SentFolder>;
}

/** `connectToEngine` opens a connection for a session of its own. `signal` ends all transfers. */
export function makeSharedSessions(
  connectToEngine: () => Promise<Connection>,
  login: NonNullable<BuildServices['login']>,
  signal: AbortSignal,
): SharedSessions {
  const contexts = new Map<string, SentFolder>();
  const leases = makeSharedLeases<OpenSession>(
    async (key, drop) => {
      const connection = await connectToEngine();
      const folders = new Map([['context', contexts.get(key)!]]);
      const session = openBuildSession(connection, key, { ...fileServices({ folders }, signal), login });
      // Builds that come later need another one.
      void session.ended.then(drop);
      return { session, folders };
    },
    ({ session }) => {
      session.close();
      session.connection.close();
    },
  );
  return {
    async acquire(context, dockerfile) {
      contexts.set(context.digest, context);
      const lease = await leases.acquire(context.digest);
      const { session, folders } = lease.value;
      folders.set(dockerfile.key, dockerfile.folder);
      return { value: session, release: lease.release };
    },
  };
}
