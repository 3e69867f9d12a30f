/** An image that a build uses and that is not one of its stages. */
export interface ExternalImage {
  readonly reference: string;
  readonly line: number;
  /** True if the reference contains the image's digest. */
  readonly isPinned: boolean;
  readonly platform: UsedPlatform;
  /** True if a stage is built on it, and so runs its ONBUILD instructions. */
  readonly isBase: boolean;
  readonly place: ImagePlace;
  /** The named context that is this image. The Dockerfile uses its name. */
  readonly context?: string;
}

/**
 * The platform for which a stage uses images. `target`: that of the build. `any`: only the build knows it. Otherwise another one that
 * FROM asks for, in its normal form.
 */
export type UsedPlatform = 'target' | 'any' | (string & {});

/** The kind of instruction or flag that names an image, or the field of the definition. */
export type ImagePlace = 'FROM' | 'COPY --from' | 'RUN --mount' | 'contexts' | 'syntax';

export function externalImage(
  reference: string,
  line: number,
  use: Pick<ExternalImage, 'platform' | 'isBase' | 'place' | 'context'>,
): ExternalImage {
  return { reference, line, isPinned: isPinned(reference), ...use };
}

/** Tells whether a reference contains the image's digest. */
export function isPinned(reference: string): boolean {
  return /@sha256:[0-9a-f]{64}$/.test(reference);
}
