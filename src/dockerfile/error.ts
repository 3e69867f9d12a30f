/** A Dockerfile that no builder takes, and the line that shows it (from 1). */
export class DockerfileError extends Error {
  override readonly name = 'DockerfileError';
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}
