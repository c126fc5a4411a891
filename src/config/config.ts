/** What holdfast.yaml says, checked and with every default filled in. Paths are absolute. */
export interface Config {
  /** Where it was read from. */
  readonly file: string;
  readonly repository: RepositoryConfig;
  /** At least one, in the file's order. */
  readonly sources: readonly SourceConfig[];
}

export interface RepositoryConfig {
  /** A directory. */
  readonly location: string;
  readonly key: KeySource;
}

/** Where the secret that unlocks the repository comes from. Never the command line. */
export type KeySource =
  | { readonly kind: 'passphrase-file'; readonly path: string }
  | { readonly kind: 'passphrase-env'; readonly name: string }
  | { readonly kind: 'key-file'; readonly path: string };

export interface SourceConfig {
  readonly name: string;
  readonly engine: 'postgres';
  /** One cluster: its primary and its standbys, in any order. At least one. */
  readonly hosts: readonly Endpoint[];
  readonly user: string;
  /** Undefined: PGPASSFILE or ~/.pgpass decides, and no password is fine too. */
  readonly password?: PasswordSource;
  readonly database: string;
  readonly tls: TlsConfig;
  readonly prefer: 'any' | 'primary' | 'standby';
  readonly checkpoint: 'fast' | 'spread';
  /** Undefined: `follow` is not configured, and no permanent slot may be made. */
  readonly follow?: FollowConfig;
}

export type Endpoint =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** `directory` holds the socket `.s.PGSQL.<port>`. */
  | { readonly kind: 'socket'; readonly directory: string; readonly port: number };

export type PasswordSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string };

export interface TlsConfig {
  readonly mode: TlsMode;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** PostgreSQL's own words; verify-* need `ca-file` unless a public authority signed it. */
export type TlsMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

export interface FollowConfig {
  /** The permanent replication slot that keeps log until it is in the repository. */
  readonly slot: string;
  /** The name to put into synchronous_standby_names. */
  readonly applicationName: string;
  /** When a commit counts as received: fsynced in the journal, or stored in the repository. */
  readonly durability: 'journal' | 'repository';
  readonly journal: string;
  /** An unfinished segment is stored at least this often. */
  readonly uploadEveryMs: number;
}

/** For people: `db1:5432`, `/var/run/postgresql:5432`. */
export function describeEndpoint(endpoint: Endpoint): string {
  const where = endpoint.kind === 'tcp' ? endpoint.host : endpoint.directory;
  return `${where.includes(':') ? `[${where}]` : where}:${endpoint.port}`;
}
