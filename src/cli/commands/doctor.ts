import type { ExitCode } from '../../model/errors.ts';
import type { CommonFlags } from '../flags.ts';
import type { Io } from '../io.ts';

export interface DoctorFlags extends CommonFlags {
  readonly fix?: boolean;
  readonly stop?: boolean;
}

export async function doctor(_flags: DoctorFlags, _io: Io): Promise<ExitCode> {
  return 3;
}
