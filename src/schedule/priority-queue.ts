/** Returns its items in order. Each operation takes logarithmic time. */
export interface PriorityQueue<T> {
  readonly length: number;
  /** Returns the first item without removing it, or undefined. */
  peek(): T | undefined;
  /** Removes and returns the first item, or undefined. */
  pop(): T | undefined;
  push(item: T): void;
}

/** Creates an empty queue, ordered by `isBefore`. It is a binary heap. */
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
      for (let index = heap.length - 1; index > 0; ) {
        const parent = (index - 1) >> 1;
        if (!isBefore(heap[index]!, heap[parent]!)) return;
        swap(index, parent);
        index = parent;
      }
    },
    pop() {
      if (heap.length === 0) return undefined;
      swap(0, heap.length - 1);
      const item = heap.pop();
      for (let index = 0; ; ) {
        const next = first(first(index, 2 * index + 1), 2 * index + 2);
        if (next === index) return item;
        swap(index, next);
        index = next;
      }
    },
  };
}
