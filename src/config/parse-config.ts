import path from 'node:path';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Config, Endpoint, KeySource, SourceConfig } from './config.ts';
import { didYouMean } from './did-you-mean.ts';
import { type ConfigFile, fileSchema, keysAt, type SourceSection } from './schema.ts';

interface Problem {
  readonly line: number;
  readonly reason: string;
}

/**
 * Reads the text of a holdfast.yaml. `file` is its absolute path: errors name it, and relative
 * paths inside are relative to its directory. CONFIG_INVALID lists every problem, in file order.
 */
export function parseConfig({ file, text }: { file: string; text: string }): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line);

  const syntax = [...document.errors, ...document.warnings].map((error) => ({
    line: lineAt(error.pos[0]),
    reason: error.message,
  }));
  refuse(file, syntax);
  if (document.contents === null) {
    refuse(file, [
      { line: 1, reason: 'the file is empty; holdfast init writes one to start from' },
    ]);
  }

  const data: unknown = document.toJS();
  const result = fileSchema.safeParse(data);
  if (!result.success) {
    const locate = (steps: readonly PropertyKey[]) => lineAt(offsetOf(document, steps));
    refuse(
      file,
      withoutEchoes(result.error.issues, data).flatMap((issue) =>
        describe({ issue, data, locate }),
      ),
    );
  }
  return resolve({ file, parsed: result.data as ConfigFile });
}

function refuse(file: string, problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const [first, ...rest] = problems.toSorted((a, b) => a.line - b.line);
  const reason = [first!.reason, ...rest.map((one) => `${file}:${one.line}: ${one.reason}`)];
  throw new HoldfastError('CONFIG_INVALID', { file, line: first!.line, reason: reason.join('\n') });
}

/** A misspelt key already explains what is missing, or not the one of several, in its section. */
function withoutEchoes(issues: readonly z.core.$ZodIssue[], data: unknown) {
  const misspelt = issues
    .filter(({ code }) => code === 'unrecognized_keys')
    .map((i) => spell(i.path));
  return issues.filter(
    ({ code, path: steps }) =>
      code === 'unrecognized_keys' ||
      !(
        (code === 'custom' && misspelt.includes(spell(steps))) ||
        (valueAt(data, steps) === undefined && misspelt.includes(spell(steps.slice(0, -1))))
      ),
  );
}

/** Where the key (or list entry) named by `steps` begins; the nearest one above it if missing. */
function offsetOf(document: Document, steps: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const step of steps) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(
        ({ key }) => isScalar(key) && String(key.value) === String(step),
      );
      if (!pair) return offset;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      const range = (node as { range?: readonly number[] } | undefined)?.range;
      offset = range?.[0] ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

function describe(options: {
  issue: z.core.$ZodIssue;
  data: unknown;
  locate: (steps: readonly PropertyKey[]) => number;
}): Problem[] {
  const { issue, data, locate } = options;
  const name = spell(issue.path);
  const at = (reason: string): Problem[] => [{ line: locate(issue.path), reason }];
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(issue.path);
    return issue.keys.map((key) => {
      const steps = [...issue.path, key];
      const near = didYouMean(key, known);
      const help = near ? `did you mean "${near}"?` : `it can be ${known.join(', ')}`;
      return { line: locate(steps), reason: `unknown key "${spell(steps)}"; ${help}` };
    });
  }
  if (issue.code === 'invalid_key') return at(`"${name}" ${issue.issues[0]!.message}`);
  if (issue.code === 'invalid_value' || issue.code === 'invalid_type') {
    const value = valueAt(data, issue.path);
    if (value === undefined) return at(`${name} is missing`);
    if (issue.code === 'invalid_type') return at(mismatch(name, issue.expected, value));
    const near = didYouMean(String(value), issue.values.map(String));
    const help = near ? `; did you mean "${near}"?` : '';
    return at(`${name} must be ${issue.values.join(', ').replace(/, ([^,]*)$/, ' or $1')}${help}`);
  }
  if (issue.code === 'invalid_union') {
    return at(`${name} must be a duration with its unit, such as 5s`);
  }
  return at(`${name} ${issue.message}`);
}

function mismatch(name: string, expected: string, value: unknown): string {
  if (value === null) return `${name} is empty`;
  if (expected === 'string' && typeof value !== 'object') {
    return `${name} must be text; write it in quotes: "${String(value)}"`;
  }
  const words: Readonly<Record<string, string>> = {
    string: 'text',
    number: 'a number',
    object: 'a section of its own, with keys below it',
    record: 'a section of its own, with names below it',
    array: 'a list, each entry beginning with "- "',
  };
  return `${name} must be ${words[expected] ?? expected}`;
}

function valueAt(data: unknown, steps: readonly PropertyKey[]): unknown {
  let value = data;
  for (const step of steps) value = (value as Record<PropertyKey, unknown> | undefined)?.[step];
  return value;
}

/** `sources.main.hosts[0].port`, as people point at it. */
function spell(steps: readonly PropertyKey[]): string {
  if (steps.length === 0) return 'the file';
  return steps
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}

function resolve({ file, parsed }: { file: string; parsed: ConfigFile }): Config {
  const absolute = (value: string) => path.resolve(path.dirname(file), value);
  const location = absolute(parsed.repository.location);
  return {
    file,
    repository: { location, key: keySource(parsed.repository.key, absolute) },
    sources: Object.entries(parsed.sources).map(([name, section]) =>
      sourceConfig({ name, section, absolute, location }),
    ),
  };
}

type Absolute = (value: string) => string;

function keySource(key: ConfigFile['repository']['key'], absolute: Absolute): KeySource {
  if (key['passphrase-env']) return { kind: 'passphrase-env', name: key['passphrase-env'] };
  if (key['key-file']) return { kind: 'key-file', path: absolute(key['key-file']) };
  return { kind: 'passphrase-file', path: absolute(key['passphrase-file']!) };
}

function sourceConfig(options: {
  name: string;
  section: SourceSection;
  absolute: Absolute;
  location: string;
}): SourceConfig {
  const { name, section, absolute, location } = options;
  const { tls, follow } = section;
  const single = { host: section.host, socket: section.socket, port: section.port ?? 5432 };
  return {
    name,
    engine: section.engine,
    hosts: (section.hosts ?? [single]).map((host) => endpoint(host, absolute)),
    user: section.user,
    ...passwordSource(section, absolute),
    database: section.database,
    tls: {
      mode: tls.mode,
      ...(tls['ca-file'] && { caFile: absolute(tls['ca-file']) }),
      ...(tls['cert-file'] && { certFile: absolute(tls['cert-file']) }),
      ...(tls['key-file'] && { keyFile: absolute(tls['key-file']) }),
    },
    prefer: section.prefer,
    checkpoint: section.checkpoint,
    ...(follow && {
      follow: {
        slot: follow.slot,
        applicationName: follow['application-name'],
        durability: follow.durability,
        journal: follow.journal ? absolute(follow.journal) : path.join(`${location}-journal`, name),
        uploadEveryMs: follow['upload-every'],
      },
    }),
  };
}

function endpoint(
  { host, socket, port }: { host?: string; socket?: string; port: number },
  absolute: Absolute,
): Endpoint {
  if (host !== undefined) return { kind: 'tcp', host, port };
  return { kind: 'socket', directory: absolute(socket!), port };
}

function passwordSource(
  section: SourceSection,
  absolute: Absolute,
): Pick<SourceConfig, 'password'> {
  const { 'password-file': file, 'password-env': env } = section;
  if (file) return { password: { kind: 'file', path: absolute(file) } };
  if (env) return { password: { kind: 'env', name: env } };
  return {};
}
