import type { Connection } from './connect.ts';
import { connectionClosed, EngineLost } from './engine-lost.ts';
import { unary } from './grpc/call.ts';
import { GrpcError, NoStatus } from './grpc/status.ts';
import { Control } from './methods.ts';
import { newId } from './new-id.ts';

/** Milliseconds that an engine may take for the answer. */
const timeout = 20_000;

/**
 * Returns whether an engine may grant builds an entitlement. No call tells, so it is asked to solve nothing with it: entitlements are
 * checked first (moby/buildkit solver/llbsolver/solver.go). Closes the connection.
 * @throws EngineLost; GrpcError; the signal's reason
 */
export async function isEntitled(
  connection: Connection,
  entitlement: string,
  signal: AbortSignal,
): Promise<boolean> {
  const limit = AbortSignal.timeout(timeout);
  try {
    const request = { Ref: newId(), Definition: {}, Cache: {}, Entitlements: [entitlement], Internal: true };
    await unary(connection.http2, Control.solve, request, AbortSignal.any([signal, limit]));
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted) throw new EngineLost('silent', `it has not answered for ${timeout / 1000} s`);
    // util/entitlements/entitlements.go, WhiteList
    if (error instanceof GrpcError && /entitlement \S+ is not allowed/.test(error.message)) return false;
    throw error instanceof NoStatus ? connectionClosed(error) : error;
  } finally {
    connection.close();
  }
}
