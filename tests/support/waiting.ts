/** Returns a promise, and the function that resolves it. */
export function withResolvers<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Values by ID, for those who wait for one. */
export function meetingPoint<T>(): { put(id: string, value: T): void; take(id: string): Promise<T> } {
  const places = new Map<string, ReturnType<typeof withResolvers<T>>>();
  const placeOf = (id: string): ReturnType<typeof withResolvers<T>> => {
    const place = places.get(id) ?? withResolvers<T>();
    places.set(id, place);
    return place;
  };
  return { put: (id, value) => placeOf(id).resolve(value), take: (id) => placeOf(id).promise };
}

/** Values in their order, for those who wait for the next one. */
export function queue<T>(): { put(item: T): void; take(): Promise<T> } {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  return {
    put: (item) => {
      const taker = takers.shift();
      if (taker === undefined) items.push(item);
      else taker(item);
    },
    take: () => {
      const item = items.shift();
      return item === undefined ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve(item);
    },
  };
}
