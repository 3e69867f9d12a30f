import { connect, entriesFor, type OpenTransport } from '../buildkit/connect.ts';
import { EngineLost } from '../buildkit/engine-lost.ts';
import { type BuildkitProblem, explainUnreachable } from './buildkit-problem.ts';
import { listPlatforms } from './list-platforms.ts';

/** The BuildKit of an engine: the platforms that it builds for, or why it does not work. */
export type BuildkitFacts = { readonly platforms: readonly string[] } | BuildkitProblem;

/** How long BuildKit may take to answer, in milliseconds. */
const answerTimeout = 20_000;

/**
 * Connects to a BuildKit and asks for its workers. A failure is a fact, too. `apiVersion`: that of the engine it belongs to, if it
 * belongs to one. @throws the signal's reason
 */
export async function checkBuildkit(
  dial: OpenTransport,
  apiVersion: string | undefined,
  signal: AbortSignal,
): Promise<BuildkitFacts> {
  try {
    const connection = await connect(dial, entriesFor(apiVersion), signal);
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(answerTimeout)]);
      const platforms = await listPlatforms(connection, limit);
      if (platforms.length > 0) return { platforms };
      return { message: 'it has no worker', hint: "read the engine's log" };
    } finally {
      connection.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EngineLost) return explainUnreachable(error);
    return { message: (error as Error).message, hint: "read the engine's log" };
  }
}
