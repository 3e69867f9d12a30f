import type { SentFolder } from './context-entries.ts';
import { parseFolderRequest, selectEntries } from './file-sync.ts';
import { Code, GrpcError } from './grpc/status.ts';
import { receiveFiles } from './receive-files.ts';
import { type SentTotals, sendFiles } from './send-files.ts';
import type { BuildServices } from './services.ts';

/** The files that builds read and write. */
export interface BuildFiles {
  /** The folders that an engine may read, by name: `context`, and Dockerfiles by their keys. More may be added at any time. */
  readonly folders: ReadonlyMap<string, SentFolder>;
  /** The empty folder that the local exporter writes to. */
  readonly exportTo?: string;
  /** Called when a folder was transferred, with what the engine did not have yet. */
  readonly onSent?: (folder: string, totals: SentTotals) => void;
}

/** Returns the services of a session that transfer files. */
export function fileServices(
  { folders, exportTo, onSent }: BuildFiles,
  signal: AbortSignal,
): Pick<BuildServices, 'sendFiles' | 'receiveFiles'> {
  return {
    sendFiles: async (stream, headers) => {
      const request = parseFolderRequest(headers);
      const entries = selectEntries(folders, request);
      if (entries === undefined)
        throw new GrpcError(Code.notFound, `no access allowed to dir ${JSON.stringify(request.name)}`);
      const totals = await sendFiles(stream, entries, signal);
      onSent?.(request.name, totals);
    },
    ...(exportTo === undefined
      ? {}
      : { receiveFiles: async (stream) => void (await receiveFiles(stream, exportTo, signal)) }),
  };
}
