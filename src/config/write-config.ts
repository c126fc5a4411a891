import path from 'node:path';
import type { Endpoint, KeySource } from './config.ts';

/** The text of a first holdfast.yaml, for `init`; it reads back through parse-config. */
export function writeConfig(options: {
  readonly location: string;
  readonly key: KeySource;
  readonly source: {
    readonly name: string;
    readonly hosts: readonly Endpoint[];
    readonly user: string;
    readonly database: string;
    readonly password?: { readonly kind: 'file' | 'env'; readonly value: string };
  };
}): string {
  const { location, key, source } = options;
  const { password } = source;
  const lines = [
    '# Holdfast: where backups go, and what is backed up. Check it with: holdfast doctor',
    'repository:',
    `  location: ${quote(location)}`,
    '  # Without this secret nothing can be restored: keep a copy of it somewhere else.',
    `  key: { ${key.kind}: ${quote(key.kind === 'passphrase-env' ? key.name : key.path)} }`,
    'sources:',
    `  ${source.name}:`,
    '    engine: postgres',
    ...endpoints(source.hosts),
    `    user: ${quote(source.user)}`,
    `    database: ${quote(source.database)}`,
  ];
  if (password) lines.push(`    password-${password.kind}: ${quote(password.value)}`);
  lines.push(
    '    follow:',
    '      slot: holdfast',
    '      application-name: holdfast',
    '      # journal: a commit counts as received once it is on this disk; repository: once stored.',
    '      durability: journal',
    `      journal: ${quote(path.join(`${location}-journal`, source.name))}`,
    '      upload-every: 5s',
  );
  return `${lines.join('\n')}\n`;
}

function endpoints(hosts: readonly Endpoint[]): string[] {
  const [only, ...others] = hosts;
  if (only && others.length === 0) {
    return [`    ${place(only)}`, `    port: ${only.port}`];
  }
  return ['    hosts:', ...hosts.map((one) => `      - { ${place(one)}, port: ${one.port} }`)];
}

function place(endpoint: Endpoint): string {
  return endpoint.kind === 'tcp'
    ? `host: ${quote(endpoint.host)}`
    : `socket: ${quote(endpoint.directory)}`;
}

/** JSON strings are YAML strings; plain words stay plain. */
function quote(text: string): string {
  const plain = /^[A-Za-z/][A-Za-z0-9_./-]*$/.test(text) && !/^(true|false|null)$/i.test(text);
  return plain ? text : JSON.stringify(text);
}
