/**
 * What went wrong, as the caller must act on it. Never map one onto another:
 * a transport fault answered as "absent" ends a recovery early and loses commits.
 */
export const EXIT_CODE = {
  /** A defect of ours: report it. */
  internal: 1,
  /** The request itself is wrong or refused; nothing was changed. */
  usage: 2,
  /** The named thing does not exist. */
  absent: 3,
  /** The same request may succeed later. */
  transient: 4,
  /** Stored bytes are not what was written. */
  corrupt: 5,
  /** Another writer, cluster or content is already there. */
  conflict: 6,
  /** Credentials, keys or permissions do not allow it. */
  denied: 7,
  /** Everything ran, and a check of the result failed. */
  unproven: 8,
} as const;

export type ErrorKind = keyof typeof EXIT_CODE;
