import { hash } from 'node:crypto';
import { readFile } from './file.ts';
import { type Secrets, signedJson, unlock } from './keys.ts';
import { b64, Cursor, check, hkdf, type Objects, type Parsed } from './notation.ts';
import { frame, openPack, type Pack } from './packs.ts';

/** "Commits": the files of every snapshot, oldest first. */
export function readRepository(objects: Objects, keyFile: Buffer) {
  const secrets = unlock(objects, keyFile);
  const commits = Object.keys(objects).filter((key) => /\/snapshots\/\d{8}-\d{8}\.json$/.test(key));
  const chain: Parsed[] = [];
  const names = [
    ...commits,
    ...Object.keys(objects)
      .filter((key) => key.includes('/tombstones/'))
      .map((key) => key.replace('/tombstones/', '/snapshots/')),
  ].sort();
  for (let key = names.at(-1); key !== undefined; ) {
    const tombstone = objects[key.replace('/snapshots/', '/tombstones/')];
    const found =
      tombstone === undefined
        ? signedJson(secrets, 'commit', objects[key] as Buffer)
        : signedJson(secrets, 'tombstone', tombstone);
    if (tombstone === undefined) chain.unshift(found);
    key = found.predecessor?.key;
  }
  return { secrets, snapshots: chain.map((commit) => readSnapshot(secrets, objects, commit)) };
}

function readSnapshot(secrets: Secrets, objects: Objects, commit: Parsed) {
  const lineageKey = hkdf(secrets.metadataKey, '', `holdfast metadata ${commit.lineage}`);
  const body: Parsed = JSON.parse(
    frame({
      secrets,
      key: hkdf(lineageKey, '', `holdfast commit ${commit.id}`),
      object: commit.id,
      number: 0,
      kind: 8,
      bytes: b64(commit.body),
    }).toString(),
  );
  const blob = (kind: number, { object, number, offset, length }: Parsed) => {
    check(
      commit.indexes.some((index: Parsed) => index.id === object),
      'a named index object',
    );
    const whole = objects[`maps/${object.slice(0, 2)}/${object}`] as Buffer;
    const key = hkdf(lineageKey, '', `holdfast index ${object}`);
    const bytes = whole.subarray(offset, offset + length);
    return frame({ secrets, key, object, number, kind, bytes });
  };
  const packs = new Map<string, Pack>(
    commit.packs.map((pack: Parsed) => [pack.id, openPack(secrets, objects, pack)]),
  );
  const files = new Map<string, Buffer>();
  const directories = new Map<string, number>();
  for (const leaf of body.leaves) {
    const plaintext = blob(6, leaf.blob);
    check(hash('sha256', plaintext) === leaf.sha256, 'leaf');
    for (const { path, entry } of leafEntries(plaintext)) {
      const kind = entry.take(1)[0];
      const mode = entry.varint();
      if (kind === 0) directories.set(path, mode);
      else files.set(path, readFile({ path, entry, paged: kind === 1, packs, blob }));
    }
  }
  const documents = new Map<string, Buffer>(
    body.documents.map((document: Parsed) => [document.name, blob(7, document.blob)]),
  );
  return { files, directories, documents, engine: body.engine };
}

function leafEntries(plaintext: Buffer): { path: string; entry: Cursor }[] {
  const leaf = new Cursor(plaintext);
  check(leaf.varint() === 1, 'leaf version');
  let path = Buffer.alloc(0);
  return leaf.many(() => {
    path = Buffer.concat([path.subarray(0, leaf.varint()), leaf.block()]);
    return { path: path.toString(), entry: new Cursor(leaf.block()) };
  });
}
