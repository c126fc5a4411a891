import { seededRandom } from '../doubles/host.ts';
import { type Files, PAGE, PAGED, STREAM } from './memory-files.ts';

/** What a database of two files is on a day: the same for everybody who asks. */
export function filesOfDay(day: number): Files {
  const pages = 60 + day;
  const bytes = Buffer.alloc(pages * PAGE);
  for (let page = 0; page < pages; page += 1) {
    // The day on which the page was last written: each in its turn.
    const written = day - ((day - page) % 9 < 0 ? ((day - page) % 9) + 9 : (day - page) % 9);
    seededRandom(`${page}/${Math.max(0, written)}`)
      .bytes(64)
      .copy(bytes, page * PAGE);
  }
  return new Map([
    ['base/5/1', { shape: PAGED, bytes }],
    ['day', { shape: STREAM, bytes: Buffer.from(`day ${day}`) }],
  ]);
}
