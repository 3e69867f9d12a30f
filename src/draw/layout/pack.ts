import type { Layout, LayoutOptions, Rect } from './types.ts';

interface Corner {
  readonly x: number;
  readonly y: number;
}

/** With more parts than this, the search for gaps takes too long. */
const maxPartsForGaps = 12;
/** A part with more boxes and lines than this counts as one solid block. */
const maxObstacles = 400;
/** The distance between the positions that are tried, in pixels. */
const step = 8;

/**
 * Returns the positions of unconnected parts, placed from the highest to the lowest: each in the first gap within the width, or
 * below all others. Many parts are placed side by side in lines instead.
 */
export function packParts(parts: readonly Layout[], { width, gap }: LayoutOptions): Corner[] {
  const limit = Math.max(width, ...parts.map((part) => part.width));
  const order = parts.map((_, index) => index).sort((a, b) => parts[b]!.height - parts[a]!.height);
  const corners: Corner[] = [];
  const place = parts.length > maxPartsForGaps ? placeInLines(limit, gap) : placeInGaps(limit, gap);
  for (const index of order) corners[index] = place(parts[index]!);
  return corners;
}

function placeInLines(width: number, gap: number): (part: Layout) => Corner {
  let [x, y, height] = [0, 0, 0];
  return (part) => {
    if (x > 0 && x + part.width > width) [x, y, height] = [0, y + height + gap, 0];
    const corner = { x, y };
    height = Math.max(height, part.height);
    x += part.width + gap;
    return corner;
  };
}

function placeInGaps(width: number, gap: number): (part: Layout) => Corner {
  const obstacles: Rect[] = [];
  let height = 0;
  return (part) => {
    const below = { x: 0, y: height === 0 ? 0 : height + gap };
    const corner = findGap(part, obstacles, width, height, gap) ?? below;
    obstacles.push(...obstaclesOf(part, corner));
    height = Math.max(height, corner.y + part.height);
    return corner;
  };
}

function obstaclesOf({ places, lines, width, height }: Layout, corner: Corner): Rect[] {
  if (places.length + lines.length > maxObstacles) return [{ ...corner, width, height }];
  const bends = lines.flatMap((line) =>
    line.slice(1).map(([x2, y2], index) => {
      const [x1, y1] = line[index]!;
      return {
        x: Math.min(x1, x2),
        y: Math.min(y1, y2),
        width: Math.abs(x1 - x2),
        height: Math.abs(y1 - y2),
      };
    }),
  );
  return [...places, ...bends].map((place) => ({ ...place, x: place.x + corner.x, y: place.y + corner.y }));
}

/** Returns the highest free position within a width and height, or undefined if the part does not fit. */
function findGap(
  part: Layout,
  obstacles: readonly Rect[],
  width: number,
  height: number,
  gap: number,
): Corner | undefined {
  for (let y = 0; y + part.height <= height; y += step)
    for (let x = 0; x + part.width <= width; x += step) {
      const hit = obstacles.find(
        (other) =>
          x < other.x + other.width + gap &&
          other.x < x + part.width + gap &&
          y < other.y + other.height + gap &&
          other.y < y + part.height + gap,
      );
      if (hit === undefined) return { x, y };
      // The part does not fit to the left of the obstacle's right edge.
      x = Math.max(x, Math.ceil((hit.x + hit.width + gap) / step) * step - step);
    }
  return undefined;
}
