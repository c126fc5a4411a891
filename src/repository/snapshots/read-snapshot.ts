import { HoldfastError } from '../../errors/holdfast-error.ts';
import { FRAME_KIND } from '../frames/frame-header.ts';
import type { Repository } from '../repository.ts';
import type { SnapshotEntry } from './file-entry.ts';
import { readFileList } from './file-list.ts';
import { IndexReader } from './index-reader.ts';
import type { Snapshot } from './snapshot.ts';

/** DOCUMENT_ABSENT when the snapshot has none of this name. */
export async function readDocument(options: {
  repository: Repository;
  snapshot: Snapshot;
  name: string;
}): Promise<Buffer> {
  const { repository, snapshot, name } = options;
  const blob = snapshot.documents.get(name);
  if (blob === undefined) {
    throw new HoldfastError('DOCUMENT_ABSENT', { snapshot: snapshot.id, name });
  }
  const index = new IndexReader({ repository, lineage: snapshot.lineage });
  return await index.read(blob, FRAME_KIND.document);
}

/** Files and directories, ascending by path. */
export function listFiles(options: {
  repository: Repository;
  snapshot: Snapshot;
}): AsyncIterable<SnapshotEntry> {
  const { repository, snapshot } = options;
  const index = new IndexReader({ repository, lineage: snapshot.lineage });
  return readFileList(index, snapshot.leaves);
}
