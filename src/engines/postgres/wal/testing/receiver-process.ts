import { machine } from '../../../../host/host.ts';
import { Journal } from '../journal.ts';
import { type ReceiverOptions, WalReceiver } from '../receiver.ts';

/** A receiver in a process of its own, to be killed: `node receiver-process.ts <options as JSON>`. */
export interface ReceiverProcessOptions {
  readonly directory: string;
  readonly systemIdentifier: string;
  readonly segmentSize: number;
  readonly source: ReceiverOptions['source'];
}

if (process.argv[1] === import.meta.filename) {
  const options: ReceiverProcessOptions = JSON.parse(process.argv[2] ?? '');
  const journal = await Journal.open({ host: machine, ...options });
  const receiver = new WalReceiver({
    host: machine,
    journal,
    source: options.source,
    maxRetryMs: 100,
    onEvent: () => undefined,
  });
  await receiver.run(new AbortController().signal);
}
