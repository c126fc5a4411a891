/** Where a relation segment lies. */
export interface RelationFile {
  /** 1663 pg_default, 1664 pg_global, else the tablespace's own. */
  readonly tablespace: number;
  /** 0 for shared relations. */
  readonly database: number;
  readonly filenode: number;
  readonly fork: 'main' | 'fsm' | 'vm' | 'init';
  readonly segment: number;
}

const DEFAULT_TABLESPACE = 1663;
const GLOBAL_TABLESPACE = 1664;
/** Pages in a full segment: 1 GiB of 8 KiB pages. */
export const SEGMENT_PAGES = 131_072;

const PLACE = /^(?:global|base\/(\d+)|pg_tblspc\/(\d+)\/PG_[^/]+\/(\d+))\/([^/]+)$/;
const NAME = /^(\d+)(?:_(fsm|vm|init))?(?:\.(\d+))?$/;

/** The relation segment at `path` below the data directory; undefined when it is another file. */
export function relationFile(path: string): RelationFile | undefined {
  const place = PLACE.exec(path);
  const name = place && NAME.exec(place[4]!);
  if (!name) return undefined;
  const [, inBase, tablespace, inTablespace] = place;
  return {
    tablespace: Number(tablespace ?? (inBase ? DEFAULT_TABLESPACE : GLOBAL_TABLESPACE)),
    database: Number(inBase ?? inTablespace ?? 0),
    filenode: Number(name[1]),
    fork: (name[2] ?? 'main') as RelationFile['fork'],
    segment: Number(name[3] ?? 0),
  };
}
