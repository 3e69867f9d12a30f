import { type FrontendVersion, newestMinor } from '../model/frontend.ts';

interface Feature {
  /** A description for messages. */
  readonly what: string;
  /** The first minor version of docker's frontend that has it; undefined if none has. */
  readonly since?: number;
  /** The first one that has it as an experiment. */
  readonly labs?: number;
}

/**
 * What newer versions of docker's Dockerfile frontend added, as far as an older version rejects it or, worse, reads it as
 * something else (moby/buildkit frontend/dockerfile/docs/reference.md, and the parser at the tags `dockerfile/1.x`).
 */
const features = {
  heredoc: { what: 'a heredoc', since: 4, labs: 3 },
  'ADD --link': { what: 'ADD --link', since: 4 },
  'COPY --link': { what: 'COPY --link', since: 4 },
  'ADD --checksum': { what: 'ADD --checksum', since: 6, labs: 5 },
  'ADD --keep-git-dir': { what: 'ADD --keep-git-dir', since: 6, labs: 5 },
  'ADD git': { what: 'ADD of a git repository', since: 6, labs: 5 },
  'ADD --unpack': { what: 'ADD --unpack', since: 17 },
  'ADD --exclude': { what: 'ADD --exclude', since: 19, labs: 7 },
  'COPY --exclude': { what: 'COPY --exclude', since: 19, labs: 7 },
  'COPY --parents': { what: 'COPY --parents', since: 20, labs: 7 },
  'chmod variable': { what: 'a variable in --chmod', since: 10 },
  'chmod symbolic': { what: '--chmod with a symbolic mode', since: 14, labs: 13 },
  'HEALTHCHECK --start-interval': { what: 'HEALTHCHECK --start-interval', since: 6 },
  'RUN --network': { what: 'RUN --network', since: 3, labs: 2 },
  'RUN --security': { what: 'RUN --security', since: 20, labs: 2 },
  'RUN --device': { what: 'RUN --device', labs: 14 },
  // Docker 20.10 does not reject it: it crashes.
  'tmpfs from': { what: 'a tmpfs mount with from=', since: 4 },
  'tmpfs size': { what: 'a tmpfs mount with size=', since: 4 },
  'secret env': { what: 'a secret mount with env=', since: 10 },
  'unset modifier': { what: 'a modifier - or + without a colon', since: 6 },
  'pattern modifier': { what: 'a modifier #, % or /', since: 7 },
} as const satisfies Readonly<Record<string, Feature>>;

export type FeatureName = keyof typeof features;

/** A feature that a Dockerfile uses, and the first line of the first instruction that uses it. */
export interface UsedFeature {
  readonly name: FeatureName;
  readonly line: number;
}

/** A feature that a frontend does not have. */
export interface MissingFeature {
  readonly what: string;
  readonly line: number;
  /** The first minor version of the frontend that has it; undefined if it is in experimental versions only. */
  readonly since: number | undefined;
}

/** Returns the features that a version of docker's Dockerfile frontend does not have. Nothing is said of unknown versions. */
export function missingFeatures(
  used: readonly UsedFeature[],
  { minor, isLabs }: FrontendVersion,
): MissingFeature[] {
  if (minor > newestMinor) return [];
  return used.flatMap(({ name, line }) => {
    const { what, since, labs }: Feature = features[name];
    const first = Math.min(
      since ?? Number.POSITIVE_INFINITY,
      isLabs ? (labs ?? since ?? 0) : Number.POSITIVE_INFINITY,
    );
    return minor >= first ? [] : [{ what, line, since }];
  });
}
