/** One step of a long operation, for a person's eyes: never parsed, never required. */
export interface Progress {
  readonly phase: string;
  /** Bytes (or items, by `unit`) done so far in this phase. */
  readonly done: number;
  /** Expected total; undefined when unknown. */
  readonly total?: number;
  readonly unit: 'bytes' | 'items';
}

export type OnProgress = (progress: Progress) => void;
