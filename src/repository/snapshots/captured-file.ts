import type { CapturedFile } from '../../content/capture-sink.ts';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { unitOf, unitsOf } from './file-entry.ts';

/** Bytes that follow `begin`. */
export function announcedBytes(file: CapturedFile): number {
  return file.basis.kind === 'whole' ? file.size : file.basis.pages.length * unitOf(file.shape);
}

/** INTERNAL when what the engine announces makes no sense. */
export function assertBasis(file: CapturedFile): void {
  const { path, shape, basis, size } = file;
  const defect = (reason: string) => new HoldfastError('INTERNAL', { reason: `${path} ${reason}` });
  if (!Number.isSafeInteger(size) || size < 0) throw defect(`was announced with ${size} bytes`);
  if (!Number.isInteger(unitOf(shape)) || unitOf(shape) < 1) throw defect('has pages of no size');
  if (basis.kind === 'whole') return;
  if (shape.kind !== 'paged') throw defect('is a stream and came in pages');
  // A page cut by the end of the file would bring its cut-off bytes back when the file grows.
  if (size % shape.pageSize !== 0) throw defect('came in pages and ends inside one');
  let least = 0;
  for (const page of basis.pages) {
    if (page < least) throw defect(`names page ${page} out of order`);
    least = page + 1;
  }
  if (least > unitsOf(file)) throw defect(`names page ${least - 1} beyond its end`);
}
