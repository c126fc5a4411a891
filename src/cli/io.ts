/** The terminal (or pipe) a command talks to; tests hand in a recording one. */
export interface Io {
  /** Resolves once the text is handed to the operating system. */
  out(text: string): Promise<void>;
  err(text: string): void;
  /** Whether a person watches stderr: progress may redraw its line. */
  readonly terminal: boolean;
  /** Width of that terminal. */
  readonly columns: number;
}

export const processIo: Io = {
  out: (text) => new Promise((resolve) => process.stdout.write(text, () => resolve())),
  err: (text) => {
    process.stderr.write(text);
  },
  get terminal() {
    return process.stderr.isTTY === true;
  },
  get columns() {
    return process.stderr.columns ?? 80;
  },
};
