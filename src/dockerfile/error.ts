/** What more is known of an error in a Dockerfile. */
export interface DockerfileErrorDetails {
  /** The text at fault, as it may be written on the line. */
  readonly word?: string;
  readonly hint?: string;
  /** True if the fault is in what was asked for, the target. */
  readonly isTarget?: true;
}

/** A Dockerfile that no builder accepts, with the line (from 1) at fault. */
export class DockerfileError extends Error {
  override readonly name = 'DockerfileError';
  readonly line: number;
  readonly details: DockerfileErrorDetails;

  constructor(line: number, message: string, details: DockerfileErrorDetails = {}) {
    super(message);
    this.line = line;
    this.details = details;
  }
}
