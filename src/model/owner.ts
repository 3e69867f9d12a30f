/** Identifies the process that holds a lock or a container, so that other processes can tell whether it still runs. */
export interface Owner {
  /** A UUID, unique to the thing held. */
  readonly id: string;
  /** The machine, boot and PID namespace in which `pid` is valid. */
  readonly place: string;
  readonly pid: number;
  /** The process's start time in kernel ticks, which detects a reused PID. Empty on systems without `/proc`. */
  readonly started: string;
}
