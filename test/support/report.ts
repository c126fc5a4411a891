import { relative } from 'node:path';
import { inspect } from 'node:util';

/** What node:test tells of one finished test, as far as it is used here. */
interface Finished {
  readonly name: string;
  /** Where `test()` was called, and the file that was run. */
  readonly file?: string | undefined;
  readonly entryFile?: string | undefined;
  readonly nesting: number;
  readonly skip?: string | boolean | undefined;
  readonly todo?: string | boolean | undefined;
  readonly details: {
    readonly duration_ms: number;
    readonly type?: string | undefined;
    readonly error?: (Error & { readonly cause?: unknown }) | undefined;
  };
}

/** One line a test, failures in full at the end, and the counts as the last line. */
export class Report {
  #passed = 0;
  #skipped = 0;
  readonly #failures: Finished[] = [];
  readonly #byMajor = new Map<number, number>();
  readonly #started = performance.now();

  passed(event: Finished): void {
    if (event.details.type === 'suite') return;
    if (event.skip !== undefined || event.todo !== undefined) {
      this.#skipped++;
      this.#line('-', event, ` (skipped: ${event.skip ?? event.todo})`);
      return;
    }
    this.#passed++;
    const major = Number(/PostgreSQL (\d+)/.exec(event.name)?.[1]);
    if (major) this.#byMajor.set(major, (this.#byMajor.get(major) ?? 0) + 1);
    this.#line('✔', event, ` (${(event.details.duration_ms / 1000).toFixed(2)} s)`);
  }

  failed(event: Finished): void {
    if (event.details.type === 'suite') return;
    this.#failures.push(event);
    this.#line('✖', event, '');
  }

  /** True when something ran and nothing failed. */
  close(): boolean {
    for (const failure of this.#failures) {
      const { error } = failure.details;
      console.log(`\n✖ ${place(failure)} › ${failure.name}\n${inspect(error?.cause ?? error)}`);
    }
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(0);
    const matrix = [...this.#byMajor]
      .sort(([a], [b]) => a - b)
      .map(([major, count]) => `${major}: ${count}`);
    console.log(`\n${seconds} s; tests by PostgreSQL version: ${matrix.join(', ') || 'none'}`);
    const failed = this.#failures.length;
    console.log(`${this.#passed} passed, ${failed} failed, ${this.#skipped} skipped`);
    return failed === 0 && this.#passed > 0;
  }

  #line(mark: string, event: Finished, end: string): void {
    const indent = '  '.repeat(event.nesting);
    console.log(`${mark} ${indent}${place(event)} › ${event.name}${end}`);
  }
}

function place({ entryFile, file, name }: Finished): string {
  return relative(process.cwd(), entryFile ?? file ?? name);
}
