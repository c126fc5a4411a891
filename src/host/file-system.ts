import type fs from 'node:fs';

/** What holdfast uses of `node:fs`; a fault-injecting double replaces it in tests. */
export type FileSystem = Pick<
  typeof fs,
  | 'promises'
  | 'openSync'
  | 'closeSync'
  | 'writeSync'
  | 'readSync'
  | 'fstatSync'
  | 'fsyncSync'
  | 'fdatasyncSync'
  | 'ftruncateSync'
>;
