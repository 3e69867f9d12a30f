/** Takes items in any order and returns the first by `isBefore`; each operation takes logarithmic time. */
export interface PriorityQueue<T> {
  readonly length: number;
  /** The first item, which stays; undefined where the queue is empty. */
  peek(): T | undefined;
  pop(): T | undefined;
  push(item: T): void;
}

/** An empty queue, a binary heap. */
export function makePriorityQueue<T>(isBefore: (a: T, b: T) => boolean): PriorityQueue<T> {
  const heap: T[] = [];
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
  };
  const first = (a: number, b: number): number => (b < heap.length && isBefore(heap[b]!, heap[a]!) ? b : a);
  return {
    get length() {
      return heap.length;
    },
    peek: () => heap[0],
    push(item) {
      heap.push(item);
      for (let at = heap.length - 1; at > 0; ) {
        const above = (at - 1) >> 1;
        if (!isBefore(heap[at]!, heap[above]!)) return;
        swap(at, above);
        at = above;
      }
    },
    pop() {
      if (heap.length === 0) return undefined;
      swap(0, heap.length - 1);
      const item = heap.pop();
      for (let at = 0; ; ) {
        const next = first(first(at, 2 * at + 1), 2 * at + 2);
        if (next === at) return item;
        swap(at, next);
        at = next;
      }
    },
  };
}
