/** A process, as what it leaves behind names it: so that others can tell whether it still runs. */
export interface Owner {
  /** Of this very thing that it holds, a UUID. */
  readonly id: string;
  /** The machine, its boot and its process numbers: only there does `pid` mean anything. */
  readonly place: string;
  readonly pid: number;
  /** When the process started, in the kernel's ticks, so that a number used again is not taken for it; empty elsewhere. */
  readonly started: string;
}
