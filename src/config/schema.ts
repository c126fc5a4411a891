import { z } from 'zod';
import { parseDuration } from './duration.ts';

/**
 * holdfast.yaml as it is written. Every section is strict: an unknown key is an error, never
 * ignored. Messages continue "<key> …"; parse-config.ts adds file, line and key.
 */
const text = z.string().min(1, 'must not be empty');

const path = text.refine((value) => !value.startsWith('~'), {
  error: 'begins with ~, which is not expanded here; write the whole path',
});

const location = path.refine((value) => !/^[a-z0-9]+:\/\//i.test(value), {
  error: 'must be a directory; object storage (s3://…) is not in this version',
});

const host = text.refine((value) => !/[\s/]/.test(value), {
  error: 'must be a host name or an address; for a Unix socket write socket: <directory>',
});

const port = z.number().refine((value) => Number.isInteger(value) && value >= 1 && value <= 65535, {
  error: 'must be a port number, 1 to 65535',
});

const environmentVariable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, {
  error: 'must be the name of an environment variable, not the secret itself',
});

/** PostgreSQL's own rule for the names of replication slots. */
const slot = z.string().regex(/^[a-z0-9_]{1,63}$/, {
  error: 'must be a slot name: lower-case letters, digits and _, at most 63',
});

const duration = (least: number) =>
  z.union([z.string(), z.number()]).transform((value, context) => {
    try {
      const ms = parseDuration(String(value));
      if (ms >= least) return ms;
      context.addIssue({ code: 'custom', message: `must be at least ${least} ms` });
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
    return z.NEVER;
  });

const key = z
  .strictObject({
    'passphrase-file': path.optional(),
    'passphrase-env': environmentVariable.optional(),
    'key-file': path.optional(),
  })
  .refine((value) => Object.values(value).filter((one) => one !== undefined).length === 1, {
    error: 'must have exactly one of passphrase-file, passphrase-env and key-file',
  });

const endpoint = z
  .strictObject({ host: host.optional(), socket: path.optional(), port: port.default(5432) })
  .refine((value) => (value.host === undefined) !== (value.socket === undefined), {
    error: 'must have either host or socket',
  });

const tls = z
  .strictObject({
    mode: z
      .enum(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'])
      .default('prefer'),
    'ca-file': path.optional(),
    'cert-file': path.optional(),
    'key-file': path.optional(),
  })
  .refine((value) => (value['cert-file'] === undefined) === (value['key-file'] === undefined), {
    error: 'must have both cert-file and key-file, or neither',
  });

const follow = z.strictObject({
  slot: slot.default('holdfast'),
  'application-name': text.default('holdfast'),
  durability: z.enum(['journal', 'repository']).default('journal'),
  journal: path.optional(),
  'upload-every': duration(100).default(5000),
});

const source = z
  .strictObject({
    engine: z.enum(['postgres']),
    hosts: z.array(endpoint).min(1, 'must name at least one host').optional(),
    host: host.optional(),
    port: port.optional(),
    socket: path.optional(),
    user: text.default('holdfast'),
    'password-file': path.optional(),
    'password-env': environmentVariable.optional(),
    database: text.default('postgres'),
    tls: tls.default({ mode: 'prefer' }),
    prefer: z.enum(['any', 'primary', 'standby']).default('any'),
    checkpoint: z.enum(['fast', 'spread']).default('fast'),
    follow: follow.optional(),
  })
  .refine((value) => [value.hosts, value.host, value.socket].filter(Boolean).length === 1, {
    error: 'must have exactly one of hosts, host and socket',
  })
  .refine((value) => value.hosts === undefined || value.port === undefined, {
    path: ['port'],
    error: 'belongs inside each entry of hosts',
  })
  .refine((value) => !(value['password-file'] && value['password-env']), {
    path: ['password-env'],
    error: 'cannot be given together with password-file',
  });

const sourceName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, {
  error: 'is not a source name: lower-case letters, digits, - and _, at most 63',
});

export const fileSchema = z.strictObject({
  repository: z.strictObject({ location, key }),
  sources: z
    .record(sourceName, source)
    .refine((value) => Object.keys(value).length > 0, { error: 'must name at least one source' }),
});

export type ConfigFile = z.infer<typeof fileSchema>;
export type SourceSection = z.infer<typeof source>;

/** The keys that may stand at `path`, for "did you mean"; empty where there is no section. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  let schema: unknown = fileSchema;
  for (const step of path) schema = inner(bare(schema), step);
  const section = bare(schema);
  return section instanceof z.ZodObject ? Object.keys(section.shape) : [];
}

function inner(schema: unknown, step: PropertyKey): unknown {
  if (schema instanceof z.ZodObject) return schema.shape[String(step)];
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (schema instanceof z.ZodArray) return schema.element;
  return undefined;
}

function bare(schema: unknown): unknown {
  let result = schema;
  while (result instanceof z.ZodOptional || result instanceof z.ZodDefault) {
    result = result.unwrap();
  }
  return result;
}
