import { machine } from '../../../../host/host.ts';
import { Journal } from '../journal.ts';

/** Holds a journal in a process of its own, to be killed: `node journal-process.ts <directory>`. */
if (process.argv[1] === import.meta.filename) {
  await Journal.open({
    host: machine,
    directory: process.argv[2] ?? '',
    systemIdentifier: '7',
    segmentSize: 1 << 20,
  });
  process.stdout.write('open\n');
  setInterval(() => undefined, 60_000);
}
